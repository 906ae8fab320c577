package bank

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/jobs"
	"passbook/shared/access"
	"passbook/shared/access/apikey"
)

// keyCommand groups the commands on API keys.
type keyCommand struct {
	Create keyCreateCommand `cmd:"" help:"Make a key, and show it once."`
	List   keyListCommand   `cmd:"" help:"List the keys, without their secrets."`
	Revoke keyRevokeCommand `cmd:"" help:"End a key, in all processes within 5 seconds."`
}

// Help returns the example.
func (keyCommand) Help() string {
	return "Programs with --auth apikey ask their callers for a key.\n\nExample:\n\n  bank key list"
}

// keyCreateCommand makes a key.
type keyCreateCommand struct {
	cli.StoreFlags
	cli.ReasonFlag
	Name       string   `name:"name" required:"" placeholder:"TEXT" help:"Who gets it: a service or a person."`
	Scopes     []string `name:"scopes" required:"" placeholder:"NAMES" help:"${scopes}; or all."`
	Tenant     string   `name:"tenant" default:"main" help:"Whose accounts it is for."`
	Expires    string   `name:"expires" default:"90d" placeholder:"WHEN" help:"90d, 12h, 2027-01-31T00:00:00Z or never [90d]."`
	AllTenants bool     `name:"all-tenants" help:"Let the scopes ops:read and ops:write be for all tenants."`
	cli.Output
}

// Help returns what it does, and the example.
func (keyCreateCommand) Help() string {
	return "The key is shown once and stored nowhere: the bank has the SHA-256 of its secret. It works in all processes within 2 seconds, as\n" +
		"Authorization: Bearer KEY.\n\nExample:\n\n  bank key create --name payroll --scopes accounts:read,money:credit --expires 90d"
}

// allScopes is what stands for every scope on the command line.
const allScopes = "all"

// created is a key that was made, with its text.
type created struct {
	jobs.APIKey
	Text string `json:"key"`
}

// Run makes the key here and has the bank store its sum.
func (c *keyCreateCommand) Run(ctx context.Context, t *cli.Terminal) error {
	until, err := parseExpiry(c.Expires, time.Now())
	if err != nil {
		return err
	}
	if len(c.Scopes) == 1 && c.Scopes[0] == allScopes {
		c.Scopes = access.All.Names()
	}
	config, err := t.Config(&c.StoreFlags)
	if err != nil {
		return err
	}
	made := apikey.Generate()
	create := jobs.Command[jobs.APIKey]{Name: "key-create", Reason: c.Reason, Params: jobs.KeyCreateParams{
		ID: made.ID, Sum: made.Sum, Name: c.Name, Tenant: c.Tenant, Scopes: c.Scopes, AllTenants: c.AllTenants, Expires: cli.Instant(until),
	}}
	result, err := create.Do(ctx, t, config)
	return cli.Show(t, c.Output, created{result, made.Text}, err, func(w io.Writer) {
		fmt.Fprintf(w, "%s\n\nThis is the key of %s for tenant %s, %s. It is shown this once. Its id is %s.\n", made.Text, result.Name, result.Tenant, life(result), result.ID)
		fmt.Fprintf(w, "Scopes: %s\nIt works within 2 seconds: curl -H 'Authorization: Bearer KEY'. bank key revoke %s ends it.\n", strings.Join(result.Scopes, ", "), result.ID)
	})
}

// life returns until when a key is good, for people.
func life(k jobs.APIKey) string {
	switch {
	case !k.Revoked.IsZero():
		return "revoked at " + k.Revoked.UTC().Format(time.RFC3339)
	case k.Expires.IsZero():
		return "until it is revoked"
	case k.State != "active":
		return "expired at " + k.Expires.UTC().Format(time.RFC3339)
	}
	return "until " + k.Expires.UTC().Format(time.RFC3339)
}

// parseExpiry returns the time that --expires names, zero for never.
func parseExpiry(text string, now time.Time) (time.Time, error) {
	if text == "never" {
		return time.Time{}, nil
	}
	var at cli.Instant
	if at.UnmarshalText([]byte(text)) == nil {
		return at.Time(), nil
	}
	var days int
	if n, err := fmt.Sscanf(text, "%dd", &days); n == 1 && err == nil && text == fmt.Sprintf("%dd", days) && days > 0 && days < 36_500 {
		return now.AddDate(0, 0, days), nil
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(d), nil
	}
	return time.Time{}, cli.Usage("--expires %q is neither a number of days as 90d, nor a duration as 12h, nor a time as 2027-01-31T00:00:00Z, nor never", text)
}

// keyListCommand lists the keys.
type keyListCommand struct {
	cli.StoreFlags
	Tenant string `name:"tenant" placeholder:"NAME" help:"Only those of a tenant."`
	cli.Output
}

// Help returns the example.
func (keyListCommand) Help() string {
	return "Keys that were revoked or have expired are listed for 400 days.\n\nExample:\n\n  bank key list"
}

// Run lists them.
func (c *keyListCommand) Run(ctx context.Context, t *cli.Terminal) error {
	list := jobs.Command[[]jobs.APIKey]{Name: "key-list", Params: jobs.KeyListParams{Tenant: c.Tenant}, Output: c.Output}
	return list.Run(ctx, t, &c.StoreFlags, func(w io.Writer, keys []jobs.APIKey) {
		switch {
		case len(keys) == 0 && c.Tenant != "":
			fmt.Fprintf(w, "tenant %s has no key: bank key create --tenant %s makes one, bank key list shows those of all\n", c.Tenant, c.Tenant)
			return
		case len(keys) == 0:
			fmt.Fprintln(w, "there is no key: bank key create makes one")
			return
		}
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "id\tname\ttenant\tgood\tmade by\tscopes")
		for _, k := range keys {
			tenant := k.Tenant
			if k.AllTenants {
				tenant += ", all for operators"
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Name, tenant, life(k), cmp.Or(k.CreatedBy, "-"), scopesFor(k.Scopes))
		}
		_ = table.Flush() // w reports its own errors
	})
}

// scopesFor returns scopes for people.
func scopesFor(names []string) string {
	if len(names) == len(access.All.Names()) {
		return allScopes
	}
	return strings.Join(names, ",")
}

// keyRevokeCommand ends a key.
type keyRevokeCommand struct {
	cli.StoreFlags
	cli.ReasonFlag
	ID string `arg:"" help:"Id of the key: what stands between its two _."`
	cli.Output
}

// Help returns the example.
func (keyRevokeCommand) Help() string {
	return "A process that cannot read the control table refuses every key after a minute; until then it still takes a revoked one.\n\n" +
		"Example:\n\n  bank key revoke 7hQ2mZ0dXk4B"
}

// Run ends it.
func (c *keyRevokeCommand) Run(ctx context.Context, t *cli.Terminal) error {
	revoke := jobs.Command[jobs.APIKey]{Name: "key-revoke", Params: jobs.KeyRevokeParams{ID: c.ID}, Output: c.Output, Reason: c.Reason}
	return revoke.Run(ctx, t, &c.StoreFlags, func(w io.Writer, k jobs.APIKey) {
		fmt.Fprintf(w, "the key %s of %s is revoked, since %s; all processes refuse it within 5 seconds\n", k.ID, k.Name, k.Revoked.UTC().Format(time.RFC3339))
	})
}
