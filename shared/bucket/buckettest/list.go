package buckettest

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"passbook/shared/bucket"
)

var listClauses = []clause{
	{"list/order", "Page is a part of a listing, in byte order of the keys.", listOrder},
	{"list/prefix", "List returns a page of the objects whose key starts with prefix and is greater than after.", listPrefix},
	{"list/pages", "MaxListPage is the most keys of one page (ListObjectsV2: 1,000).", listPages},
	{"list/whole", "is visible to every read and listing after the answer,", listWhole},
}

// tricky are names whose order as paths differs from that of their bytes.
var tricky = []string{
	"a", "a!", "a-", "a-b/c", "a.b", "a0", "aa", "b!/x", "b-/x", "b/", "b/-", "b/a", "b/a-", "b/a-b", "b/b/c", "b0", "b1/x", "B/x", "é/x", "日/x", "😀",
}

// fill creates the names, in another order, and returns their keys in byte order.
func (s *suite) fill(names []string) (sorted []string) {
	for i := range names {
		name := names[(i*5+3)%len(names)]
		if strings.HasSuffix(name, "/") {
			name += "last"
		}
		s.mustCreate(name, []byte(name))
		sorted = append(sorted, s.key(name))
	}
	slices.Sort(sorted)
	return sorted
}

func listOrder(s *suite) {
	sorted := s.fill(tricky)
	found := s.all(s.id+"/", "")
	s.must(differ("keys", keys(found), sorted))
	for _, info := range found {
		s.must(differ("size of "+info.Key, info.Size, int64(len(info.Key)-len(s.id)-1)))
	}
}

func listPrefix(s *suite) {
	sorted := s.fill(tricky)
	prefixes := []string{"", "a", "a-", "a-b/", "b", "b/", "b/a", "b/b/c", "b/b/c/", "b//", "B", "none/", "日/", "\U0001f600", "b/../a", "./a"}
	afters := append([]string{"", s.id, s.id + "/", s.id + "0", "zzz"}, sorted...)
	for _, name := range []string{"a-", "a/", "b", "b/", "b/a0", "b/b", "b/b/", "b/b/c/d", "c"} {
		afters = append(afters, s.key(name))
	}
	for _, prefix := range prefixes {
		for _, after := range afters {
			want := []string{}
			for _, key := range sorted {
				if strings.HasPrefix(key, s.key(prefix)) && key > after {
					want = append(want, key)
				}
			}
			s.must(differ(fmt.Sprintf("prefix %q after %q", prefix, after), keys(s.all(s.key(prefix), after)), want))
		}
	}
	// A prefix may end within the first part of the keys.
	s.must(differ("half a part", keys(s.all(s.id[:len(s.id)-1], "")), sorted))
}

func listPages(s *suite) {
	const n = bucket.MaxListPage + 60
	var want []string
	var group sync.WaitGroup
	gate := make(chan struct{}, 16)
	for i := range n {
		name := fmt.Sprintf("%d/%04d", i/700, i)
		want = append(want, s.key(name))
		gate <- struct{}{}
		group.Go(func() {
			defer func() { <-gate }()
			if err := s.a.Create(s.ctx, s.key(name), nil); err != nil {
				s.Errorf("create %s: %v", name, err)
			}
		})
	}
	group.Wait()
	page, err := s.a.List(s.ctx, s.id+"/", "")
	s.must(err)
	if len(page.Objects) == 0 || len(page.Objects) > bucket.MaxListPage || page.After == "" {
		s.Fatalf("first page of %d, after %q", len(page.Objects), page.After)
	}
	s.must(differ("all keys", keys(s.all(s.id+"/", "")), want))
	for i := 0; i < n; i += 97 {
		s.must(differ("keys after "+want[i], keys(s.all(s.id+"/", want[i])), want[i+1:]))
	}
}

// listWhole lists while objects are created: a listing has every object that was created before it.
func listWhole(s *suite) {
	const writers, each = 4, 15
	var group sync.WaitGroup
	var mu sync.Mutex
	answered := map[string]bool{}
	for w := range writers {
		group.Go(func() {
			for i := range each {
				name := fmt.Sprintf("%d/%d/%d", i%3, w, i)
				if err := s.a.Create(s.ctx, s.key(name), []byte("x")); err != nil {
					s.Errorf("create: %v", err)
				}
				mu.Lock()
				answered[s.key(name)] = true
				mu.Unlock()
			}
		})
	}
	for range 20 {
		mu.Lock()
		before := len(answered)
		want := make([]string, 0, before)
		for key := range answered {
			want = append(want, key)
		}
		mu.Unlock()
		found := keys(s.all(s.id+"/", ""))
		if !slices.IsSorted(found) {
			s.Fatal("not in order")
		}
		for _, key := range want {
			if _, there := slices.BinarySearch(found, key); !there {
				s.Fatalf("%s is not listed", key)
			}
		}
	}
	group.Wait()
	s.must(differ("all", len(s.all(s.id+"/", "")), writers*each))
}
