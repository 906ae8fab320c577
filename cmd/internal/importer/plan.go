package importer

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
)

const (
	// rehearsedAtOnce is the most lines of one rehearsal: the bank decides each on what the lines
	// before it would leave, which it keeps in bounded memory. All lines of an account are in one.
	rehearsedAtOnce = 10_000
	// maxFaults is the most faults that are reported.
	maxFaults = 100_000
)

// plan is what a first reading of the file finds.
type plan struct {
	lines int
	// batches are the parts of the file that are rehearsed at once, by account.
	batches map[string]int
	count   int
	faults  faults
	// drift is by how much the balance of an account is another one than the file's.
	drift map[string]int64
}

// faults are those of a file, of which an account's first one makes others.
type faults struct {
	list  []Fault
	first map[string]int // the line of an account's first fault
}

// add adds the faults of a line.
func (f *faults) add(account string, found ...Fault) {
	if len(found) == 0 {
		return
	}
	if f.first == nil {
		f.first = map[string]int{}
	}
	if at, ok := f.first[account]; !ok || found[0].Line < at {
		f.first[account] = found[0].Line
	}
	if len(f.list) < maxFaults {
		f.list = append(f.list, found...)
	}
}

// sorted returns the faults in the order of their lines.
func (f *faults) sorted() []Fault {
	slices.SortStableFunc(f.list, func(a, b Fault) int { return cmp.Compare(a.Line, b.Line) })
	return f.list
}

// errChanged says that a file is another one at its second reading.
var errChanged = errors.New("the file was changed while it was imported: nothing more of it is read")

// records reads the file and yields the lines that are well-formed; others to faulty.
func (i *Import) records(ctx context.Context, faulty func(record, []Fault)) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		p := i.command.newParser(i.name)
		for r, err := range i.source.rows() {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(record{}, err)
				return
			}
			out, found := p.parse(r)
			if len(found) > 0 {
				faulty(out, found)
				continue
			}
			if !yield(out, nil) {
				return
			}
		}
	}
}

// survey reads the file once: its faults of form, and which accounts are rehearsed together.
func (i *Import) survey(ctx context.Context) (*plan, error) {
	p := &plan{drift: map[string]int64{}}
	lines := map[string]int{}
	var order []string
	faulty := func(r record, found []Fault) {
		p.lines++
		p.faults.add(r.account, found...)
	}
	for r, err := range i.records(ctx, faulty) {
		if err != nil {
			return nil, err
		}
		p.lines++
		if lines[r.account] == 0 {
			order = append(order, r.account)
		}
		lines[r.account]++
	}
	p.batches = make(map[string]int, len(order))
	filled := 0
	for _, account := range order {
		if filled > 0 && filled+lines[account] > rehearsedAtOnce {
			p.count++
			filled = 0
		}
		filled += lines[account]
		p.batches[account] = p.count
	}
	p.count++
	return p, nil
}
