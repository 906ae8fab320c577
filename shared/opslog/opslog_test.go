package opslog

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"passbook/shared/control"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

func memory(t testing.TB) table.Table {
	return storetest.Memory(t, pebblestream.Options{}, control.Schema).Table
}

func TestAnActionIsARowBeforeItBeginsAndHasItsOutcomeAfter(t *testing.T) {
	tables := memory(t)
	began, err := Begin(t.Context(), tables, Action{Job: "promote", Actor: "os:1000", Tenant: "north", Reason: "the rows agree", Params: `{"model":"balance"}`})
	if err != nil {
		t.Fatal(err)
	}
	if page, _, err := List(t.Context(), tables, Page{Limit: 1}); err != nil || len(page) != 1 || page[0] != began || began.State != Begun {
		t.Fatalf("%+v, not %+v: %v", page, began, err)
	}
	if err := began.End(t.Context(), tables, Outcome{State: Failed, ExitCode: 3, Error: "two rows differ"}); err != nil {
		t.Fatal(err)
	}
	page, next, err := List(t.Context(), tables, Page{Limit: 1})
	if err != nil || len(page) != 1 || next != "" {
		t.Fatalf("%+v %q %v", page, next, err)
	}
	ended := page[0]
	if ended.EndedAt.Before(began.At) {
		t.Errorf("it ended at %v, before it began at %v", ended.EndedAt, began.At)
	}
	want := began
	want.State, want.ExitCode, want.Error, want.EndedAt = Failed, 3, "two rows differ", ended.EndedAt
	if ended != want {
		t.Errorf("%+v, not %+v", ended, want)
	}
	if err := began.End(t.Context(), tables, Outcome{State: Done}); err == nil {
		t.Error("the outcome was written over another")
	}
}

func TestTextsAreCutInWholeCharacters(t *testing.T) {
	tables := memory(t)
	a, err := Begin(t.Context(), tables, Action{Job: "clear", Actor: strings.Repeat("é", 60), Params: strings.Repeat("é", maxParams)})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.End(t.Context(), tables, Outcome{State: Failed, ExitCode: 1, Error: "x" + strings.Repeat("é", maxError)}); err != nil {
		t.Fatal(err)
	}
	page, _, err := List(t.Context(), tables, Page{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	for text, most := range map[string]int{page[0].Actor: maxActor, page[0].Params: maxParams, page[0].Error: maxError} {
		if len(text) > most || len(text) < most-1 || !utf8.ValidString(text) {
			t.Errorf("%d bytes of at most %d: %q", len(text), most, text[:20])
		}
	}
}

// Pages of any size, of a tenant or of all, are together the log, newest first and each action
// once.
func TestPagesAreTheLog(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		tables := memory(t)
		tenants := rapid.SliceOfN(rapid.SampledFrom([]string{"", "north", "south"}), 0, 30).Draw(r, "tenants")
		tenant, limit := rapid.SampledFrom([]string{"", "north"}).Draw(r, "tenant"), rapid.IntRange(1, 7).Draw(r, "limit")
		var want, got []string
		for _, of := range tenants {
			a, err := Begin(t.Context(), tables, Action{Job: "redrive", Actor: "os:0", Tenant: of})
			if err != nil {
				r.Fatal(err)
			}
			if tenant == "" || of == tenant {
				want = append(want, a.ID)
			}
		}
		slices.Reverse(want)
		for next := ""; ; {
			page, after, err := List(t.Context(), tables, Page{Tenant: tenant, Before: next, Limit: limit})
			if err != nil || len(page) > limit {
				r.Fatalf("%d actions, %v", len(page), err)
			}
			for _, a := range page {
				got = append(got, a.ID)
			}
			if next = after; next == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			r.Fatalf("%q\nwant %q", got, want)
		}
	})
}

// A page reads a bounded part of a long log, even if nothing in it is the tenant's.
func TestAPageOfARareTenantIsBounded(t *testing.T) {
	tables := memory(t)
	for range scanMost + 10 {
		if _, err := Begin(t.Context(), tables, Action{Job: "redrive", Actor: "os:0"}); err != nil {
			t.Fatal(err)
		}
	}
	page, next, err := List(t.Context(), tables, Page{Tenant: "north", Limit: 10})
	if err != nil || len(page) != 0 || next == "" {
		t.Fatalf("%d actions, next %q, %v", len(page), next, err)
	}
	if page, next, err = List(t.Context(), tables, Page{Tenant: "north", Before: next, Limit: 10}); err != nil || len(page) != 0 || next != "" {
		t.Errorf("%d actions, next %q, %v", len(page), next, err)
	}
}

func TestOldActionsAreRemoved(t *testing.T) {
	tables := memory(t)
	now := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	id := func(at time.Time, n int) string {
		u := uuid.UUID{6: 0x70, 8: 0x80, 15: byte(n)}
		ms := at.UnixMilli()
		for i := range 6 {
			u[i] = byte(ms >> (40 - 8*i))
		}
		return u.String()
	}
	var want []string
	for n, at := range []time.Time{now.Add(-Kept - time.Hour), now.Add(-Kept - time.Millisecond), now.Add(-Kept), now.Add(-time.Hour), now} {
		key := id(at, n)
		if err := control.OpsLog(tables).Put(t.Context(), key, table.Map{"rev": table.N(1), "job": table.S(fmt.Sprint(n))}, nil); err != nil {
			t.Fatal(err)
		}
		if n > 1 {
			want = append(want, fmt.Sprint(n))
		}
	}
	if err := Trim(t.Context(), tables, now); err != nil {
		t.Fatal(err)
	}
	page, _, err := List(t.Context(), tables, Page{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range slices.Backward(page) {
		got = append(got, a.Job)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q are left, not %q", got, want)
	}
}
