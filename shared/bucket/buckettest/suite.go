package buckettest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"passbook/shared/bucket"
)

// clause is a sentence of the port's documentation and the test that checks it.
type clause struct {
	name, sentence string
	test           func(*suite)
}

// Run checks that an adapter keeps the contract. open returns two handles on one bucket, as two
// processes have them.
func Run(t *testing.T, open func(testing.TB) (first, second bucket.Bucket)) {
	a, b := open(t)
	for _, c := range clauses() {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			c.test(&suite{T: t, ctx: ctx, a: a, b: b, id: "suite-" + rand.Text()})
		})
	}
}

func clauses() []clause {
	return slices.Concat(createClauses, openClauses, listClauses)
}

// suite is one running subtest, with keys below one prefix.
type suite struct {
	*testing.T
	ctx  context.Context
	a, b bucket.Bucket
	id   string
}

func (s *suite) key(name string) string { return s.id + "/" + name }

func (s *suite) mustCreate(name string, data []byte) {
	s.Helper()
	if err := s.a.Create(s.ctx, s.key(name), data); err != nil {
		s.Fatalf("create %q: %v", name, err)
	}
}

// want checks the content of an object.
func (s *suite) want(from bucket.Bucket, name string, data []byte) {
	s.Helper()
	o, err := from.Open(s.ctx, s.key(name))
	if err != nil {
		s.Fatalf("open %q: %v", name, err)
	}
	defer func() { s.must(o.Close()) }()
	s.must(differ("size of "+name, o.Size(), int64(len(data))))
	got := make([]byte, len(data))
	if len(data) > 0 {
		if n, err := o.ReadAt(got, 0); n != len(data) {
			s.Fatalf("read %q: %d bytes, %v", name, n, err)
		}
	}
	s.must(differ("object "+name, string(got), string(data)))
}

// all returns the objects of all pages of a listing.
func (s *suite) all(prefix, after string) []bucket.Info {
	s.Helper()
	out := []bucket.Info{}
	for {
		page, err := s.a.List(s.ctx, prefix, after)
		s.must(err)
		if len(page.Objects) > bucket.MaxListPage {
			s.Fatalf("page of %d", len(page.Objects))
		}
		out = append(out, page.Objects...)
		if after = page.After; after == "" {
			return out
		}
	}
}

func keys(infos []bucket.Info) []string {
	out := []string{}
	for _, i := range infos {
		out = append(out, i.Key)
	}
	return out
}

func (s *suite) wantErr(err, want error, what string, args ...any) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Fatalf("%s: %v, want %v", fmt.Sprintf(what, args...), err, want)
	}
}

func (s *suite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// differ returns an error that tells how two answers differ, nil if they do not.
func differ[T any](what string, got, want T) error {
	if reflect.DeepEqual(got, want) {
		return nil
	}
	return fmt.Errorf("%s: got %v, want %v", what, got, want)
}
