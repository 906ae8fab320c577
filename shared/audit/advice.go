package audit

import (
	"fmt"
	"slices"
	"strings"
)

// Advice is what an operator should do about a kind of finding. ACCOUNT stands for the account, as
// "<tenant>#<id>", which every job takes. A restore is always advised with its condition: in an
// audit a forged record and a journal that lost its end look alike, and a restore would make a
// forged record part of the journal.
type Advice string

const (
	rowWrong   Advice = "run audit --repair, which folds the row from the journal again"
	rowBehind  Advice = "a running bank catches up by itself; otherwise run audit --repair, which folds what the row lacks"
	rowBlocked Advice = "run bank quarantine show ACCOUNT to see the record, and bank quarantine redrive ACCOUNT once the cause is removed"
	rowAhead   Advice = "run bank quarantine redrive ACCOUNT if the journal is right, as after a forged record; only if you know that the journal lost " +
		"its end, stop the bank and run replay journal first"
	derivedWrong Advice = "run audit --repair, which folds the account from the journal again and writes its further rows; of many accounts, " +
		"run replay rebuild --model balance and replay promote --model balance"
	deliveryLacking Advice = "run audit --repair, which has it sent; of an account without a row, all events since the webhook's time are sent, again where " +
		"they were"
	deliveryWrong  Advice = "run audit --repair, which writes the row as the journal has it"
	deliveryOrphan Advice = "run audit --repair, which removes the row: nothing is sent by it"

	rowUnknown Advice = "no program of the bank wrote this row: check who may write to the table, and delete the row by hand"

	journalMissing Advice = "only if you know that the journal lost it, as after a restore to an earlier time: stop the bank and run replay journal. " +
		"A forged record looks the same: then restore nothing, and run bank quarantine redrive ACCOUNT"
	journalLost     Advice = "the entry is the bank's, as its mac or the chain of hashes shows: stop the bank and run replay journal, which puts it back"
	journalForeign  Advice = "restore nothing from this journal: find out who may write to the table, and restore it to a time before the entry"
	journalUnsigned Advice = "a program from before the switch still writes: stop it, then run bank upgrade again; if there is none, find out who may write " +
		"to the table"
	journalDamaged Advice = "no repair changes the journal: restore its table to a time before the damage, or stop the bank, empty the table and run replay journal"
	guardMissing   Advice = "stop the bank and run replay journal, which puts the guards of archived reversals back"
	stateWrong     Advice = "nothing needs to be done: programs ignore a state that does not match and fold from an earlier one; the next entries have new states"

	archiveMissing Advice = "run audit --repair, which puts the entry on the stream again for the archiver"
	archiveForged  Advice = "restore nothing: the record is not the journal's, and rebuilds use the journal's entry; check who may write to the stream"
	archiveForeign Advice = "restore nothing: no job uses the entry. Nothing is ever deleted from an archive, so it stays there and in this report, unless the " +
		"bucket's owner puts back the object's earlier version, or removes an object that the archiver did not write; find out who may write to the bucket"
	archiveDamaged Advice = "run audit --repair, which puts on the stream again what only the damaged part had; once that is archived, " +
		"run bank archive retire KEY for the segment KEY named above"
)

// For returns the advice for an account, "<tenant>#<id>".
func (a Advice) For(account string) string {
	return strings.ReplaceAll(string(a), "ACCOUNT", account)
}

// advise writes what to do, each kind of advice once: with the first account that it concerns, and
// the number of others.
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
		what = "not repaired"
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
