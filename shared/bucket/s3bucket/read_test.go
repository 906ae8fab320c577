package s3bucket_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"

	"passbook/shared/bucket"
)

func TestReadAt(t *testing.T) {
	const content = "0123456789"
	for _, c := range []struct {
		name    string
		off     int64
		n       int
		answers []http.HandlerFunc
		want    string
		err     error
		ranges  []string
	}{
		{"all", 0, 10, []http.HandlerFunc{part(content)}, content, nil, []string{"bytes=0-9"}},
		{"a range", 3, 4, []http.HandlerFunc{part("3456")}, "3456", nil, []string{"bytes=3-6"}},
		{"over the end", 8, 9, []http.HandlerFunc{part("89")}, "89", io.EOF, []string{"bytes=8-9"}},
		{"at the end", 10, 1, nil, "", io.EOF, nil},
		{"beyond the end", 99, 1, nil, "", io.EOF, nil},
		{"nothing", 3, 0, nil, "", nil, nil},
		{"broken off", 1, 6, []http.HandlerFunc{part("12"), part(""), part("3456")}, "123456", nil, []string{"bytes=1-6", "bytes=3-6", "bytes=3-6"}},
		{"broken off forever", 1, 6, []http.HandlerFunc{part("1")}, "111", io.ErrUnexpectedEOF, []string{"bytes=1-6", "bytes=2-6", "bytes=3-6"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, f := open(t, append([]http.HandlerFunc{head(len(content))}, c.answers...)...)
			o, err := b.Open(t.Context(), "a/b")
			if err != nil || o.Size() != int64(len(content)) {
				t.Fatalf("open: %v, %v", o, err)
			}
			p := make([]byte, c.n)
			n, err := o.ReadAt(p, c.off)
			if string(p[:n]) != c.want || !errors.Is(err, c.err) {
				t.Errorf("read %q, %v", p[:n], err)
			}
			var ranges []string
			for _, r := range f.asked[1:] {
				ranges = append(ranges, r.Header.Get("Range"))
				if r.Header.Get("If-Match") != `"e1"` || r.Method != http.MethodGet || r.URL.Path != "/archive/a/b" {
					t.Errorf("asked: %s %s %v", r.Method, r.URL.Path, r.Header)
				}
			}
			if !reflect.DeepEqual(ranges, c.ranges) {
				t.Errorf("ranges %v", ranges)
			}
			if err == io.EOF != (c.err == io.EOF) {
				t.Errorf("io.ReaderAt wants io.EOF itself: %v", err)
			}
		})
	}
	b, f := open(t, head(len(content)))
	o, err := b.Open(t.Context(), "a/b")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.ReadAt(make([]byte, 1), -1); err == nil || err == io.EOF || len(f.asked) != 1 {
		t.Errorf("a negative offset: %v", err)
	}
}

// TestReadsEnd checks that Close and the end of the context of Open end a running read and refuse
// the next.
func TestReadsEnd(t *testing.T) {
	for _, how := range []string{"close", "cancel"} {
		synctest.Test(t, func(t *testing.T) {
			b, _ := open(t, head(10), hangs)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			o, err := b.Open(ctx, "a/b")
			if err != nil {
				t.Fatal(err)
			}
			failed := make(chan error)
			go func() {
				_, err := o.ReadAt(make([]byte, 4), 0)
				failed <- err
			}()
			synctest.Wait()
			if how == "cancel" {
				cancel()
			} else if err := o.Close(); err != nil {
				t.Error(err)
			}
			if err := <-failed; !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", how, err)
			}
			if _, err := o.ReadAt(make([]byte, 4), 99); !errors.Is(err, context.Canceled) {
				t.Errorf("after %s: %v", how, err)
			}
		})
	}
}

// TestReplacedObject checks that no reads of one Object are of two objects.
func TestReplacedObject(t *testing.T) {
	b, f := open(t, head(10), part("01"), fails(412, "PreconditionFailed"))
	o, err := b.Open(t.Context(), "a/b")
	if err != nil {
		t.Fatal(err)
	}
	n, err := o.ReadAt(make([]byte, 4), 0)
	if n != 2 || err == nil || errors.Is(err, bucket.ErrExists) || !strings.Contains(err.Error(), "another object") || len(f.asked) != 3 {
		t.Errorf("%d bytes, %v", n, err)
	}
}
