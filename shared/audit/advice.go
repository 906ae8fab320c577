package audit

import (
	"fmt"
	"slices"
	"strings"

	"passbook/shared/event"
)

// Advice is what to do about a finding of a kind. ACCOUNT stands for the account's id. A restore is
// never said without its condition: in an audit a forged record and a journal that lost its end
// look alike, and a restore makes what was forged true.
type Advice string

const (
	rowWrong   Advice = "audit --repair folds the row from the journal again"
	rowBehind  Advice = "a bank that runs catches up by itself; else audit --repair folds what the row lacks"
	rowBlocked Advice = "bank quarantine show ACCOUNT gives the record; bank quarantine redrive ACCOUNT lets the account go on once the cause is gone"
	rowAhead   Advice = "bank quarantine redrive ACCOUNT if the journal is right, as when a record was forged; only if you know that the journal lost " +
		"its end, stop the bank and run replay journal first"
	rowUnknown Advice = "no program wrote this row: look who may write to the table, and delete it by hand"

	journalMissing Advice = "only if you know that the journal lost it, as after a restore to an earlier time: stop the bank and run replay journal. " +
		"A forged record looks the same: then restore nothing, and run bank quarantine redrive ACCOUNT"
	journalDamaged Advice = "no repair changes the journal: restore its table to a time before the damage, or stop the bank, empty the table and run replay journal"
	guardMissing   Advice = "stop the bank and run replay journal: it puts the guards of archived reversals back"
	stateWrong     Advice = "nothing: no program believes a state that does not fit, and loads fold further back; entries to come carry new ones"

	archiveMissing Advice = "audit --repair puts the entry on the stream again, from where the archiver takes it"
	archiveForged  Advice = "restore nothing: the record does not fit the journal, and rebuilds take the journal's entry; find out who may write to the stream"
	archiveDamaged Advice = "audit --repair puts on the stream again what only the damaged part had; once that is archived, " +
		"bank archive retire KEY has the segment KEY, named above, count as replaced"
)

// For is the advice for an account, "<tenant>#<id>".
func (a Advice) For(account string) string {
	if of, ok := event.ParseAccount(account); ok {
		account = of.ID
	}
	return strings.ReplaceAll(string(a), "ACCOUNT", account)
}

// advise writes what to do, each kind once: with the first account that it is for, and how many
// others there are.
func (r *Report) advise(b *strings.Builder) {
	accounts := map[Advice][]string{}
	var kinds []Advice
	for _, f := range r.Findings {
		if f.Repaired || f.Advice == "" {
			continue
		}
		if !slices.Contains(kinds, f.Advice) {
			kinds = append(kinds, f.Advice)
		}
		// in order of account
		if of := accounts[f.Advice]; len(of) == 0 || of[len(of)-1] != f.Account {
			accounts[f.Advice] = append(of, f.Account)
		}
	}
	what := "to do"
	if r.Repair {
		what = "cannot mend"
	}
	for _, kind := range kinds {
		of := accounts[kind]
		others := ""
		if len(of) > 1 {
			others = fmt.Sprintf(" (and %d more accounts)", len(of)-1)
		}
		fmt.Fprintf(b, "%s: %s%s\n", what, kind.For(of[0]), others)
	}
}
