package origin_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/origin"
	"passbook/shared/table"
)

// interrupted counts the writes to table and bucket, and fails one of them: before it, or after it
// was done.
type interrupted struct {
	left  int
	after bool
}

func (i *interrupted) write(do func() error) error {
	i.left--
	if i.left == 0 && !i.after {
		return errDown
	}
	if err := do(); i.left != 0 {
		return err
	}
	return errDown
}

type interruptedTable struct {
	table.Table
	*interrupted
}

func (i interruptedTable) Put(ctx context.Context, p table.Put) error {
	return i.write(func() error { return i.Table.Put(ctx, p) })
}

func (i interruptedTable) PutEach(ctx context.Context, puts []table.Put) []error {
	return table.PutApart(ctx, puts, 1, i.Put)
}

type interruptedBucket struct {
	bucket.Bucket
	*interrupted
}

func (i interruptedBucket) Create(ctx context.Context, key string, data []byte) error {
	return i.write(func() error { return i.Bucket.Create(ctx, key, data) })
}

// A rotation that is interrupted at any write is continued by the next one, which makes no second
// key.
func TestInterruptedRotationIsContinued(t *testing.T) {
	for _, after := range []bool{false, true} {
		for step, done := 1, false; !done; step++ {
			b := newBank(t)
			b.key(1)
			b.write(origin.Bank{ID: "b", Format: 2, Key: 1, Heads: "sum"})
			archive, err := dirbucket.New(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			i := &interrupted{left: step, after: after}
			_, err = origin.Rotate(t.Context(), interruptedTable{b.Table, i}, interruptedBucket{archive, i}, b.keys)
			if done = err == nil; !done && !errors.Is(err, errDown) {
				t.Fatalf("write %d: %v", step, err)
			}
			now, err := origin.ReadBank(t.Context(), b.Table)
			if err != nil {
				t.Fatal(err)
			}
			if now.Key == 1 {
				if rotated, err := origin.Rotate(t.Context(), b.Table, archive, b.keys); err != nil || rotated.Key != 2 || rotated.Bank != "b" {
					t.Errorf("after write %d: %+v, %v", step, rotated, err)
				}
			}
			restored := controlTable(t).Table
			if err := origin.RestoreKeys(t.Context(), restored, archive, "b"); err != nil {
				t.Fatal(err)
			}
			for id, want := range map[int]bool{1: true, 2: true, 3: false} {
				if _, err := origin.NewKey(t.Context(), restored, refusing{b.keys}, "b", id); (err == nil) != want {
					t.Errorf("after write %d the bucket has key %d: %v", step, id, err)
				}
			}
			if step == 1 && done {
				t.Fatal("nothing was interrupted")
			}
		}
	}
}

// Running programs sign with the new key SignedWithin after the rotation.
func TestRotationWhileABankRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		b.key(1)
		b.write(origin.Bank{ID: "b", Format: 2, Key: 1, Heads: "sum"})
		archive, err := dirbucket.New(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		writer, reader := b.open(), b.open()
		for id := 2; id <= 4; id++ {
			if _, err := origin.Rotate(t.Context(), b.Table, archive, b.keys); err != nil {
				t.Fatal(err)
			}
			for began := time.Now(); time.Since(began) < origin.SignedWithin; time.Sleep(50 * time.Millisecond) {
				mustPass(t, "during the rotation", reader.Check(t.Context(), entry(t, writer)))
			}
			if e := entry(t, writer); e.MAC.Key != id {
				t.Errorf("signed with key %d, want %d", e.MAC.Key, id)
			}
		}
	})
}

func TestRotateRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		bank origin.Bank
		says string
	}{
		"no bank":        {origin.Bank{}, "no bank"},
		"format 1":       {origin.Bank{ID: "b", Format: 1}, "not signed"},
		"switching":      {origin.Bank{ID: "b", Format: 2, Key: 1}, "being switched"},
		"a newer format": {origin.Bank{ID: "b", Format: 3, Key: 1, Heads: "sum"}, "format 3"},
	} {
		b := newBank(t)
		if tt.bank.ID != "" {
			b.write(tt.bank)
		}
		archive, err := dirbucket.New(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		var refused *origin.Refusal
		if _, err := origin.Rotate(t.Context(), b.Table, archive, b.keys); !errors.As(err, &refused) || !strings.Contains(refused.What, tt.says) || refused.Next == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An object in the place of the next key's copy stops the rotation before it has changed anything,
// and nothing else.
func TestRotateLeavesAKeyAloneThatSomebodyPutThere(t *testing.T) {
	b := newBank(t)
	b.key(1)
	b.write(origin.Bank{ID: "b", Format: 2, Key: 1, Heads: "sum"})
	archive, err := dirbucket.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := archive.Create(t.Context(), "keys/v1/2.json", []byte("forged")); err != nil {
		t.Fatal(err)
	}
	var refused *origin.Refusal
	if _, err := origin.Rotate(t.Context(), b.Table, archive, b.keys); !errors.As(err, &refused) || !strings.Contains(refused.Next, "remove it") {
		t.Errorf("%v, want a Refusal", err)
	}
	if _, err := origin.NewKey(t.Context(), b.Table, refusing{b.keys}, "b", 2); err == nil {
		t.Error("the rotation made a key")
	}
	if err := origin.CopyKeys(t.Context(), b.Table, archive, "b", b.row.Key); err != nil {
		t.Errorf("the start of a program: %v", err)
	}
}

// A control table that was restored from before a rotation lacks a key that the archive has, and is
// refused. An interrupted rotation and an object that somebody put there are not that.
func TestControlTableFromBeforeARotation(t *testing.T) {
	b := newBank(t)
	b.key(1)
	b.write(origin.Bank{ID: "b", Format: 2, Key: 1, Heads: "sum"})
	archive, err := dirbucket.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	mustPass(t, "before", b.row.CheckCurrent(t.Context(), b.Table, archive, b.keys))
	if _, err := origin.Rotate(t.Context(), b.Table, archive, b.keys); err != nil {
		t.Fatal(err)
	}
	mustPass(t, "an interrupted rotation", b.row.CheckCurrent(t.Context(), b.Table, archive, b.keys))
	older := controlTable(t).Table
	var refused *origin.Refusal
	if err := b.row.CheckCurrent(t.Context(), older, archive, b.keys); !errors.As(err, &refused) || refused.Next == "" {
		t.Errorf("an older copy: %v", err)
	}
	mustPass(t, "a key that nobody of this bank wrapped", b.row.CheckCurrent(t.Context(), older, archive, forbidden{}))
}
