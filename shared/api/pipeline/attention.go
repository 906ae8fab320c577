package pipeline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"passbook/shared/api"
	"passbook/shared/webhook/delivery"
)

// Attention is something that a person should look at.
type Attention struct {
	// ID names it as long as it lasts.
	ID string `json:"id"`
	// Kind is what it is; Severity is warn or bad.
	Kind     string `json:"kind"`
	Severity string `json:"severity"`
	// Subject is the account, shard, process or webhook, and What says what happened to it.
	Subject string `json:"subject"`
	What    string `json:"what"`
	Cause   string `json:"cause"`
	// Since is when it began; zero where that is not known.
	Since api.Time `json:"since,omitzero"`
	// Affects says in words what it means for whom, and Accounts are those that are known by name.
	Affects  string            `json:"affects"`
	Accounts []AffectedAccount `json:"accounts"`
	// Remedy says what to do. Command repairs it, or shows more where nothing can be typed that
	// does; a path of the API is written as GET and the path. DryRun shows what Command would do,
	// and is empty for one that changes nothing.
	Remedy  string `json:"remedy"`
	Command string `json:"command"`
	DryRun  string `json:"dry_run,omitempty"`
	// Page is the console's page about it.
	Page string `json:"page"`
}

// AffectedAccount names an account.
type AffectedAccount struct {
	Tenant    string `json:"tenant"`
	AccountID string `json:"account_id"`
}

// attention lists what a person of a tenant should look at, the worst first. trouble is why the
// processes cannot be listed, and webhooks are the items of the webhooks.
func (p *Pipeline) attention(a Answer, tenant string, trouble error, webhooks ...Attention) []Attention {
	list := append([]Attention{}, webhooks...)
	for _, c := range a.Consumers {
		list = append(list, ofConsumer(c, tenant)...)
	}
	if a.Archive.BehindSeconds != nil && p.late(*a.Archive.BehindSeconds) {
		list = append(list, lateArchive(a))
	}
	if d := a.Disk; d != nil && d.FreeBytes < d.FloorBytes*2 {
		list = append(list, littleSpace(*d, a.Environment.Place))
	}
	for _, w := range a.Processes {
		if !w.Up && !w.Ended {
			list = append(list, silent(w))
		}
	}
	list = append(list, p.missing(a.Processes)...)
	if trouble != nil {
		list = append(list, Attention{
			Kind: "processes", Severity: stateWarn, Subject: "processes", What: "The list of processes cannot be read", Cause: trouble.Error(),
			Affects: "Rates and latencies here are of the processes that were known before.", Remedy: "The table control must be readable to this process: its checks say what fails.",
			Command: "GET /readyz?verbose=true", Page: "/ui/pipeline",
		})
	}
	if u := a.Audit; u != nil && u.ExitCode != nil && *u.ExitCode != 0 {
		list = append(list, badAudit(*u))
	}
	for i := range list {
		one := &list[i]
		one.ID = strings.Join(slices.DeleteFunc([]string{one.Kind, one.ID, one.Subject}, func(s string) bool { return s == "" }), "/")
		if one.Accounts == nil {
			one.Accounts = []AffectedAccount{}
		}
	}
	// bad, warn
	slices.SortStableFunc(list, func(x, y Attention) int { return cmp.Compare(x.Severity, y.Severity) })
	return list
}

// lateArchive returns the item for an archive that is further behind than open segments explain.
func lateArchive(a Answer) Attention {
	behind := float64(*a.Archive.BehindSeconds)
	return Attention{
		Kind: "archive", Severity: stateWarn, Subject: "archive", What: fmt.Sprintf("The archive is %.0f s behind", behind),
		Cause: "segments are not sealed in time", Since: before(a.AsOf.Time, behind),
		Affects: "Events of this time are in the journal and the stream only. Nothing is lost while the stream keeps them.",
		Remedy:  "The log of the archiver says which step fails; it continues by itself where it was.", Command: "GET /readyz?verbose=true", Page: "/ui/archive",
	}
}

// littleSpace returns the item for a volume that fills.
func littleSpace(d Disk, place string) Attention {
	one := Attention{
		Kind: "disk", Severity: stateWarn, Subject: "disk", What: fmt.Sprintf("%d MiB are free on the volume of the data", d.FreeBytes>>20),
		Cause: fmt.Sprintf("commands are refused below %d MiB", d.FloorBytes>>20), Affects: "All accounts can still be read and written.",
		Remedy: "Make room on the volume, or enlarge it. Commands are accepted again by themselves.", Command: "df -h " + place, Page: "/ui/operators?tab=settings",
	}
	if d.FreeBytes < d.FloorBytes {
		one.Severity, one.Affects = stateBad, "Commands on all accounts are refused; reads continue."
	}
	return one
}

// missing returns the items for programs of which no process runs.
func (p *Pipeline) missing(processes []Process) (list []Attention) {
	for _, name := range p.config.Needs {
		if !p.lacks(name, processes) {
			continue
		}
		list = append(list, Attention{
			Kind: "service", Severity: stateBad, Subject: name, What: "No process of " + name + " runs", Cause: "none has a row among the processes of this bank",
			Affects: "What " + name + " answers is refused, and what it reads waits.", Remedy: "Start one. One that runs and is not found logs why, or was started with --advertise off.",
			Command: "passbook " + name, Page: "/ui/pipeline",
		})
	}
	return list
}

// lacks reports whether the bank needs a process of a program and none runs.
func (p *Pipeline) lacks(name string, processes []Process) bool {
	return slices.Contains(p.config.Needs, name) && !slices.ContainsFunc(processes, func(w Process) bool { return w.Name == name && !w.Ended })
}

// silent returns the item for a process whose metrics cannot be read.
func silent(w Process) Attention {
	return Attention{
		Kind: "process", ID: w.Instance, Severity: stateBad, Subject: w.Name, What: w.Name + " cannot be read", Cause: w.Error, Since: w.SeenAt,
		Affects: "What it counts is missing here. If it has ended, others take over its shards and its writer's tail within the lease.",
		Remedy:  "Look at whether it runs, and whether its address can be reached from here.", Command: strings.TrimSpace("curl -s " + address(w.Address)), Page: "/ui/pipeline",
	}
}

// address returns where a process says how it is.
func address(of string) string {
	if of == "" {
		return "ADDRESS/readyz?verbose=true"
	}
	return of + "/readyz?verbose=true"
}

// before returns the instant some seconds before another.
func before(at time.Time, seconds float64) api.Time {
	if at.IsZero() {
		return api.Time{}
	}
	return api.Time{Time: at.Add(-time.Duration(seconds * float64(time.Second))).Truncate(time.Microsecond)}
}

// ofConsumer lists what a person should look at of one consumer.
func ofConsumer(c Consumer, tenant string) (list []Attention) {
	for _, b := range c.Blocked {
		list = append(list, inQuarantine(c, b, tenant))
	}
	for _, on := range c.Shards {
		if on.BehindSeconds >= lagWarn && !on.Ended {
			list = append(list, lagging(c, on))
		}
		if on.Holes > 0 {
			list = append(list, Attention{
				Kind: "hole", ID: c.Name, Severity: stateWarn, Subject: on.Shard, What: fmt.Sprintf("%s missed records of %s", c.Name, on.Shard),
				Cause: "they were gone before they were read", Since: on.HoleSince,
				Affects: fmt.Sprintf("Accounts of %s that had events in it are behind until they are healed; the journal has all. %d were compared so far.", on.Shard, on.HoleAccounts),
				Remedy:  "It is healed from the journal by itself, account by account. An audit says what is still lacking.", Command: "audit --repair", DryRun: "audit", Page: "/ui/pipeline",
			})
		}
	}
	return list
}

// inQuarantine returns the item for an account or a record in quarantine. An account that names no
// tenant is of the one that asks.
func inQuarantine(c Consumer, b Blocked, tenant string) Attention {
	one := Attention{
		Kind: "blocked", ID: c.Name, Severity: stateBad, Subject: b.AccountID, What: fmt.Sprintf("quarantined by %s at version %d", c.Name, b.BlockedAtVersion),
		Cause: b.Cause, Since: b.Since, Page: "/ui/quarantine",
	}
	if b.AccountID == "" {
		one.Subject, one.What = b.Record, "a record is quarantined by "+c.Name
		one.Affects = "No account that is known: it cannot be decoded, or is not the bank's. If it was an account's, that account waits for it and is healed from the journal."
		one.Remedy = "Look at the record. An audit says whether an account lacks something; then clear it."
		one.Command = "bank quarantine clear " + quoted(b.Record)
		one.DryRun = one.Command + " --dry-run"
		return one
	}
	tenant = cmp.Or(b.Tenant, tenant)
	one.ID += "/" + tenant
	one.Accounts = []AffectedAccount{{tenant, b.AccountID}}
	one.Affects = fmt.Sprintf("This account's answers of %s stand at version %d; all other accounts continue.", c.Model, b.BlockedAtVersion-1)
	if b.BehindVersions != nil {
		one.Affects += fmt.Sprintf(" %d versions are queued.", *b.BehindVersions)
	}
	one.Remedy = "Remove the cause, then redrive the account: its row is folded from the journal."
	one.Command = "bank quarantine redrive " + quoted(b.AccountID) + " --tenant " + tenant
	one.DryRun = one.Command + " --dry-run"
	return one
}

// quoted returns a word for a shell.
func quoted(word string) string {
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/@", r)
	}) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// lagging returns the item for a shard on which a consumer is behind.
func lagging(c Consumer, on ShardStatus) Attention {
	one := Attention{
		Kind: "lag", ID: c.Name, Severity: stateWarn, Subject: on.Shard, What: fmt.Sprintf("%s is %.0f s behind on %s", c.Name, float64(on.BehindSeconds), on.Shard),
		Cause: "records come faster than they are processed", Since: before(time.Now(), float64(on.BehindSeconds)),
		Affects: fmt.Sprintf("Answers of %s about the accounts of %s are that old; with min_version they wait or say so.", c.Model, on.Shard),
		Remedy:  "Give the process more of a machine, start another one, or split the shard.", Command: "GET /v1/consumers", Page: "/ui/pipeline",
	}
	if c.Name == delivery.Consumer {
		one.Affects = fmt.Sprintf("Events of the accounts of %s are sent to webhooks that late. None is lost.", on.Shard)
	}
	if on.BehindSeconds >= lagBad {
		one.Severity = stateBad
	}
	switch {
	case on.Owner == "":
		one.Cause, one.Remedy = "nobody has the lease of the shard", "Start "+c.Model+": it takes the lease."
	case c.LastError != nil:
		one.Cause, one.Remedy = c.LastError.What, "The log of "+on.Owner+" says what fails; it continues by itself when that is gone."
	}
	return one
}
