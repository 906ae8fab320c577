package lines

import (
	"context"
	"testing"
	"testing/synctest"
)

// Lines are taken in their order, one that adds waits while the window is full, and one that waits
// for a line is told when it is taken.
func TestWindowKeepsTheOrderAndTheBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWindow[int](2)
		added := 0
		go func() {
			defer w.Close()
			for i := range 5 {
				if n, ok := w.Add(t.Context(), &i); !ok || n != uint64(i) {
					t.Errorf("line %d has number %d, %v", i, n, ok)
				}
				added++
			}
		}()
		for i := range 5 {
			synctest.Wait()
			if added != min(i+2, 5) {
				t.Errorf("%d lines were added before line %d was taken", added, i)
			}
			line, more := w.First()
			if line == nil || *line != i || !more {
				t.Fatalf("line %d is %v, %v", i, line, more)
			}
			gone := w.WhenTaken(uint64(i))
			select {
			case <-gone:
				t.Errorf("line %d is gone before it was taken", i)
			default:
			}
			w.Take()
			<-gone
			if w.At(uint64(i)) != nil || w.WhenTaken(uint64(i)) != nil {
				t.Errorf("line %d is there after it was taken", i)
			}
		}
		if line, more := w.First(); line != nil || more {
			t.Errorf("%v came after the last line, %v", line, more)
		}
	})
}

// One that waits for room gives up with its context.
func TestAddEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w := NewWindow[int](1)
	w.Add(ctx, new(int))
	cancel()
	if _, ok := w.Add(ctx, new(int)); ok {
		t.Error("a line was added beyond the bound")
	}
}

// A few requests have the whole window each, and later ones a share.
func TestLinesAreSharedOutAmongRequests(t *testing.T) {
	var w Windows
	total := 0
	for n := 1; n <= 100; n++ {
		size := len(Open[int](&w).lines)
		if total += size; n <= 4 && size != Most || size < least || n == 100 && size != least {
			t.Errorf("request %d has %d lines", n, size)
		}
	}
	if total > 20*Most {
		t.Errorf("100 requests have %d lines", total)
	}
	for range 100 {
		w.Close()
	}
	if size := len(Open[int](&w).lines); size != Most {
		t.Errorf("the next request has %d lines", size)
	}
}
