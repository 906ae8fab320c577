package deadline

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestAContextEndsAtItsTime(t *testing.T) {
	for name, wait := range map[string]func(ctx context.Context) error{
		"asked": func(ctx context.Context) error {
			time.Sleep(time.Second)
			return ctx.Err()
		},
		"waited for": func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		},
		"of a part": func(ctx context.Context) error {
			part, cancel := context.WithTimeout(ctx, time.Hour)
			defer cancel()
			<-part.Done()
			return part.Err()
		},
		"after it": func(ctx context.Context) error {
			time.Sleep(2 * time.Second)
			part, cancel := context.WithCancel(ctx)
			defer cancel()
			<-part.Done()
			return part.Err()
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			var c Context
			at := time.Now().Add(time.Second)
			c.Begin(t.Context(), at)
			defer c.End()
			if err := c.Err(); err != nil {
				t.Errorf("%s: before the deadline: %v", name, err)
			}
			if got, ok := c.Deadline(); !ok || !got.Equal(at) {
				t.Errorf("%s: deadline %v %v", name, got, ok)
			}
			if err := wait(&c); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: at the deadline: %v", name, err)
			}
		})
	}
}

func TestAContextEndsWithItsParentAndWithEnd(t *testing.T) {
	for name, end := range map[string]func(c *Context, gone context.CancelFunc){
		"the caller is gone": func(_ *Context, gone context.CancelFunc) { gone() },
		"it was served":      func(c *Context, _ context.CancelFunc) { c.End() },
	} {
		for _, waits := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				parent, gone := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
				defer gone()
				var c Context
				c.Begin(parent, time.Now().Add(time.Second))
				defer c.End()
				part := context.Context(&c)
				if waits {
					of, cancel := context.WithCancel(&c)
					defer cancel()
					part = of
				}
				if err := part.Err(); err != nil {
					t.Errorf("%s: at first: %v", name, err)
				}
				end(&c, gone)
				<-part.Done()
				if err := part.Err(); !errors.Is(err, context.Canceled) {
					t.Errorf("%s: %v", name, err)
				}
				if part.Value(key{}) != "value" {
					t.Errorf("%s: the value is %v", name, part.Value(key{}))
				}
			})
		}
	}
}

func TestAContextWithoutATimeEndsWithItsParentAlone(t *testing.T) {
	parent, gone := context.WithCancel(t.Context())
	var c Context
	c.Begin(parent, time.Time{})
	if _, ok := c.Deadline(); ok {
		t.Error("it has a deadline")
	}
	if c.End(); c.Err() != nil {
		t.Errorf("after its answer: %v", c.Err())
	}
	if gone(); !errors.Is(c.Err(), context.Canceled) {
		t.Errorf("after its caller: %v", c.Err())
	}
	<-c.Done()
}

type key struct{}
