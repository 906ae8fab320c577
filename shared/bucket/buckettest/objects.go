package buckettest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"passbook/shared/bucket"
)

var createClauses = []clause{
	{"create", "Create creates the object, or fails with ErrExists.", create},
	{"create/taken", "ErrExists: an object has the key; it was not changed.", createTaken},
	{"create/visible", "nil means durable and visible;", createVisible},
	{"create/one-wins", "an object is created if its key is free (If-None-Match), is seen completely or not at all,", createOneWins},
	{"create/keys", "ErrInvalid: the key is empty, too long, not UTF-8, has an empty, \".\", \"..\" or too long part,", createKeys},
	{"context", "every call obeys its context's deadline.", contextEnded},
}

func create(s *suite) {
	large := bytes.Repeat([]byte("0123456789abcdef"), 200_000)
	contents := map[string][]byte{
		"empty": {}, "one": {0}, "events/v1/date=2026-11-21/stream-1/shardId-000000000000/" + strings.Repeat("0", 56) + ".parquet": large,
		"Grüße/日本 +&=%20?#@!~": []byte("signs"), "-": []byte("x"), "...": []byte("dots"), "a.": []byte("dot"), ".a": []byte("hidden"),
		strings.Repeat("n", bucket.MaxPartBytes): []byte("long name"),
	}
	for name, data := range contents {
		s.mustCreate(name, data)
	}
	for name, data := range contents {
		s.want(s.a, name, data)
	}
	longest := s.id + strings.Repeat("/"+strings.Repeat("k", 99), 10)
	longest = longest[:min(len(longest), bucket.MaxKeyBytes)]
	s.must(s.a.Create(s.ctx, longest, []byte("x")))
	s.must(differ("longest", keys(s.all(longest, "")), []string{longest}))
}

func createTaken(s *suite) {
	data := []byte("first")
	s.mustCreate("a/b", data)
	copy(data, "AFTER")
	for _, other := range [][]byte{[]byte("second, longer"), {}, []byte("first")} {
		for _, handle := range []bucket.Bucket{s.a, s.b} {
			s.wantErr(handle.Create(s.ctx, s.key("a/b"), other), bucket.ErrExists, "create of a taken key")
		}
	}
	s.want(s.b, "a/b", []byte("first"))
}

func createVisible(s *suite) {
	want := []string{}
	for i := range 20 {
		name := fmt.Sprintf("dir-%d/%03d", i/5, i)
		s.mustCreate(name, []byte(name))
		want = append(want, s.key(name))
		s.want(s.b, name, []byte(name))
		page, err := s.b.List(s.ctx, s.id+"/", "")
		s.must(err)
		s.must(differ("listed by the other handle", keys(page.Objects), want))
	}
}

// createOneWins creates one key from many goroutines, each with other content, while others read:
// exactly one succeeds, and a reader that finds the object reads all of it.
func createOneWins(s *suite) {
	for round := range 5 {
		name := fmt.Sprint("round-", round, "/x")
		content := func(w int) []byte { return bytes.Repeat([]byte{byte('a' + w)}, 300_000) }
		var wins, winner atomic.Int64
		var group sync.WaitGroup
		done := make(chan struct{})
		for w := range 8 {
			handle := []bucket.Bucket{s.a, s.b}[w%2]
			group.Go(func() {
				err := handle.Create(s.ctx, s.key(name), content(w))
				if err == nil {
					wins.Add(1)
					winner.Store(int64(w))
				} else if !errors.Is(err, bucket.ErrExists) {
					s.Errorf("create: %v", err)
				}
			})
		}
		var readers sync.WaitGroup
		readers.Go(func() { s.watch(name, done) })
		group.Wait()
		close(done)
		readers.Wait()
		s.must(differ("winners", wins.Load(), 1))
		s.want(s.b, name, content(int(winner.Load())))
	}
}

// watch opens the object again and again.
func (s *suite) watch(name string, done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		default:
		}
		o, err := s.b.Open(s.ctx, s.key(name))
		if errors.Is(err, bucket.ErrNotFound) {
			continue
		}
		if err != nil {
			s.Errorf("open: %v", err)
			return
		}
		got, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
		if err != nil || len(got) != 300_000 || bytes.Count(got, got[:1]) != len(got) {
			s.Errorf("object of %d bytes, %v", len(got), err)
		}
		if err := o.Close(); err != nil {
			s.Error(err)
		}
	}
}

func createKeys(s *suite) {
	for _, key := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "a/./b", "a/../b", "../" + s.id, s.id + "/..", "a\x00b", "a/\xff",
		strings.Repeat("k/", bucket.MaxKeyBytes/2) + "k", strings.Repeat("k", bucket.MaxPartBytes+1),
	} {
		s.wantErr(s.a.Create(s.ctx, key, []byte("x")), bucket.ErrInvalid, "create %q", key)
		_, err := s.a.Open(s.ctx, key)
		s.wantErr(err, bucket.ErrInvalid, "open %q", key)
	}
}

func contextEnded(s *suite) {
	s.mustCreate("there", []byte("x"))
	ctx, cancel := context.WithCancel(s.ctx)
	o, err := s.a.Open(ctx, s.key("there"))
	s.must(err)
	cancel()
	_, readErr := o.ReadAt(make([]byte, 1), 0)
	s.must(o.Close())
	_, openErr := s.a.Open(ctx, s.key("there"))
	_, listErr := s.a.List(ctx, s.id+"/", "")
	_, listNone := s.a.List(ctx, s.id+"/none/", "")
	for name, err := range map[string]error{
		"create": s.a.Create(ctx, s.key("new"), []byte("x")), "read": readErr, "open": openErr, "list": listErr, "list of nothing": listNone,
	} {
		s.wantErr(err, context.Canceled, "%s with an ended context", name)
	}
	s.must(differ("keys", keys(s.all(s.id+"/", "")), []string{s.key("there")}))
}

var openClauses = []clause{
	{"open", "Open opens an object for reading, or fails with ErrNotFound.", open},
	{"open/ranges", "Object is an open object: ranges of it can be read, concurrently, until it is closed.", openRanges},
	{"open/size", "Size returns the object's length in bytes.", openSize},
}

func open(s *suite) {
	s.mustCreate("dir/a", []byte("x"))
	for _, name := range []string{"dir", "dir/b", "dir/a/b", "none", "none/a"} {
		_, err := s.a.Open(s.ctx, s.key(name))
		s.wantErr(err, bucket.ErrNotFound, "open %q", name)
	}
}

func openRanges(s *suite) {
	data := make([]byte, 100_000)
	for i := range data {
		data[i] = byte(i * 7 >> 3)
	}
	s.mustCreate("a", data)
	o, err := s.a.Open(s.ctx, s.key("a"))
	s.must(err)
	var group sync.WaitGroup
	for w := range 4 {
		group.Go(func() {
			for i := range 10 {
				from := (w*7919 + i*4801) % len(data)
				part := make([]byte, min(1+i*3331, len(data)-from))
				n, err := o.ReadAt(part, int64(from))
				if n != len(part) || err != nil && err != io.EOF || !bytes.Equal(part, data[from:from+n]) {
					s.Errorf("%d bytes at %d: %d, %v", len(part), from, n, err)
				}
			}
		})
	}
	group.Wait()
	tail := make([]byte, 10)
	if n, err := o.ReadAt(tail, int64(len(data)-4)); n != 4 || err != io.EOF || !bytes.Equal(tail[:4], data[len(data)-4:]) {
		s.Fatalf("over the end: %d, %v", n, err)
	}
	for _, off := range []int64{int64(len(data)), int64(len(data)) + 5} {
		if n, err := o.ReadAt(tail, off); n != 0 || err != io.EOF {
			s.Fatalf("beyond the end: %d, %v", n, err)
		}
	}
	s.must(o.Close())
}

func openSize(s *suite) {
	for _, n := range []int{0, 1, 70_000} {
		name := fmt.Sprint(n)
		s.mustCreate(name, make([]byte, n))
		o, err := s.b.Open(s.ctx, s.key(name))
		s.must(err)
		s.must(differ("size", o.Size(), int64(n)))
		if n == 0 {
			if got, err := o.ReadAt(make([]byte, 1), 0); got != 0 || err != io.EOF {
				s.Fatalf("read of nothing: %d, %v", got, err)
			}
		}
		s.must(o.Close())
	}
}
