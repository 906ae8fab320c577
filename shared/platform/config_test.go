package platform

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestDefaultsAreUsable(t *testing.T) {
	c, err := FromEnv(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:8080" || c.Data != "./data" || c.Store != Embedded || c.Shards != 4 || c.SegmentBytes != 64<<20 || c.Lease != 10*time.Second || c.StreamEncoding != StreamJSON {
		t.Errorf("defaults %+v", c)
	}
}

func TestBadSettingsNameFlagAndVariable(t *testing.T) {
	for _, tt := range []struct{ variable, value, flag, says string }{
		{"PASSBOOK_LISTEN", "8080", "--listen", "host:port"},
		{"PASSBOOK_LISTEN", "127.0.0.1:99999", "--listen", "65535"},
		{"PASSBOOK_OPS_LISTEN", "0.0.0.0:0", "--ops-listen", "loopback"},
		{"PASSBOOK_ENVIRONMENT", ":production", "--environment", "1 to 32 letters"},
		{"PASSBOOK_ENVIRONMENT", "ledger:prod", "--environment", ":production"},
		{"PASSBOOK_STORE", "floppy", "--store", "neither"},
		{"PASSBOOK_BUCKET", "My_Bucket", "--bucket", "3 to 63"},
		{"PASSBOOK_EFFECTIVE_BACK", "-1", "--effective-back", "0 to 36525 days"},
		{"PASSBOOK_EFFECTIVE_AHEAD", "36526", "--effective-ahead", "0 to 36525 days"},
		{"PASSBOOK_EFFECTIVE_AHEAD", "1d", "--effective-ahead", "cannot be read"},
		{"PASSBOOK_DRAIN_DELAY", "2m", "--drain-delay", "0s to 1m"},
		{"PASSBOOK_PREFIX", "Über#", "--prefix", "a-z"},
		{"PASSBOOK_SHARDS", "0", "--shards", "1 to 1024"},
		{"PASSBOOK_SHARDS", "four", "--shards", "cannot be read"},
		{"PASSBOOK_STREAM_ENCODING", "gzip", "--stream-encoding", "neither json nor zstd"},
		{"PASSBOOK_LEASE", "1ms", "--lease", "5s to 5m"},
		{"PASSBOOK_SEGMENT_AGE", "2 days", "--segment-age", "cannot be read"},
		{"PASSBOOK_SEGMENT_BYTES", "64 apples", "--segment-bytes", "such as 64MiB"},
		{"PASSBOOK_SEGMENT_BYTES", "1B", "--segment-bytes", "1KiB to 1GiB"},
		{"PASSBOOK_INSTANCE", "a#b", "--instance", "#"},
	} {
		c, err := FromEnv([]string{tt.variable + "=" + tt.value})
		if err == nil {
			err = c.Validate()
		}
		if !errors.Is(err, ErrConfig) {
			t.Errorf("%s=%s: %v", tt.variable, tt.value, err)
			continue
		}
		for _, want := range []string{tt.variable, tt.flag, tt.says} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s=%s: %q does not say %q", tt.variable, tt.value, err, want)
			}
		}
	}
}

func TestEnvironmentHasANameAndTheMarkOfProduction(t *testing.T) {
	for text, want := range map[string]struct {
		name       string
		production bool
	}{"": {}, "ledger 2": {"ledger 2", false}, "ledger:production": {"ledger", true}, "production": {"production", false}} {
		c, err := FromEnv([]string{"PASSBOOK_ENVIRONMENT=" + text})
		if err != nil || c.Validate() != nil {
			t.Fatalf("%q: %v", text, errors.Join(err, c.Validate()))
		}
		if name, production := c.Named(); name != want.name || production != want.production {
			t.Errorf("%q is %q, production %t", text, name, production)
		}
	}
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]Bytes{"64MiB": 64 << 20, "1GiB": 1 << 30, "2 KiB": 2048, "7B": 7, "9": 9} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err != nil || b != want {
			t.Errorf("%s: %d, %v", text, b, err)
		}
		var again Bytes
		if err := again.UnmarshalText([]byte(b.String())); err != nil || again != b {
			t.Errorf("%s: written as %s", text, b)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "1.5MiB", "9223372036854775807GiB"} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q: read as %d", text, b)
		}
	}
}

func TestOpsFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := FindOps(dir); !errors.Is(err, ErrNoOps) {
		t.Fatalf("nothing announced: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, opsFile+".new"), []byte("left behind"), 0o644); err != nil {
		t.Fatal(err)
	}
	stale, err := AnnounceOps(Config{Data: dir, Store: Embedded}, Ops{"127.0.0.1:1", "one"})
	if err != nil {
		t.Fatal(err)
	}
	second := Ops{"127.0.0.1:1", "two"}
	withdraw, err := AnnounceOps(Config{Data: dir, Store: Embedded}, second)
	if err != nil {
		t.Fatal(err)
	}
	if err := stale(); err != nil {
		t.Fatal(err)
	}
	if got, err := FindOps(dir); got != second || err != nil {
		t.Fatalf("found %q, %v: an older process took the newer address away", got, err)
	}
	if info, err := os.Stat(filepath.Join(dir, opsFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := os.Mkdir(filepath.Join(dir, engineDir), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := AnnounceOps(Config{Data: dir, Store: AWS}, Ops{"127.0.0.1:3", "three"}); err == nil {
		t.Error("a process on AWS took the place of an embedded bank")
	}
	if err := withdraw(); err != nil {
		t.Fatal(err)
	}
	if _, err := FindOps(dir); !errors.Is(err, ErrNoOps) {
		t.Errorf("after the withdrawal: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, opsFile), []byte("127.0.0.1:3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := FindOps(dir); got != (Ops{Address: "127.0.0.1:3"}) || err != nil {
		t.Errorf("of a release without a secret: %q, %v", got, err)
	}
	if err := os.WriteFile(filepath.Join(dir, opsFile), []byte("not an address"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := FindOps(dir); !errors.Is(err, ErrNoOps) {
		t.Errorf("a damaged file: %v", err)
	}
}

// Without credentials only this machine is served, whichever way the other machines are named.
func TestAddressesThatOthersReachNeedCredentials(t *testing.T) {
	for listen, exposed := range map[string]bool{
		"127.0.0.1:8080": false, "127.1.2.3:0": false, "localhost:8080": false, "[::1]:8080": false,
		"0.0.0.0:8080": true, ":8080": true, "[::]:8080": true, "192.0.2.1:8080": true, "bank.internal:8080": true,
	} {
		c, err := FromEnv([]string{"PASSBOOK_LISTEN=" + listen})
		if err != nil {
			t.Fatal(err)
		}
		err = c.CheckExposed()
		if (err != nil) != exposed || exposed && (!errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "127.0.0.1") || !strings.Contains(err.Error(), "--auth apikey")) {
			t.Errorf("%s: %v", listen, err)
		}
		c.Auth = AuthKeys
		if err := c.CheckExposed(); err != nil {
			t.Errorf("%s with keys: %v", listen, err)
		}
	}
}
