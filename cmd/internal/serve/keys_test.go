package serve

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"passbook/shared/access"
	"passbook/shared/access/apikey"
	"passbook/shared/control"
	"passbook/shared/opslog"
	"passbook/shared/platform"
	"passbook/shared/table"
)

// asking opens a process that asks for API keys, on a data directory that it closes.
func asking(t *testing.T, data string, then func(p *Process)) {
	t.Helper()
	openedAs(t, platform.AuthKeys, data, then)
}

// openedAs opens a process in a mode of access, on a data directory that it closes.
func openedAs(t *testing.T, mode, data string, then func(p *Process)) {
	t.Helper()
	config, err := platform.FromEnv([]string{"PASSBOOK_DATA=" + data, "PASSBOOK_LISTEN=127.0.0.1:0", "PASSBOOK_AUTH=" + mode})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	engine, err := platform.Open(t.Context(), config, platform.Resources{Tables: []table.Schema{control.Schema}}, log)
	if err != nil {
		t.Fatal(err)
	}
	listens := Program{Name: "test", Open: func(ctx context.Context, p *Process) error { return p.Listen(ctx) }}
	p, err := OpenOn(t.Context(), listens, "test", config, engine, log)
	if err != nil {
		t.Fatal(err)
	}
	then(p)
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// The first key is made once, is good at once, and its file is there for as long as it is good.
func TestTheFirstKeyIsMadeOnce(t *testing.T) {
	data := t.TempDir()
	file := filepath.Join(data, firstKeyFile)
	var first string
	asking(t, data, func(p *Process) {
		first = p.FirstKey()
		who, err := p.auth.Authenticate(t.Context(), first)
		if err != nil || who.Scopes != access.All || who.Tenant != access.MainTenant || !who.AllTenants {
			t.Errorf("%q is %+v: %v", first, who, err)
		}
		keys, err := apikey.List(t.Context(), p.Engine.Table)
		if err != nil || len(keys) != 1 || keys[0].Expires.Sub(keys[0].Created) != 24*time.Hour {
			t.Errorf("%+v: %v", keys, err)
		}
		log, _, err := opslog.List(t.Context(), p.Engine.Table, opslog.Page{Limit: 10})
		if err != nil || len(log) != 1 || log[0].State != opslog.Done || log[0].Actor != keys[0].CreatedBy || strings.Contains(log[0].Params, first) {
			t.Errorf("the operators' log has %+v: %v", log, err)
		}
	})
	text, err := os.ReadFile(file)
	if err != nil || strings.TrimSpace(string(text)) != first {
		t.Errorf("the file has %q: %v", text, err)
	}
	asking(t, data, func(p *Process) {
		if p.FirstKey() != "" {
			t.Error("a second start makes another key")
		}
		if _, err := os.Stat(file); err != nil {
			t.Errorf("a key that is good has no file: %v", err)
		}
		if _, err := apikey.Revoke(t.Context(), p.Engine.Table, strings.Split(first, "_")[1], time.Now()); err != nil {
			t.Fatal(err)
		}
	})
	asking(t, data, func(p *Process) {
		if _, err := os.Stat(file); !os.IsNotExist(err) || p.FirstKey() != "" {
			t.Errorf("after it was revoked: %v, %q", err, p.FirstKey())
		}
	})
}

// What was left behind by another start, or by somebody else, is no place for a secret.
func TestTheFileOfTheFirstKeyIsMadeNew(t *testing.T) {
	data := t.TempDir()
	openedAs(t, platform.AuthDev, data, func(*Process) {})
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.Symlink(elsewhere, filepath.Join(data, firstKeyFile+".new")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, firstKeyFile), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	asking(t, data, func(p *Process) {
		info, err := os.Lstat(filepath.Join(data, firstKeyFile))
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("%v: %v", info, err)
		}
	})
	if _, err := os.Stat(elsewhere); !os.IsNotExist(err) {
		t.Errorf("the key was written elsewhere: %v", err)
	}
}
