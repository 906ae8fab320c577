package damages

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"passbook/shared/account"
	"passbook/shared/archive"
	"passbook/shared/archivelog/verify"
	"passbook/shared/audit"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/journal/restorer"
	"passbook/shared/readmodel"
	"passbook/shared/replay"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

// standing is a read model that shows the account's whole state.
var standing = readmodel.Model[account.State]{
	Name: "standing",
	Fold: account.Fold,
	After: func(s account.State) event.After {
		return event.After{Posted: s.Posted, Held: s.Held, Limit: s.Limit}
	},
	Encode: func(attrs table.Map, _ int64, _ event.Account, s account.State) {
		attrs["posted"] = table.N(s.Posted)
		attrs["state"] = table.S(account.AppendState(nil, s))
	},
	Decode: func(a table.Map) (account.State, error) { return account.ParseState([]byte(a.Text("state"))) },
}

// known returns what is known of the archive from outside it: its bank, and if bounded how far the
// archiver had come.
func (b *bank) known(bounded bool) (k archive.Evidence) {
	k.Bank = b.proof.Bank
	if !bounded {
		return k
	}
	for shard, link := range b.links {
		k.Bounds = append(k.Bounds, archive.Bound{Source: source(shard), Last: link.Last, By: "the archiver's checkpoint"})
	}
	return k
}

// said is what a reader said: its error, and all that it names.
type said struct {
	err   error
	names string
	// wrong is what it gave that is not true, or did not give without saying so.
	wrong []string
}

// differs reports whether the reader said that something is wrong.
func (s said) differs() bool { return s.err != nil }

// readers are the readers of an archive whose journal is lost.
var readers = map[string]func(b *bank, k archive.Evidence) said{
	"at": (*bank).at, "journal": (*bank).journal, "rebuild": (*bank).rebuild, "coverage": (*bank).coverage, "verify": (*bank).verify,
}

// judge adds to what a reader said what is wrong in the states that were given.
func (b *bank) judge(s said, given map[event.Account]account.State) said {
	b.t.Helper()
	truth := b.states()
	for _, a := range sorted(given) {
		is := given[a]
		want, was := truth[a][is.Version]
		if !was || !bytes.Equal(account.AppendState(nil, is), account.AppendState(nil, want)) {
			s.wrong = append(s.wrong, fmt.Sprintf("%s is given as %+v", a, is))
		}
	}
	for _, a := range sorted(truth) {
		last := int64(0)
		for v := range truth[a] {
			last = max(last, v)
		}
		if given[a].Version != last && !s.differs() {
			s.wrong = append(s.wrong, fmt.Sprintf("%s is given to v%d of %d, in silence", a, given[a].Version, last))
		}
	}
	return s
}

func (b *bank) at(k archive.Evidence) said {
	given := map[event.Account]account.State{}
	c := replay.StatesConfig{Bucket: b.bucket(), Time: start.AddDate(1, 0, 0), Origin: b.proof, Evidence: k}
	faults, err := replay.StatesAt(b.t.Context(), c, func(a event.Account, s account.State) error {
		given[a] = s
		return nil
	})
	return b.judge(said{err: err, names: fmt.Sprint(faults.List, err)}, given)
}

// stores returns the empty stores of a bank that has lost all but its archive.
func (b *bank) stores() table.Table {
	return storetest.Memory(b.t, pebblestream.Options{}, append([]table.Schema{{Name: standing.Name}}, journal.Schemas...)...).Table
}

func (b *bank) journal(k archive.Evidence) said {
	t := b.stores()
	done, err := replay.RestoreJournal(b.t.Context(), replay.RestoreConfig{
		Bucket: b.bucket(), Table: t, Restorer: restorer.New(t), Models: []string{standing.Name}, Origin: b.proof, Evidence: k,
	})
	given := map[event.Account]account.State{}
	for a := range b.states() {
		head, failed := journal.NewReader(t).Head(b.t.Context(), a)
		if failed == nil && head.State.Version > 0 {
			given[a] = head.State
		}
	}
	return b.judge(said{err: err, names: fmt.Sprint(done.Faults.List, err)}, given)
}

func (b *bank) rebuild(k archive.Evidence) said {
	t := b.stores()
	rows, reader := readmodel.NewRows(t, standing, 0), journal.NewReader(t)
	done, err := replay.Rebuild(b.t.Context(), replay.RebuildConfig{
		Table: t, Model: standing.Name, Bucket: b.bucket(), Journal: reader, Origin: b.proof, Evidence: k,
		Projection: func(_ context.Context, generation int64) (replay.Projection, error) {
			return readmodel.NewProjection(readmodel.ProjectionConfig[account.State]{
				Generation: generation, Rows: rows, Journal: reader, Silent: func() bool { return true }, Log: slog.New(slog.DiscardHandler),
			}), nil
		},
	})
	given := map[event.Account]account.State{}
	for a := range b.states() {
		row, failed := t.Get(b.t.Context(), standing.Name, readmodel.RowKey(done.Generation, a), true)
		if errors.Is(failed, table.ErrNotFound) || row.Attrs.Number("version") == 0 {
			continue
		}
		b.must(failed)
		s, failed := standing.Decode(row.Attrs)
		b.must(failed)
		s.Version = row.Attrs.Number("version")
		given[a] = s
	}
	return b.judge(said{err: err, names: fmt.Sprint(done.Faults.List, err)}, given)
}

func (b *bank) coverage(k archive.Evidence) said {
	plan, err := archive.LoadPlan(b.t.Context(), b.bucket())
	if err != nil {
		return said{err: err, names: err.Error()}
	}
	covered, err := audit.Coverage(b.t.Context(), audit.CoverageConfig{Bucket: b.bucket(), Plan: plan.With(k), Origin: b.proof})
	if covered == nil {
		return said{err: err, names: fmt.Sprint(err)}
	}
	return said{err: err, names: text(covered.WriteText)}
}

func (b *bank) verify(archive.Evidence) said {
	report, err := verify.Run(b.t.Context(), verify.Config{Bucket: b.bucket(), Kept: b.kept, Keys: b.public})
	if report == nil {
		return said{err: err, names: fmt.Sprint(err)}
	}
	return said{err: err, names: text(report.WriteText)}
}
