package spill

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"passbook/shared/event"
)

// fill adds so many records of each account, from several goroutines.
func fill(t *testing.T, s *Sorter, accounts, records int) {
	t.Helper()
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for n := range records {
				for i := g; i < accounts; i += 4 {
					a := event.Account{Tenant: fmt.Sprintf("t%d", i%3), ID: fmt.Sprintf("A-%d", i)}
					if err := s.Add(a, fmt.Appendf(nil, "%s %d", a, n)); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	all.Wait()
}

// check visits all parts and compares them with what fill added.
func check(t *testing.T, s *Sorter, accounts, records int) {
	t.Helper()
	var visited atomic.Int64
	for part := range s.Parts() {
		err := s.Visit(t.Context(), part, 3, func(_ context.Context, a event.Account, got [][]byte) error {
			visited.Add(1)
			for n, r := range got {
				if want := fmt.Sprintf("%s %d", a, n); string(r) != want {
					return fmt.Errorf("%q in the place of %q", r, want)
				}
			}
			if len(got) != records {
				return fmt.Errorf("%s has %d records, not %d", a, len(got), records)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if visited.Load() != int64(accounts) {
		t.Fatalf("%d accounts, not %d", visited.Load(), accounts)
	}
}

func TestEachAccountIsVisitedOnceWithItsRecordsInOrder(t *testing.T) {
	for _, c := range []struct {
		memory  int64
		written bool
	}{{1 << 20, false}, {64 << 10, true}, {1, true}} {
		t.Run(fmt.Sprint(c.memory), func(t *testing.T) {
			limits := Limits{Dir: t.TempDir(), Memory: c.memory}
			s := NewSorter(limits, limits.Parts(100*100*15))
			defer s.Close()
			fill(t, s, 100, 100)
			if written := s.file.open != nil; written != c.written {
				t.Errorf("written: %v", written)
			}
			if left, err := os.ReadDir(limits.Dir); err != nil || len(left) > 0 {
				t.Errorf("the directory has %v %v", left, err)
			}
			check(t, s, 100, 100)
		})
	}
}

func TestRecordsInMemoryAreBounded(t *testing.T) {
	limits := Limits{Dir: t.TempDir(), Memory: 128 << 10}
	s := NewSorter(limits, limits.Parts(2<<20))
	defer s.Close()
	fill(t, s, 1000, 100) // about 1.5 MB
	held := 0
	for i := range s.parts {
		held += cap(s.parts[i].open)
		for _, c := range s.parts[i].chunks {
			held += cap(c)
		}
	}
	if held > 128<<10 {
		t.Errorf("%d bytes in memory", held)
	}
	for i := range s.parts {
		of, err := s.load(t.Context(), &s.parts[i])
		if err != nil {
			t.Fatal(err)
		}
		size := int64(0)
		for _, a := range of {
			size += a.size
		}
		if size > 2*limits.ofPart() {
			t.Errorf("part %d has %d bytes", i, size)
		}
	}
}

func TestAnEmptyRecordIsVisited(t *testing.T) {
	s := NewSorter(Limits{}, 1)
	defer s.Close()
	a := event.Account{Tenant: "main", ID: "A-1"}
	if err := s.Add(a, nil); err != nil {
		t.Fatal(err)
	}
	err := s.Visit(t.Context(), 0, 1, func(_ context.Context, got event.Account, records [][]byte) error {
		if got != a || len(records) != 1 || len(records[0]) != 0 {
			return fmt.Errorf("%v has %q", got, records)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAccountsComeInOrderOfTenantAndID(t *testing.T) {
	s := NewSorter(Limits{}, 1)
	defer s.Close()
	fill(t, s, 20, 1)
	var order []string
	err := s.Visit(t.Context(), 0, 1, func(_ context.Context, a event.Account, _ [][]byte) error {
		order = append(order, a.String())
		return nil
	})
	if err != nil || len(order) != 20 || !slices.IsSorted(order) {
		t.Fatal(order, err)
	}
}

func TestVisitEndsAtTheFirstErrorAndWithItsContext(t *testing.T) {
	s := NewSorter(Limits{}, 1)
	defer s.Close()
	fill(t, s, 20, 1)
	stop := errors.New("stop")
	visits := 0
	err := s.Visit(t.Context(), 0, 1, func(context.Context, event.Account, [][]byte) error {
		visits++
		return stop
	})
	if !errors.Is(err, stop) || visits > 2 {
		t.Errorf("%v after %d visits", err, visits)
	}
	fill(t, s, 20, 1)
	ctx, cancel := context.WithCancel(t.Context())
	err = s.Visit(ctx, 0, 1, func(context.Context, event.Account, [][]byte) error {
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v after the context ended", err)
	}
}

// written returns a sorter that has blocks in its file.
func written(t *testing.T) *Sorter {
	t.Helper()
	s := NewSorter(Limits{Dir: t.TempDir(), Memory: 1}, 1)
	fill(t, s, 100, 20)
	if len(s.parts[0].blocks) == 0 {
		t.Fatal("nothing was written")
	}
	return s
}

func TestADamagedScratchFileIsAnError(t *testing.T) {
	s := written(t)
	defer s.Close()
	if _, err := s.file.open.WriteAt([]byte{'!'}, s.parts[0].blocks[1].at+5); err != nil {
		t.Fatal(err)
	}
	if err := s.Visit(t.Context(), 0, 1, func(context.Context, event.Account, [][]byte) error { return nil }); err == nil {
		t.Fatal("damage was not seen")
	}
}

func TestTheScratchFileIsItsOwnersAlone(t *testing.T) {
	s := written(t)
	defer s.Close()
	info, err := s.file.open.Stat()
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info.Mode(), err)
	}
}

func TestAddSaysWhyNothingCanBeWritten(t *testing.T) {
	s := NewSorter(Limits{Dir: filepath.Join(t.TempDir(), "missing"), Memory: 1}, 1)
	defer s.Close()
	var err error
	for n := 0; err == nil && n < 1000; n++ {
		err = s.Add(event.Account{Tenant: "main", ID: "A-1"}, make([]byte, 100))
	}
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	s.file.open = full
	if _, err = s.file.write(make([]byte, 100)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("full: %v", err)
	}
}

func TestPartsGrowWithWhatMemoryDoesNotHold(t *testing.T) {
	l := Limits{Memory: 16 << 20}
	for bytes, want := range map[int64]int{0: 1, 8 << 20: 1, 8<<20 + 1: 3, 400 << 20: 101, 1 << 50: maxParts} {
		if got := l.Parts(bytes); got != want {
			t.Errorf("%d bytes in %d parts, not %d", bytes, got, want)
		}
	}
}
