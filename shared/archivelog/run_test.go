package archivelog_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/archivelog"
)

// Leaves are added in every tenth round, the first one at once, and what is there at the end before
// it: each addition writes a tile again.
func TestLeavesAreAddedInEveryTenthRound(t *testing.T) {
	b, all := newBank(t), segments(t, 25)
	c := b.config()
	c.Exclusive = false
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		l, ended := archivelog.New(c), make(chan error, 1)
		go func() { ended <- l.Run(ctx) }()
		time.Sleep(time.Second)
		for i, s := range all {
			b.put(s)
			l.Sealed(s)
			if i < len(all)-1 {
				time.Sleep(c.Every)
			}
		}
		cancel()
		if err := <-ended; err != nil || l.Ready() != nil {
			t.Errorf("%v, %v", err, l.Ready())
		}
	})
	b.mustHave(all)
	var sizes []int64
	for stored, err := range archivelog.Checkpoints(t.Context(), b.bucket, b.verifiers()) {
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, stored.Size)
	}
	if len(sizes) != 4 || sizes[0] != 25 || sizes[3] != 1 {
		t.Errorf("checkpoints of %d leaves", sizes)
	}
}
