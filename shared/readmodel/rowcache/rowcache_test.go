package rowcache

import (
	"fmt"
	"testing"
)

func TestCacheIsBoundedByWeight(t *testing.T) {
	c := New[int](0)
	for i := range 10_000 {
		c.Put(fmt.Sprint(i), i, 64<<10)
	}
	kept := 0
	for i := range c.parts {
		kept += len(c.parts[i].rows)
		if c.parts[i].weight > c.most || c.parts[i].weight != 64<<10*len(c.parts[i].rows) {
			t.Errorf("part %d weighs %d with %d values", i, c.parts[i].weight, len(c.parts[i].rows))
		}
	}
	if kept == 0 || kept > defaultBytes/(64<<10) {
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
