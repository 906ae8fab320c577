package operations

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"passbook/shared/access"
	"passbook/shared/console/view"
)

// action is something that an operator can have done.
type action struct {
	// Job is the name of the job; Title and Verb are for people.
	Job, Title, Verb string
	// Section is the page that it belongs to, Back its address.
	Section, Back string
	// Danger says that it cannot be undone: a word is typed before.
	Danger bool
	// Dry says that the job has a dry run, and Own that it is about the person's own tenant only,
	// since its result has what is on accounts.
	Dry    bool
	Own    bool
	Scopes access.Scopes
	// read takes the job's parameters from the form.
	read func(f url.Values) (order, error)
}

// order is what a form asks for.
type order struct {
	// Params are the job's parameters, Command what does the same on a command line.
	Params  map[string]any
	Command []string
	// Tenant is the one that it is about, empty for all. Word is what is typed to confirm.
	Tenant, Word string
	// About says in a few words what it concerns.
	About string
}

// actions are all of them, by the name in the form.
var actions = map[string]action{
	"rebuild": {Job: "rebuild", Title: "Rebuild a read model", Verb: "Rebuild", Section: "Replay", Back: "/ui/replay", Dry: true, Scopes: access.OpsWrite, read: readRebuild},
	"promote": {Job: "promote", Title: "Promote the candidate", Verb: "Promote", Section: "Replay", Back: "/ui/replay", Dry: true, Scopes: access.OpsWrite, read: readPromote},
	"back":    {Job: "promote", Title: "Go back to the previous generation", Verb: "Go back", Section: "Replay", Back: "/ui/replay", Dry: true, Scopes: access.OpsWrite, read: readBack},
	"discard": {Job: "discard", Title: "Discard a generation", Verb: "Discard", Section: "Replay", Back: "/ui/replay", Dry: true, Danger: true, Scopes: access.OpsWrite, read: readDiscard},
	"states":  {Job: "states", Title: "All accounts at a time", Verb: "Fold them", Section: "Replay", Back: "/ui/replay", Scopes: access.OpsWrite | access.AccountsRead, Own: true, read: readStates},
	"audit":   {Job: "audit", Title: "Audit", Verb: "Run the audit", Section: "Audit", Back: "/ui/audit", Scopes: access.OpsWrite, read: readAudit},
	"redrive": {Job: "redrive", Title: "Redrive an account", Verb: "Redrive", Section: "Quarantine", Back: "/ui/quarantine", Dry: true, Scopes: access.OpsWrite, read: readRedrive},
	"clear":   {Job: "clear", Title: "Clear a record", Verb: "Clear", Section: "Quarantine", Back: "/ui/quarantine", Dry: true, Danger: true, Scopes: access.OpsWrite, read: readClear},
	"key":     {Job: "key-create", Title: "Make an API key", Verb: "Make the key", Section: "Operators", Back: "/ui/operators?tab=keys", Scopes: access.KeysWrite, read: readKey},
	"revoke":  {Job: "key-revoke", Title: "Revoke an API key", Verb: "Revoke", Section: "Operators", Back: "/ui/operators?tab=keys", Danger: true, Scopes: access.KeysWrite, read: readRevoke},
}

// modelOf returns the model that a form names.
func modelOf(f url.Values) (string, error) {
	if m := f.Get("model"); m == "balance" || m == "creditlimit" {
		return m, nil
	}
	return "", fmt.Errorf("the read model is balance or creditlimit")
}

func readRebuild(f url.Values) (order, error) {
	model, err := modelOf(f)
	from := f.Get("from")
	if err == nil && from != "archive" && from != "journal" {
		err = fmt.Errorf("a rebuild is from archive or journal")
	}
	return order{
		Params: map[string]any{"model": model, "from": from}, About: model + " from the " + from,
		Command: []string{"replay", "rebuild", "--model", model, "--from", from},
	}, err
}

func readPromote(f url.Values) (order, error) {
	model, err := modelOf(f)
	return order{Params: map[string]any{"model": model}, Command: []string{"replay", "promote", "--model", model}, About: model}, err
}

func readBack(f url.Values) (order, error) {
	model, err := modelOf(f)
	return order{Params: map[string]any{"model": model, "back": true}, Command: []string{"replay", "promote", "--model", model, "--back"}, About: model}, err
}

func readDiscard(f url.Values) (order, error) {
	model, err := modelOf(f)
	return order{Params: map[string]any{"model": model}, Command: []string{"replay", "discard", "--model", model}, Word: model, About: model}, err
}

func readStates(f url.Values) (order, error) {
	tenant := f.Get("tenant")
	if !access.ValidTenant(tenant) {
		return order{}, fmt.Errorf("the states are those of a tenant")
	}
	at, err := time.Parse(time.RFC3339, strings.TrimSpace(f.Get("time")))
	if err != nil {
		return order{}, fmt.Errorf("a time is like 2026-11-30T08:00:00Z")
	}
	when := at.UTC().Format(time.RFC3339Nano)
	return order{
		Params: map[string]any{"time": when, "tenant": tenant}, Tenant: tenant, About: "tenant " + tenant + " at " + when,
		Command: []string{"replay", "at", "--time", when, "--tenant", tenant, "-o", "ndjson"},
	}, nil
}

func readAudit(f url.Values) (order, error) {
	o := order{Params: map[string]any{}, Command: []string{"audit"}, About: "the whole bank"}
	if tenant := f.Get("tenant"); tenant != "" {
		if !access.ValidTenant(tenant) {
			return o, fmt.Errorf("a tenant is 1 to 32 of a-z, 0-9 and -, and begins with a letter or digit")
		}
		o.Tenant, o.Params["tenant"], o.About = tenant, tenant, "tenant "+tenant
		o.Command = append(o.Command, "--tenant", tenant)
	}
	if f.Get("repair") != "" {
		o.Params["repair"], o.About = true, o.About+", with repair"
		o.Command = append(o.Command, "--repair")
	}
	return o, nil
}

func readRedrive(f url.Values) (order, error) {
	account, tenant := f.Get("account"), f.Get("tenant")
	if account == "" || !access.ValidTenant(tenant) {
		return order{}, fmt.Errorf("a redrive names an account and its tenant")
	}
	return order{
		Params: map[string]any{"account": account, "tenant": tenant}, Tenant: tenant, About: account + " of tenant " + tenant,
		Command: []string{"bank", "quarantine", "redrive", account, "--tenant", tenant},
	}, nil
}

func readClear(f url.Values) (order, error) {
	record := f.Get("record")
	if record == "" {
		return order{}, fmt.Errorf("a clear names the record")
	}
	return order{Params: map[string]any{"record": record}, Command: []string{"bank", "quarantine", "clear", record}, Word: "clear", About: record}, nil
}

// lifetimes are what a key may last, as the form offers it.
var lifetimes = map[string]time.Duration{"1d": 24 * time.Hour, "7d": 7 * 24 * time.Hour, "90d": 90 * 24 * time.Hour, "365d": 365 * 24 * time.Hour, "never": 0}

func readKey(f url.Values) (order, error) {
	name, tenant, expires, scopes := strings.TrimSpace(f.Get("name")), f.Get("tenant"), f.Get("expires"), f["scope"]
	lasts, offered := lifetimes[expires]
	switch {
	case name == "":
		return order{}, fmt.Errorf("the key needs a name: who gets it")
	case len(scopes) == 0:
		return order{}, fmt.Errorf("the key needs a scope")
	case !access.ValidTenant(tenant):
		return order{}, fmt.Errorf("a tenant is 1 to 32 of a-z, 0-9 and -, and begins with a letter or digit")
	case !offered:
		return order{}, fmt.Errorf("a key lasts 1d, 7d, 90d, 365d, or it never ends")
	}
	slices.Sort(scopes)
	o := order{
		Params: map[string]any{"name": name, "tenant": tenant, "scopes": scopes}, Tenant: tenant, About: name,
		Command: []string{"bank", "key", "create", "--name", name, "--tenant", tenant, "--scopes", strings.Join(scopes, ","), "--expires", expires},
	}
	if f.Get("all_tenants") != "" {
		o.Params["all_tenants"], o.Command = true, append(o.Command, "--all-tenants")
	}
	if lasts > 0 {
		o.Params["expires_at"] = time.Now().Add(lasts).UTC().Truncate(time.Second).Format(time.RFC3339)
	}
	return o, nil
}

func readRevoke(f url.Values) (order, error) {
	id := f.Get("id")
	if id == "" {
		return order{}, fmt.Errorf("name the id of the key")
	}
	return order{Params: map[string]any{"id": id}, Command: []string{"bank", "key", "revoke", id}, Tenant: f.Get("tenant"), Word: id, About: id}, nil
}

// refuse reports why a person may not have an order done, or nil.
func refuse(r *view.Request, a action, o order) error {
	switch {
	case !r.May(a.Scopes):
		return fmt.Errorf("your credential has not the scope %s, which this needs", a.Scopes)
	case a.Own && o.Tenant != r.Tenant:
		return fmt.Errorf("your credential reads the accounts of tenant %s only", r.Tenant)
	case !r.AllTenants && (o.Tenant == "" || o.Tenant != r.Tenant):
		return fmt.Errorf("your credential is for tenant %s, and this needs one for all tenants", r.Tenant)
	}
	if a.Job != "key-create" {
		return nil
	}
	names, _ := o.Params["scopes"].([]string)
	wanted, err := access.Parse(names)
	switch {
	case err != nil:
		return err
	case !r.May(wanted):
		return fmt.Errorf("a key has no scope that its maker lacks: you have %s", r.Scopes)
	case o.Params["all_tenants"] == true && !r.AllTenants:
		return fmt.Errorf("your credential is not for all tenants, so the key cannot be")
	}
	return nil
}

// text returns the order's parameters as JSON, with dry_run where it is one.
func (o order) text(dry bool) (json.RawMessage, error) {
	params := o.Params
	if dry {
		params = map[string]any{"dry_run": true}
		for name, value := range o.Params {
			params[name] = value
		}
	}
	text, err := json.Marshal(params)
	if err != nil {
		return nil, fmt.Errorf("parameters of the job: %w", err)
	}
	return text, nil
}

// line returns the command with what a shell would take apart in quotes.
func (o order) line() string {
	parts := make([]string, len(o.Command))
	for i, part := range o.Command {
		if parts[i] = part; part == "" || strings.ContainsAny(part, " '\"$`\\#&;|<>()*?[]{}~!\t") {
			parts[i] = "'" + strings.ReplaceAll(part, "'", `'\''`) + "'"
		}
	}
	return strings.Join(parts, " ")
}
