package discovery

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net"
	"net/url"
	"time"

	"passbook/shared/control"
	"passbook/shared/table"
)

const (
	// Every is the time between two heartbeats.
	Every = 10 * time.Second
	// Silence is how long a process without a heartbeat is still named.
	Silence = 3 * Every
	// Stale is how old the signed time of a heartbeat may be: a row that is older may have been
	// put again by somebody who has read it.
	Stale = 2 * time.Minute
	// ClockMargin is how far the clocks of two machines may be apart.
	ClockMargin = time.Minute
	// Forgotten is how long the row of a silent process is kept, at least.
	Forgotten = 10 * time.Minute
	// MaxProcesses bounds the processes that are read; further ones are not named.
	MaxProcesses = 256
	// callMost bounds each call of the table.
	callMost = 5 * time.Second
	// maxText bounds each text of a row, in bytes.
	maxText = 255
	// label is what the key that signs rows is for.
	label = "process row"
)

// Process is a process of a service.
type Process struct {
	// Service is the program's name, Instance what distinguishes the process from others of it.
	Service, Instance string
	// Version is the program's release, Started when this process began.
	Version string
	Started time.Time
	// Host is the name of its machine. An address of the loopback interface is that machine's.
	Host string
	// API is the URL of its API, Metrics the host and port of its metrics, empty for none.
	API, Metrics string
	// Silent says that its heart has not beaten for Silence, or that its row is Stale. A Directory
	// says it.
	Silent bool

	beat time.Time // when it wrote its row, by its own clock
}

// stale reports whether the time of a row is too far from now for it to be of a process that lives.
func (p Process) stale(now time.Time) bool {
	age := now.Sub(p.beat)
	return age > Stale+ClockMargin || age < -ClockMargin
}

// Keys derives the keys that rows are signed with from the bank's data keys. Without a data key, in
// a bank of format 1, ok is false and rows are not signed.
type Keys interface {
	DeriveCurrent(label string) (id int, key []byte, ok bool)
	DeriveRecent(label string, id int) ([]byte, bool)
}

// key returns the sort key of the process's row.
func (p Process) key() string { return p.Service + "#" + p.Instance }

// Reachable returns why an address of the process cannot be reached from a machine, or nil. address
// is its API or its Metrics.
func (p Process) Reachable(from, address string) error {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		address = u.Host
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%s %s has no address to be reached at: %q is not host:port", p.Service, p.Instance, address)
	}
	if ip := net.ParseIP(host); (host == "localhost" || ip != nil && ip.IsLoopback()) && p.Host != from {
		return fmt.Errorf("%s %s says that it is at %s, which only its own machine %s can reach: have it listen on an address that others reach", p.Service, p.Instance, address, p.Host)
	}
	return nil
}

// attrs returns the attributes of the process's row at an epoch, signed.
func (p Process) attrs(epoch int64, keys Keys) table.Map {
	attrs := table.Map{
		"epoch": table.N(epoch), "version": table.S(p.Version), "started": table.S(timeText(p.Started)),
		"host": table.S(p.Host), "api": table.S(p.API), "beat": table.S(timeText(p.beat)),
	}
	if p.Metrics != "" {
		attrs["metrics"] = table.S(p.Metrics)
	}
	if id, key, ok := keys.DeriveCurrent(label); ok {
		attrs["key"], attrs["mac"] = table.N(id), table.B(p.mac(epoch, key))
	}
	return attrs
}

// timeText returns a time as rows have it.
func timeText(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// mac returns the authentication code of a row.
func (p Process) mac(epoch int64, key []byte) []byte {
	code := hmac.New(sha256.New, key)
	for _, text := range []string{p.Service, p.Instance, p.Version, timeText(p.Started), p.Host, p.API, p.Metrics, timeText(p.beat)} {
		code.Write(binary.BigEndian.AppendUint32(nil, uint32(len(text))))
		code.Write([]byte(text))
	}
	code.Write(binary.BigEndian.AppendUint64(nil, uint64(epoch)))
	return code.Sum(nil)
}

// parse returns the process of a row and its epoch. genuine says that a process with the bank's
// data key wrote it; in a bank without one, every row is genuine.
func parse(row table.Row, keys Keys) (p Process, epoch int64, genuine bool) {
	a := row.Attrs
	service, instance, ok := cut(row.SK)
	started, err := time.Parse(time.RFC3339Nano, a.Text("started"))
	beat, noBeat := time.Parse(time.RFC3339Nano, a.Text("beat"))
	epoch = a.Number("epoch")
	p = Process{
		Service: service, Instance: instance, Version: a.Text("version"), Started: started, Host: a.Text("host"), API: a.Text("api"), Metrics: a.Text("metrics"), beat: beat,
	}
	if !ok || err != nil || noBeat != nil {
		return p, epoch, false
	}
	if _, _, signs := keys.DeriveCurrent(label); !signs {
		return p, epoch, true
	}
	key, known := keys.DeriveRecent(label, int(a.Number("key")))
	said, _ := a["mac"].(table.B)
	return p, epoch, known && hmac.Equal(said, p.mac(epoch, key))
}

// rows returns the rows of the processes.
func rows(t table.Table) control.Rows { return control.Processes(t) }
