package browser

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"passbook/cmd/internal/browsertest"
)

// seat is a person before the console of a bank.
type seat struct {
	*browsertest.Tab
	t    testing.TB
	bank *bank
	// id is an account for this person alone, which the journey opens.
	id string
}

// journey has a person go through the console in every view, two at a time, each with accounts that
// no other touches. Each page on which the person rests is checked.
func journey(t *testing.T, do func(s *seat), flags ...string) {
	t.Helper()
	b := serve(t, t.TempDir(), flags...)
	for n, view := range browsertest.Views {
		t.Run(view.String(), func(t *testing.T) {
			t.Parallel()
			do(&seat{browsertest.Open(t, b.Base, view), t, b, fmt.Sprintf("A-%d", 10+n)})
		})
	}
}

// account returns the address of the page of an account.
func account(id string) string { return "/ui/accounts/" + id }

// form opens the form of a change of the person's account and fills fields: name, value, and so on.
func (s *seat) form(change string, fields ...string) {
	s.t.Helper()
	s.Visit(account(s.id) + "/change/" + change)
	for i := 0; i < len(fields); i += 2 {
		css := fmt.Sprintf(`main form [name="%s"]:not([type=hidden])`, fields[i])
		if browsertest.Eval[bool](s.Tab, fmt.Sprintf(`document.querySelector(%q)?.matches("select, [type=checkbox], [type=date], [type=datetime-local]") ?? false`, css)) {
			s.Choose(css, fields[i+1])
		} else {
			s.Type(css, fields[i+1])
		}
	}
}

// primary is the one primary button of a page; that of a change which destroys is outlined.
const primary = "main form button.first, main form button.danger"

// look sends the form and returns what the page of the check shows: the request, its curl and its
// dry run.
func (s *seat) look(change string, fields ...string) string {
	s.t.Helper()
	s.form(change, fields...)
	s.Follow(primary)
	s.Shows("main", "curl")
	return s.Text("main")
}

// change makes a change of the person's account by its two pages and ends on the page of the event.
func (s *seat) change(change string, fields ...string) {
	s.t.Helper()
	s.look(change, fields...)
	s.Follow(primary)
	if path := s.Path(); !strings.Contains(path, "/events/") && !strings.HasPrefix(path, account(s.id)) {
		s.t.Fatalf("%s: after the change the browser is at %s:\n%s", change, path, s.Text("main"))
	}
}

// read opens the page of the person's account, in a tab of it or "".
func (s *seat) read(tab string) string {
	s.t.Helper()
	path := account(s.id)
	if tab != "" {
		path += "?tab=" + tab
	}
	s.Visit(path)
	return s.Text("main")
}

// sees fails the test unless the page shows every text, once it is live.
func (s *seat) sees(texts ...string) {
	s.t.Helper()
	for _, text := range texts {
		s.Shows("main", text)
	}
}

// settles credits an account with a cent, and fails the test unless its posted balance was as
// expected before that. A command decides on the whole history, so that nothing comes later.
func (b *bank) settles(t testing.TB, id string, cents int64) {
	t.Helper()
	text := b.send(t, http.MethodPost, "/v1/accounts/"+id+"/credits", fmt.Sprintf("settle-%d", time.Now().UnixNano()), "application/json", strings.NewReader(`{"amount":1,"currency":"EUR"}`))
	var answer struct{ Balance struct{ Posted int64 } }
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Balance.Posted-1 != cents {
		t.Errorf("posted of %s is %d, expected %d", id, answer.Balance.Posted-1, cents)
	}
}
