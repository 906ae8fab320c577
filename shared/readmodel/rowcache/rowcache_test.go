package rowcache

import (
	"fmt"
	"testing"
)

func TestCacheIsBoundedByWeight(t *testing.T) {
	c := New[int](0)
	for i := range 10_000 {
		c.Put(fmt.Sprintf("%04d", i), i, 64<<10)
	}
	kept := 0
	for i := range c.parts {
		kept += len(c.parts[i].rows)
		if c.parts[i].weight > c.most || c.parts[i].weight != (64<<10+c.each+4)*len(c.parts[i].rows) {
			t.Errorf("part %d weighs %d with %d values", i, c.parts[i].weight, len(c.parts[i].rows))
		}
	}
	if kept == 0 || kept > defaultBytes/(64<<10+c.each+4) {
		t.Errorf("%d values kept", kept)
	}
	if v, ok := c.Get("9999"); !ok || v != 9999 {
		t.Errorf("the newest value: %v %v", v, ok)
	}
	c.Forget("9999")
	if _, ok := c.Get("9999"); ok {
		t.Error("a forgotten value is still there")
	}
}

func TestWhatIsUsedStays(t *testing.T) {
	c := New[int](parts * 64 * 256)
	for i := range 100_000 {
		c.Put(fmt.Sprint("new-", i), i, 0)
		if i == 0 {
			c.Put("busy", 1, 0)
		}
		if _, ok := c.Get("busy"); !ok {
			t.Fatalf("what is used is evicted after %d others", i)
		}
	}
	c.Put("busy", 2, 0)
	if v, ok := c.Get("busy"); !ok || v != 2 {
		t.Errorf("the value that was put last: %v %v", v, ok)
	}
}
