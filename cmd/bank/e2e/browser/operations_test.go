package browser

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"passbook/cmd/internal/browsertest"
	"passbook/cmd/internal/programtest"
)

// inTurn has a person operate a separate bank in each of three views, since a job is of the whole
// bank.
func inTurn(t *testing.T, do func(s *seat), flags ...string) {
	t.Helper()
	for _, view := range []browsertest.View{browsertest.Views[0], browsertest.Views[3], browsertest.Views[4]} {
		t.Run(view.String(), func(t *testing.T) {
			t.Parallel()
			b := serve(t, t.TempDir(), flags...)
			if len(flags) == 0 {
				play(t, b)
			}
			do(&seat{browsertest.Open(t, b.Base, view), t, b, "A-19"})
		})
	}
}

// job checks a job with its dry run, starts it, waits for its end and checks its page.
func (s *seat) job(name, word string) {
	s.t.Helper()
	s.Shows("main", "line")
	s.Picture(name + "-check")
	s.Check()
	if s.Has("main [name=word]") {
		s.Type("main [name=word]", word)
	}
	s.Type("main [name=reason]", "a test")
	s.Follow(primary)
	s.Until("the job is done", func() error {
		if text := s.Text("#job"); !strings.Contains(text, "done") {
			return fmt.Errorf("it shows %.500q", text)
		}
		return nil
	})
	s.Visit(s.Path())
	s.Picture(name + "-done")
	s.Check()
}

// marked returns the selector of the element that an expression finds.
func (s *seat) marked(expression string) string {
	s.t.Helper()
	if !browsertest.Eval[bool](s.Tab, fmt.Sprintf(`(() => { const e = %s; e?.setAttribute("data-passbook-marked", ""); return !!e })()`, expression)) {
		s.t.Fatalf("there is no %s in\n%s", expression, s.Text("main"))
	}
	return "[data-passbook-marked]"
}

func TestAReadModelIsRebuiltPromotedAndBroughtBack(t *testing.T) {
	inTurn(t, func(s *seat) {
		s.Visit("/ui/replay")
		s.Choose("main [name=model]", "balance")
		s.Choose("main [name=from]", "journal")
		s.FollowText("Check with a dry run")
		s.job("rebuild", "")
		s.Visit("/ui/replay")
		s.FollowText("Compare and promote")
		s.sees("Differences")
		s.job("promote", "balance")
		s.Visit("/ui/replay")
		s.sees("previous")
		s.FollowText("Back to generation")
		s.job("back", "balance")
		s.Visit("/ui/replay")
		s.Check()
	})
}

func TestAnAuditRunsToGreen(t *testing.T) {
	inTurn(t, func(s *seat) {
		s.Visit("/ui/audit")
		s.Check()
		s.FollowText("Check")
		s.job("audit", "")
		s.Visit("/ui/audit")
		s.sees("no difference", "equal")
		s.Picture("audit-green")
		s.Check()
	})
}

func TestADayOfTheArchiveLeadsToASegmentAndItsSQL(t *testing.T) {
	inTurn(t, func(s *seat) {
		s.Until("a segment is sealed", func() error {
			s.Visit("/ui/archive")
			if !strings.Contains(s.Text("main"), "Segments") {
				return errNotYet
			}
			return nil
		})
		s.Check()
		s.Follow(s.marked(`[...document.querySelectorAll("main svg a[href*='day=']")].filter(e => e.checkVisibility()).at(-1)`))
		s.sees("Segments", "Download", "read_parquet")
		segment := browsertest.Eval[string](s.Tab, `document.querySelector('main a[href^="/ui/archive/download"]').getAttribute("href")`)
		if parquet := s.bank.send(s.t, http.MethodGet, segment, "", "", nil); !strings.HasPrefix(string(parquet), "PAR1") {
			s.t.Errorf("the segment is no Parquet file: it begins with %.20q", parquet)
		}
	})
}

func TestAKeyIsMadeUsedAndRevoked(t *testing.T) {
	inTurn(t, func(s *seat) {
		s.Visit("/ui/operators?tab=keys")
		s.Type("#key", written(s.t, s.bank.data+"/first-key"))
		s.FollowText("Sign in")
		s.Visit("/ui/operators?tab=keys")
		s.Check()
		s.FollowText("Make a key")
		s.Type("main [name=name]", "payroll")
		s.Choose(`main [name=scope][value="accounts:read"]`, "accounts:read")
		s.Follow(primary)
		s.Type("main [name=reason]", "a test")
		s.Follow(primary)
		key := s.Text("#new-key")
		s.answers(key, http.StatusOK)
		s.Visit("/ui/operators?tab=keys")
		s.sees("payroll")
		s.Follow(s.marked(`[...document.querySelectorAll("main tr")].find(row => row.innerText.includes("payroll"))?.querySelector("button")`))
		if s.Has("main [name=word]") {
			s.Type("main [name=word]", browsertest.Eval[string](s.Tab, `document.querySelector("label[for=word] .id").innerText`))
		}
		s.Type("main [name=reason]", "a test")
		s.Follow(primary)
		s.answers(key, http.StatusUnauthorized)
	}, "--auth", "apikey")
}

// answers waits until the API answers a key with a status.
func (s *seat) answers(key string, status int) {
	s.t.Helper()
	programtest.Eventually(s.t, fmt.Sprintf("the key is answered with %d", status), func() error {
		request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.bank.Base+"/v1/accounts", nil)
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+key)
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != status {
			return fmt.Errorf("it is answered with %s", response.Status)
		}
		return nil
	})
}
