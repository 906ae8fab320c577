package browser

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"passbook/cmd/internal/browsertest"
)

func TestASliderToThePastShowsWhatTheAPISays(t *testing.T) {
	journey(t, func(s *seat) {
		s.bank.open(s.t, s.id, "H-1", 50000, 100000)
		for _, cents := range []int{2500, 1999, 700, 12000} {
			s.bank.post(s.t, "/v1/accounts/"+s.id+"/withdrawals", fmt.Sprintf(`{"amount":%d,"currency":"EUR"}`, cents))
		}
		s.read("")
		s.sees("328.01")
		standing := browsertest.Eval[float64](s.Tab, "document.querySelector('#chart').getBoundingClientRect().top")
		s.Choose(`main input[type=range]`, "4")
		s.sees("s of version 4", "455.01")
		if moved := browsertest.Eval[float64](s.Tab, "document.querySelector('#chart').getBoundingClientRect().top") - standing; moved != 0 {
			s.t.Errorf("%s: the chart moved by %v px from under the pointer", s.Path(), moved)
		}
		var then struct{ Posted, Available int64 }
		s.bank.get(s.t, "/v1/accounts/"+s.id+"/balance?version=4", &then)
		if then.Posted != 45501 {
			s.t.Errorf("the API says %d at version 4, expected 45501", then.Posted)
		}
		s.Check()
		s.FollowText("Back to now")
		s.sees("328.01")
	})
}

func TestAnEventIsFoundByItsCorrelationID(t *testing.T) {
	journey(t, func(s *seat) {
		s.bank.open(s.t, s.id, "H-1", 50000, 0)
		correlation := "call-of-" + s.id
		s.bank.correlated(s.t, s.id, correlation)
		s.Until("the search finds the event", func() error {
			s.Visit("/ui/")
			s.Shortcut("/")
			s.Write(correlation)
			s.PressAndLoad(kb.Enter)
			if text := s.Text("main"); !strings.Contains(s.Path(), "/events/3") && !strings.Contains(text, s.id+":3") {
				return fmt.Errorf("it shows %.300q", text)
			}
			return nil
		})
	})
}

// correlated withdraws 25.00 under a correlation id.
func (b *bank) correlated(t testing.TB, id, correlation string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.Base+"/v1/accounts/"+id+"/withdrawals", strings.NewReader(`{"amount":2500,"currency":"EUR"}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", correlation)
	request.Header.Set("X-Request-ID", correlation)
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		t.Fatalf("withdraw: %s", response.Status)
	}
}

func TestTheJourneyOfAnEventIsCompleteAndItsHashIsEqual(t *testing.T) {
	journey(t, func(s *seat) {
		s.bank.open(s.t, s.id, "H-1", 50000, 0)
		s.change("withdraw", "amount", "25.00")
		page := account(s.id) + "/events/3"
		s.Until("the journey is complete", func() error {
			s.Visit(page)
			text := s.Text("main")
			for _, step := range []string{"Request", "Decided", "Committed", "Streamed", "Folded by balance", "Folded by creditlimit", "Archived"} {
				if !strings.Contains(text, step) {
					return fmt.Errorf("it has no %q", step)
				}
			}
			return nil
		})
		s.Click("button[data-check]")
		s.Shows(".checked", "Equal")
		s.Check()
	})
}

func TestTheChartZoomsToOneEvent(t *testing.T) {
	b := serve(t, t.TempDir())
	play(t, b)
	s := &seat{browsertest.Open(t, b.Base, browsertest.Views[0]), t, b, "A-19"}
	s.read("")
	box := browsertest.Eval[[]float64](s.Tab, `(() => { const r = document.querySelector("#chart .area").getBoundingClientRect(); return [r.left, r.top, r.width, r.height] })()`)
	middle := box[1] + box[3]/2
	s.Drag(box[0]+box[2]*0.30, middle, box[0]+box[2]*0.34, middle)
	s.Until("the chart shows a part of the versions", func() error {
		if !strings.Contains(s.Path(), "from=") {
			return errNotYet
		}
		return nil
	})
	s.sees("Show all")
	s.Check()
	s.Follow(`#now a[href*="/events/"]`)
	if !strings.Contains(s.Path(), "/events/") {
		t.Errorf("the event of the version leads to %s", s.Path())
	}
}
