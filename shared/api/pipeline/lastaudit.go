package pipeline

import (
	"context"
	"fmt"
	"time"

	"passbook/shared/access"
	"passbook/shared/api"
	"passbook/shared/opslog"
	"passbook/shared/table"
)

const (
	// auditFresh is how long the last audit is kept: where audits are rare, finding it reads a long
	// part of the operators' log.
	auditFresh = time.Minute
	// searched is how many audits are searched for the one that counts.
	searched = 100
)

// lastAudit keeps the audit that says whether all agrees.
type lastAudit struct {
	at    time.Time
	found *Audit
}

// read returns the audit that counts for a principal, at most auditFresh old, nil for none.
func (l *lastAudit) read(ctx context.Context, t table.Table, by *access.Principal, now time.Time) (*Audit, error) {
	if age := now.Sub(l.at); age >= 0 && age < auditFresh {
		return l.found, nil
	}
	page := opslog.Page{Tenant: by.Tenant, Job: auditJob, Limit: searched}
	if by.AllTenants {
		page.Tenant = ""
	}
	actions, _, err := opslog.List(ctx, t, page)
	if err != nil {
		return nil, err
	}
	l.at, l.found = now, nil
	if a := counting(actions); a != nil {
		l.found = &Audit{ID: a.ID, At: api.Time{Time: a.At}, State: a.State, ExitCode: &a.ExitCode}
	}
	return l.found, nil
}

// counting returns the audit that counts among actions, newest first: the newest that found
// differences and after which no audit of as much was clean. Without one it is the newest that
// failed in another way, then the newest of all tenants, then the newest of a tenant.
func counting(actions []opslog.Action) *opslog.Action {
	var failed, clean *opslog.Action
	cleared := map[string]bool{} // the tenants of newer audits without a difference
	for i := range actions {
		a := &actions[i]
		switch {
		case !ended(*a) || a.Tenant != "" && cleared[a.Tenant]:
		case a.ExitCode == exitDifference:
			return a
		case a.ExitCode != 0:
			failed = first(failed, a)
		case a.Tenant == "":
			return first(failed, a)
		default:
			cleared[a.Tenant] = true
			clean = first(clean, a)
		}
	}
	return first(failed, clean)
}

// first returns the first action, or the second where there is none.
func first(one, other *opslog.Action) *opslog.Action {
	if one != nil {
		return one
	}
	return other
}

// badAudit returns the item for an audit that did not end well.
func badAudit(u Audit) Attention {
	one := Attention{
		Kind: "audit", ID: u.ID, Severity: stateBad, Subject: "audit", What: "The last audit found differences", Since: u.At,
		Cause: "journal, archive and read models do not agree", Affects: "The accounts that the audit names.",
		Remedy: "Its result names each account and version with what to do. Much is repaired with --repair; a plain audit shows what that would find.",
		// an audit changes nothing without --repair
		Command: "audit --repair", DryRun: "audit", Page: "/ui/audit",
	}
	if *u.ExitCode != exitDifference {
		one.Severity, one.What, one.Cause = stateWarn, "The last audit did not end", fmt.Sprintf("it %s with exit code %d; the operators' log has why", u.State, *u.ExitCode)
		one.Affects, one.Remedy, one.Command, one.DryRun = "Nothing: it is not known whether all agrees.", "Run it again.", "audit", ""
	}
	return one
}

const (
	// auditJob is the name of the job audit.
	auditJob = "audit"
	// exitDifference is the exit code of an audit that found a difference.
	exitDifference = 3
)

// ended reports whether an action of the operators' log is an audit that came to its end.
func ended(a opslog.Action) bool {
	return a.Job == auditJob && (a.State == opslog.Done || a.State == opslog.Failed)
}
