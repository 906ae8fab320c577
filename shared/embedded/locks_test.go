package embedded

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func keysNamed(prefix string, n int) [][]byte {
	keys := make([][]byte, n)
	for i := range keys {
		keys[i] = fmt.Append(nil, prefix, i)
	}
	return keys
}

// Batches of different keys never wait for each other, no matter how large they are: while one is
// on its way to the disk, the next is decided.
func TestBatchesOfDifferentKeysDoNotWait(t *testing.T) {
	db := mustOpen(t, Options{Dir: "data", FS: vfs.NewMem()})
	defer mustClose(t, db)
	ended, end := context.WithCancel(t.Context())
	end() // a caller that has to wait fails
	for i := range 20 {
		lock, err := db.LockKeys(ended, keysNamed(fmt.Sprint(i, "-"), 1000)...)
		if err != nil {
			t.Fatalf("batch %d: %v", i, err)
		}
		defer lock.Unlock()
	}
}

// A key is held by one caller at a time, however many give up while they wait, and at last it is
// free.
func TestALockIsNeverLostOrHeldTwice(t *testing.T) {
	db := mustOpen(t, Options{Dir: "data", FS: vfs.NewMem()})
	defer mustClose(t, db)
	const keys, workers, rounds = 6, 16, 300
	var holders [keys]atomic.Int64
	var gaveUp atomic.Int64
	var group sync.WaitGroup
	for w := range workers {
		dice := rand.New(rand.NewPCG(uint64(w), 3))
		group.Go(func() {
			for range rounds {
				mine := dice.Perm(keys)[:1+dice.IntN(keys)]
				var names [][]byte
				for _, i := range mine {
					names = append(names, fmt.Append(nil, i))
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(dice.IntN(200))*time.Microsecond)
				lock, err := db.LockKeys(ctx, names...)
				cancel()
				if err != nil {
					gaveUp.Add(1)
					continue
				}
				for _, i := range mine {
					if holders[i].Add(1) != 1 {
						t.Errorf("key %d is held twice", i)
					}
				}
				for _, i := range mine {
					holders[i].Add(-1)
				}
				lock.Unlock()
			}
		})
	}
	group.Wait()
	for i := range db.locks.shards {
		if n := len(db.locks.shards[i].held); n != 0 {
			t.Errorf("%d locks of part %d are held by nobody", n, i)
		}
	}
	t.Logf("%d of %d gave up", gaveUp.Load(), workers*rounds)
}

// Who waits for a key gets it in turn, and one who gave up is passed over.
func TestWaitersOfAKeyGetItInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := mustOpen(t, Options{Dir: "data", FS: vfs.NewMem()})
		held, err := db.LockKeys(t.Context(), []byte("a"))
		if err != nil {
			t.Fatal(err)
		}
		impatient, giveUp := context.WithCancel(t.Context())
		var order []int
		var group sync.WaitGroup
		for i := range 4 {
			ctx := t.Context()
			if i == 1 {
				ctx = impatient
			}
			group.Go(func() {
				lock, err := db.LockKeys(ctx, []byte("a"))
				if i == 1 {
					if !errors.Is(err, context.Canceled) {
						t.Errorf("gave up: %v", err)
					}
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				order = append(order, i)
				lock.Unlock()
			})
			synctest.Wait()
		}
		giveUp()
		synctest.Wait()
		held.Unlock()
		group.Wait()
		if got := fmt.Sprint(order); got != "[0 2 3]" {
			t.Errorf("the order was %v", got)
		}
		mustClose(t, db)
	})
}
