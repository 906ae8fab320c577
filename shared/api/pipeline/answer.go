package pipeline

import (
	"math"

	"passbook/shared/api"
	"passbook/shared/monitor"
)

// The states of a part of the pipeline.
const (
	stateOK   = "ok"
	stateWarn = "warn"
	stateBad  = "bad"
)

// Environment is where the bank runs.
type Environment struct {
	// Store is embedded, emulator or aws; Place is the directory, the endpoint, or the region.
	Store string `json:"store"`
	Place string `json:"place"`
	// Account is the AWS account, on AWS; Name is what people call the deployment, and Production
	// says that its money is real.
	Account    string `json:"account,omitempty"`
	Name       string `json:"name,omitempty"`
	Production bool   `json:"production,omitempty"`
	// Program is what answers, Version its version.
	Program string `json:"program"`
	Version string `json:"version"`
}

// Answer is how the pipeline is.
type Answer struct {
	AsOf          api.Time    `json:"as_of"`
	WindowSeconds int         `json:"window_seconds"`
	BinSeconds    int         `json:"bin_seconds"`
	Environment   Environment `json:"environment"`
	Services      []Service   `json:"services"`
	Journal       Flow        `json:"journal"`
	Stream        Stream      `json:"stream"`
	Consumers     []Consumer  `json:"consumers"`
	Archive       Archive     `json:"archive"`
	Commands      Commands    `json:"commands"`
	Writers       []Writer    `json:"writers"`
	Generations   []Model     `json:"generations"`
	Processes     []Process   `json:"processes"`
	Disk          *Disk       `json:"disk"`
	Audit         *Audit      `json:"audit"`
	Attention     []Attention `json:"needs_attention"`
}

// Flow is how much passes a place: what all parts of the pipeline have.
type Flow struct {
	State string `json:"state"`
	// Rate is the number a second of the last ten seconds, History that of each bin.
	Rate       *float64   `json:"rate"`
	P99Seconds *float64   `json:"p99_seconds"`
	History    []*float64 `json:"history"`
	LastError  *Failure   `json:"last_error"`
}

// Failure is the last failure in the window.
type Failure struct {
	What string   `json:"what"`
	At   api.Time `json:"at"`
}

// Service is what answers calls: withdraw, credit, or queries.
type Service struct {
	Name string `json:"name"`
	Flow
}

// Stream is the stream of events.
type Stream struct {
	Name string `json:"name"`
	Flow
	Shards []Shard `json:"shards"`
}

// Shard is a shard of the stream.
type Shard struct {
	ID string `json:"id"`
	// FirstHash and LastHash bound its hash keys, in hexadecimal.
	FirstHash string   `json:"first_hash"`
	LastHash  string   `json:"last_hash"`
	Parents   []string `json:"parents"`
	Closed    bool     `json:"closed"`
	Rate      *float64 `json:"rate"`
	// Share is the part of all records of the last ten minutes that came to it.
	Share         *float64    `json:"share"`
	BehindSeconds api.Seconds `json:"behind_seconds"`
}

// Consumer is a consumer of the stream, one for each generation of a model.
type Consumer struct {
	Name string `json:"name"`
	// Model is the model's name, or the consumer's where it has no model; Live says that readers
	// get this generation.
	Model string `json:"model"`
	Live  bool   `json:"live"`
	Flow
	BehindSeconds api.Seconds   `json:"behind_seconds"`
	Holes         int           `json:"holes"`
	Blocked       []Blocked     `json:"blocked"`
	Shards        []ShardStatus `json:"shards"`
}

// Archive is what the archiver has sealed.
type Archive struct {
	Flow
	// BehindSeconds is the age of the oldest event that is in no segment; null if no archiver is
	// read. CompleteTo is the time up to which all is there.
	BehindSeconds *api.Seconds `json:"behind_seconds"`
	CompleteTo    *api.Time    `json:"complete_to"`
}

// Commands are the answers to commands, dry runs included. Lines of bulk are in none of them.
type Commands struct {
	Accepted Outcome `json:"accepted"`
	Declined Outcome `json:"declined"`
	Refused  Outcome `json:"refused"`
}

// Outcome is how many commands ended in one way.
type Outcome struct {
	// PerMinute counts the last minute whose bins are complete; History has a number for each bin.
	PerMinute *float64   `json:"per_minute"`
	History   []*float64 `json:"history"`
}

// Writer is a writer's session in the journal.
type Writer struct {
	ID    string `json:"id"`
	State string `json:"state"`
	Epoch int64  `json:"epoch"`
	// Published is up to which entry of the session the stream has all; the entries after it are
	// its tail.
	Published int64 `json:"published"`
	Format    int   `json:"format"`
	// Began and Passes are those of a tail that other writers publish.
	Began  api.Time `json:"began,omitzero"`
	Passes int      `json:"passes,omitempty"`
}

// Model are the generations of a read model; 0 means none.
type Model struct {
	Model      string `json:"model"`
	Live       int64  `json:"live"`
	Candidate  int64  `json:"candidate,omitempty"`
	Promoting  int64  `json:"promoting,omitempty"`
	Previous   int64  `json:"previous,omitempty"`
	Discarding int64  `json:"discarding,omitempty"`
}

// Process is a process whose metrics are read.
type Process struct {
	Name          string   `json:"name"`
	Instance      string   `json:"instance"`
	Address       string   `json:"address,omitempty"`
	Version       string   `json:"version,omitempty"`
	StartedAt     api.Time `json:"started_at,omitzero"`
	Up            bool     `json:"up"`
	Ended         bool     `json:"ended,omitempty"`
	Error         string   `json:"error,omitempty"`
	SeenAt        api.Time `json:"seen_at,omitzero"`
	ResidentBytes int64    `json:"resident_bytes"`
}

// Disk is the space on the volume of an embedded bank.
type Disk struct {
	FreeBytes int64 `json:"free_bytes"`
	// FloorBytes is below what commands are refused.
	FloorBytes int64 `json:"floor_bytes"`
}

// Audit is the last audit of which the operators' log knows.
type Audit struct {
	ID       string   `json:"id"`
	At       api.Time `json:"at"`
	State    string   `json:"state"`
	ExitCode *int64   `json:"exit_code,omitempty"`
}

// flow reads a flow from the monitor.
func flow(m *monitor.Monitor, rate, latency, failure monitor.Figure) Flow {
	f := Flow{State: stateOK, Rate: known(m.Rate(rate)), History: perSecond(m.History(rate))}
	if latency.Kind != "" {
		if q, any := m.Quantile(latency, .99); any {
			f.P99Seconds = rounded(q, 6)
		}
	}
	if failure.Kind != "" {
		if last, failed := m.Failure(failure); failed {
			f.LastError = &Failure{What: last.What, At: api.Time{Time: last.At}}
		}
	}
	return f
}

func known(rate float64, is bool) *float64 {
	if !is {
		return nil
	}
	return rounded(rate, 1)
}

// rounded returns a number with so many decimals.
func rounded(number float64, decimals int) *float64 {
	scale := math.Pow10(decimals)
	number = math.Round(number*scale) / scale
	return &number
}

func perSecond(bins []*float64) []*float64 {
	list := make([]*float64, len(bins))
	for i, sum := range bins {
		if sum != nil {
			list[i] = rounded(*sum/monitor.Bin.Seconds(), 1)
		}
	}
	return list
}
