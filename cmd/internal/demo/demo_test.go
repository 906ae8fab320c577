package demo

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"passbook/shared/client"
)

func TestAmounts(t *testing.T) {
	for cents, want := range map[int64]string{0: "0.00", 5: "0.05", 123456: "1,234.56", -100000000: "-1,000,000.00", 99999: "999.99"} {
		if got := amount(cents); got != want {
			t.Errorf("%d: %s, want %s", cents, got, want)
		}
	}
}

// diaryTimes plans a day and lists its times.
func diaryTimes(seed uint64) []time.Duration {
	d := &day{Options: Options{Accounts: 7, Seed: seed}, rng: newRand(seed, 7)}
	d.plan()
	var times []time.Duration
	for _, s := range d.diary {
		times = append(times, s.at)
	}
	return times
}

func TestADayFollowsFromItsSeed(t *testing.T) {
	one, same, other := diaryTimes(1), diaryTimes(1), diaryTimes(2)
	differs := len(one) != len(other)
	for i := range one {
		if one[i] != same[i] {
			t.Fatalf("step %d at %v and at %v", i, one[i], same[i])
		}
		differs = differs || one[i] != other[i]
	}
	if !differs {
		t.Error("another seed gives the same day")
	}
}

func TestDecisionsThatTheBooksDoNotExpectAreDifferences(t *testing.T) {
	poor := func(code client.Code, available, shortfall int64) error {
		return &client.Problem{Code: code, ProblemDocument: client.ProblemDocument{Status: 422, Available: &available, Shortfall: shortfall}}
	}
	for name, tt := range map[string]struct {
		account  account
		amount   int64
		err      error
		declined bool
		differs  bool
	}{
		"paid":                        {account: account{posted: 10}, amount: 10},
		"declined":                    {account: account{posted: 10}, amount: 11, err: poor("insufficient-funds", 10, 1), declined: true},
		"paid without funds":          {account: account{posted: 10}, amount: 11, differs: true},
		"declined with funds":         {account: account{posted: 10}, amount: 10, err: poor("insufficient-funds", 10, 0), differs: true},
		"declined with other figures": {account: account{posted: 10}, amount: 11, err: poor("insufficient-funds", 9, 2), differs: true},
		"frozen":                      {account: account{posted: 10, frozen: true}, amount: 1, err: poor("account-frozen", 0, 0), declined: true},
		"paid from a frozen account":  {account: account{posted: 10, frozen: true}, amount: 1, differs: true},
	} {
		declined, err := decision(&tt.account, tt.amount <= tt.account.available(), tt.amount, tt.err)
		if (declined != nil) != tt.declined || errors.Is(err, ErrDifference) != tt.differs {
			t.Errorf("%s: %v, %v", name, declined, err)
		}
	}
}

func TestNobodyThere(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	err := Run(context.Background(), Options{URL: server.URL, Accounts: MinAccounts, Out: io.Discard})
	if !errors.Is(err, ErrUnreachable) {
		t.Errorf("%v", err)
	}
}
