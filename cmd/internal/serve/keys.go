package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"passbook/shared/access"
	"passbook/shared/access/apikey"
	"passbook/shared/opslog"
	"passbook/shared/platform"
)

const (
	// firstKeyFile is the file in a data directory that has the key of a first start, for who
	// missed what was printed.
	firstKeyFile = "first-key"
	// firstKeyLife is how long that key is good: long enough to make others with.
	firstKeyLife = 24 * time.Hour
	// firstStart is the actor who makes it.
	firstStart = "bank:first-start"
)

// openKeys opens the API keys of the bank, and makes the first one where there never was one.
func (p *Process) openKeys(ctx context.Context) (access.Authenticator, error) {
	never, err := apikey.Never(ctx, p.Engine.Table)
	if err != nil {
		return nil, err
	}
	switch {
	case !never:
	case p.Config.Store == platform.Embedded:
		if err := p.makeFirstKey(ctx); err != nil {
			return nil, err
		}
	default: // what is printed here is kept by others, and several processes may start at once
		p.Log.Warn("there is no API key yet, so that every request is refused: bank key create --store aws makes one; it works within seconds")
	}
	keys, err := apikey.Open(ctx, apikey.Config{Table: p.Engine.Table, Metrics: p.Registry, Log: p.Log})
	if err != nil {
		return nil, err
	}
	p.Go(UntilPublisher, "reader of the API keys", keys.Run)
	p.keys = keys
	if p.firstKey == "" && p.Config.Store == platform.Embedded {
		p.tidyFirstKey(ctx, keys)
	}
	return keys, nil
}

// tidyFirstKey removes the file of the first key once the key has ended: the image has no program
// to remove a file with.
func (p *Process) tidyFirstKey(ctx context.Context, keys access.Authenticator) {
	name := filepath.Join(p.Config.Data, firstKeyFile)
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		if _, failed := keys.Authenticate(ctx, strings.TrimSpace(string(text))); failed == nil {
			p.Log.Warn("the key of the first start is still good, to all who read its file: make others with bank key create, then revoke it with bank key revoke", "file", name)
			return
		}
		err = os.Remove(name)
	}
	if err != nil {
		p.Log.Warn("the file of the first API key stays: remove it, its key has ended", "file", name, "error", err)
	}
}

// makeFirstKey makes a key with all scopes. It is in its file before it is in the table, so that a
// start that is interrupted makes no key that nobody has.
func (p *Process) makeFirstKey(ctx context.Context) error {
	made, now := apikey.Generate(), time.Now()
	if err := writeSecret(p.Config.Data, firstKeyFile, made.Text); err != nil {
		return fmt.Errorf("write the first API key: %w", err)
	}
	key := apikey.Key{
		ID: made.ID, Sum: made.Sum, Name: "first start", Tenant: access.MainTenant, AllTenants: true, Scopes: access.All,
		Created: now, CreatedBy: firstStart, Expires: now.Add(firstKeyLife),
	}
	action, err := opslog.Begin(ctx, p.Engine.Table, opslog.Action{
		Job: "key-create", Actor: firstStart, Tenant: key.Tenant, Reason: "the first start with --auth apikey", Params: fmt.Sprintf(`{"id":%q}`, key.ID),
	})
	if err != nil {
		return err
	}
	if _, err := apikey.Create(ctx, p.Engine.Table, key); err != nil {
		return err
	}
	if err := action.End(ctx, p.Engine.Table, opslog.Outcome{State: opslog.Done}); err != nil {
		return err
	}
	p.firstKey = made.Text
	p.Log.Warn("the first start made an API key with all scopes; make others with bank key create, then revoke it with bank key revoke",
		"id", made.ID, "until", now.Add(firstKeyLife).UTC().Format(time.RFC3339), "file", filepath.Join(p.Config.Data, firstKeyFile))
	return nil
}

// KeyLastUsed returns the day on which this process last saw an API key; zero if it has not, or
// takes no keys.
func (p *Process) KeyLastUsed(id string) time.Time {
	if p.keys == nil {
		return time.Time{}
	}
	return p.keys.LastUsed(id)
}

// FirstKey returns the API key that this start of the process made, empty if there was one before.
func (p *Process) FirstKey() string { return p.firstKey }

// writeSecret writes a line into a file that only this user may read, in place of any before it.
func writeSecret(dir, name, text string) error {
	draft := filepath.Join(dir, name+".new")
	if err := os.Remove(draft); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(draft, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(draft, filepath.Join(dir, name))
}
