package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"passbook/shared/platform"
	"passbook/shared/progress"
)

// settings has a flag of each kind.
type settings struct {
	StoreFlags
	Shards *string `name:"shards"`
}

func TestFlagsWinOverTheEnvironmentOverTheDefaults(t *testing.T) {
	text := func(s string) *string { return &s }
	term := &Terminal{Err: io.Discard, Environ: []string{"PASSBOOK_SHARDS=8", "PASSBOOK_DATA=from-env"}}
	c, err := term.Config(&settings{StoreFlags: StoreFlags{Data: text("from-flag")}})
	if err != nil {
		t.Fatal(err)
	}
	if c.Data != "from-flag" || c.Shards != 8 || c.Prefix != "passbook-" {
		t.Errorf("data %s, shards %d, prefix %s", c.Data, c.Shards, c.Prefix)
	}
	_, err = term.Config(&settings{Shards: text("many")})
	if !errors.Is(err, platform.ErrConfig) || !strings.Contains(err.Error(), "--shards (PASSBOOK_SHARDS)") {
		t.Errorf("%v", err)
	}
}

// failing is a command that fails as it is told.
type failing struct{ err error }

func (f failing) Run() error { return f.err }

func TestExitCodes(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		args []string
		code int
		says string
	}{
		"done":        {nil, []string{"it"}, ExitOK, ""},
		"failed":      {errors.New("broken"), []string{"it"}, ExitFailed, "broken"},
		"with advice": {Fail(ExitBehind, errors.New("late"), "wait"), []string{"it"}, ExitBehind, "wait"},
		"escapes":     {errors.New("a\x1b[2Jb\nc"), []string{"it"}, ExitFailed, "a\ufffd[2Jb\nc"},
		"wrapped":     {fmt.Errorf("a: %w", platform.ErrLocked), []string{"it"}, ExitUnreachable, "end that process"},
		"setting":     {fmt.Errorf("%w: --shards", platform.ErrConfig), []string{"it"}, ExitUsage, "--shards"},
		"unknown":     {nil, []string{"that"}, ExitUsage, "that"},
		"bad flag":    {nil, []string{"it", "--much"}, ExitUsage, "--much"},
		"help":        {nil, []string{"--help"}, ExitOK, ""},
	} {
		var out, errOut bytes.Buffer
		grammar := struct {
			It failing `cmd:""`
		}{failing{tt.err}}
		code := Run(context.Background(), "test", "about", &grammar, tt.args, &Terminal{Out: &out, Err: &errOut})
		if code != tt.code || !strings.Contains(errOut.String(), tt.says) {
			t.Errorf("%s: code %d, said %q", name, code, errOut.String())
		}
	}
}

func TestHelpIsWhereItIsLookedFor(t *testing.T) {
	type one struct {
		It failing `cmd:"" help:"Does it."`
	}
	for _, tt := range []struct {
		args []string
		code int
	}{{[]string{"help"}, ExitOK}, {[]string{"help", "it"}, ExitOK}, {[]string{"--help"}, ExitOK}, {nil, ExitOK}} {
		var out, errOut bytes.Buffer
		code := Run(context.Background(), "test", "about", &one{}, tt.args, &Terminal{Out: &out, Err: &errOut})
		if said := out.String() + errOut.String(); code != tt.code || !strings.Contains(said, "Usage: test") || !strings.Contains(said, "Does it.") {
			t.Errorf("%v: exit %d, %q", tt.args, code, said)
		}
	}
}

func TestSettingsThatDoNothingAreNamed(t *testing.T) {
	var said bytes.Buffer
	term := &Terminal{Err: &said, Environ: []string{"PASSBOOK_SEGMNT_AGE=5s", "PASSBOOK_SHARDS=8", "PASSBOOK_KILLS=1", "HOME=/"}}
	if _, err := term.Config(&settings{}); err != nil || strings.Count(said.String(), "\n") != 1 || !strings.Contains(said.String(), "PASSBOOK_SEGMNT_AGE") {
		t.Errorf("%v, said %q", err, said.String())
	}
	empty := ""
	_, err := term.Config(&settings{StoreFlags: StoreFlags{Data: &empty}})
	if f := explain(err); err == nil || f.Code != ExitUsage || !strings.Contains(err.Error(), "--data is empty") {
		t.Errorf("--data '': %v", err)
	}
}

func TestProgressElsewhereIsALineEveryFiveSeconds(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(1000, 0)
	p := NewProgress(&out, "rebuild")
	p.now = func() time.Time { return now }
	p.last = now
	for i := range 11 {
		left := float64(20 - i)
		p.Report(progress.Snapshot{Phase: "reading", Unit: "events", Done: int64(i) * 500, Total: 10_000, Rate: 500, ETASeconds: &left})
		now = now.Add(time.Second)
	}
	now = now.Add(lineEvery)
	p.Report(progress.Snapshot{Phase: "rebuild", Unit: "events", Done: 7}) // a job of one phase is named once
	p.Finish()
	want := "rebuild: reading: 2500 of 10000 events, 500/s, 15s to go\nrebuild: reading: 5000 of 10000 events, 500/s, 10s to go\nrebuild: 7 events, 0/s\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}
