package accounts

import (
	"strings"
	"testing"
)

const (
	withdrawPage = "/ui/accounts/A-1/change/withdraw"
	withdrawals  = "POST /v1/accounts/A-1/withdrawals"
	rehearsed    = `{"dry_run":true,"would_be_status":201,"key_used":false,"result":{"account_id":"A-1","version":3,"events":[{"type":"MoneyWithdrawn","version":3}],"balance":{"currency":"EUR","posted":7500,"held":0,"limit":5000,"available":12500}}}`
	done         = `{"account_id":"A-1","version":3,"balance":{"currency":"EUR","posted":7500}}`
	short        = `{"type":"/problems/insufficient-funds","title":"Insufficient funds","status":422,"detail":"Too little.","account_id":"A-1","account_version":3,"correlation_id":"c-9"}`
)

func TestChangeIsCheckedAndThenSentOnce(t *testing.T) {
	b := newBank(withdrawals+"?dry_run=true", answer{200, rehearsed}, withdrawals, answer{201, done})
	form := b.open(t, withdrawPage, nil).Must(t, 200, "Withdraw", "Amount, EUR", "available")
	check := b.open(t, withdrawPage, fill(t, form, "check", "amount", "25", "kind", "card", "reference", "Bob's")).
		Must(t, 200, "25.00 EUR", "Withdrawal v3", "125.00", `-d '{"amount":2500,"currency":"EUR","kind":"card","reference":"Bob'\''s"}'`, "POST /v1/accounts/A-1/withdrawals")
	if len(b.sent()) > 0 {
		t.Fatalf("the check sent %v", b.sent())
	}
	send := fill(t, check, "send", "amount", "25", "kind", "card", "reference", "Bob's")
	for range 2 { // a double click
		if p := b.open(t, withdrawPage, send); p.Status != 303 || p.Location != "/ui/accounts/A-1/events/3" {
			t.Fatalf("sent: %d to %q %s", p.Status, p.Location, p.Text)
		}
	}
	sent := b.sent()
	if len(sent) != 2 || sent[0] != sent[1] || sent[0].key == "" || sent[0].body != `{"amount":2500,"currency":"EUR","kind":"card","reference":"Bob's"}` {
		t.Errorf("sent: %v, want the same command twice under one key", sent)
	}
	if other := fill(t, b.open(t, withdrawPage, nil), "send"); other.Get("key") == send.Get("key") {
		t.Error("two forms have one key")
	}
}

func TestWrongFieldsComeBackAtTheirPlace(t *testing.T) {
	fault := `{"type":"/problems/validation-failed","title":"Validation failed","status":400,"detail":"Fields.","errors":[{"pointer":"/reference","code":"too-long","detail":"At most 140 bytes."}],"correlation_id":"c-1"}`
	b := newBank(withdrawals+"?dry_run=true", answer{400, fault})
	form := b.open(t, withdrawPage, nil)
	b.open(t, withdrawPage, fill(t, form, "check", "amount", "25,00")).Must(t, 422, "no comma", `value="25,00"`, `aria-describedby="amount-fault"`)
	b.open(t, withdrawPage, fill(t, form, "check")).Must(t, 422, "This is needed.")
	b.open(t, withdrawPage, fill(t, form, "check", "amount", "25", "reference", "long")).Must(t, 422, "At most 140 bytes.", `value="long"`)
	if len(b.sent()) > 0 {
		t.Errorf("sent: %v", b.sent())
	}
	back := b.open(t, withdrawPage, fill(t, form, "form", "amount", "25")).Must(t, 200, `value="25"`)
	if fill(t, back, "").Get("key") != fill(t, form, "").Get("key") {
		t.Error("the form lost its key")
	}
}

func TestRefusalsAreShownAsTheAPIGaveThem(t *testing.T) {
	b := newBank(withdrawals+"?dry_run=true", answer{200, `{"dry_run":true,"would_be_status":422,"key_used":false,"problem":` + short + `}`}, withdrawals, answer{422, short})
	form := b.open(t, withdrawPage, nil)
	b.open(t, withdrawPage, fill(t, form, "check", "amount", "900")).Must(t, 200, "It would be refused", "Insufficient funds", "/problems/insufficient-funds", "Send anyway")
	b.open(t, withdrawPage, fill(t, form, "send", "amount", "900")).Must(t, 422, "Insufficient funds", "c-9", "/ui/accounts/A-1/events/3")
	b.answers[withdrawals] = answer{}
	b.open(t, withdrawPage, fill(t, form, "send", "amount", "900")).Must(t, 502, "is not known", "Send again")
	sent := b.sent()
	if len(sent) != 2 || sent[0].key != sent[1].key {
		t.Errorf("sent: %v", sent)
	}
}

func TestWhatForcesOrDestroysNeedsAWord(t *testing.T) {
	for path, c := range map[string]struct{ field, value, word string }{
		"/ui/accounts/A-1/change/close": {"reason_code", "moved", "A-1"},
		"/ui/accounts/A-1/change/limit": {"force", "yes", "force"},
	} {
		b := newBank("POST /v1/accounts/A-1/close?dry_run=true", answer{200, rehearsed}, "PUT /v1/accounts/A-1/credit-limit?dry_run=true", answer{200, rehearsed},
			"POST /v1/accounts/A-1/close", answer{201, done}, "PUT /v1/accounts/A-1/credit-limit", answer{200, done})
		form := b.open(t, path, nil)
		pairs := []string{c.field, c.value, "limit", "1"}
		b.open(t, path, fill(t, form, "check", pairs...)).Must(t, 200, "to confirm", `class="danger" name="step" value="send"`)
		b.open(t, path, fill(t, form, "send", pairs...)).Must(t, 422, "Nothing was sent. Type "+c.word)
		if len(b.sent()) > 0 {
			t.Errorf("%s: sent %v without the word", path, b.sent())
		}
		if p := b.open(t, path, fill(t, form, "send", append(pairs, "word", c.word)...)); p.Status != 303 || len(b.sent()) != 1 {
			t.Errorf("%s: %d %v %s", path, p.Status, b.sent(), p.Text)
		}
	}
}

// Every change has a form that a browser without scripts can fill in and send, with or without a
// named account.
func TestEveryChangeHasAForm(t *testing.T) {
	for _, o := range operations {
		for _, path := range []string{"/ui/change/" + o.Name, "/ui/accounts/A-1/change/" + o.Name} {
			p := newBank().open(t, path, nil).Must(t, 200, o.Title, `method="post"`, `name="step" value="check"`)
			for _, f := range o.Fields {
				named := f.Name == o.of() && strings.Contains(path, "A-1")
				known := f.Kind == ofCurrency && !f.Required && strings.Contains(path, "A-1") && o.Name != "open"
				if !strings.Contains(p.Raw, `name="`+f.Name+`"`) && !known {
					t.Errorf("%s: the form lacks %s", path, f.Name)
				}
				if named && !strings.Contains(p.Raw, `type="hidden" name="`+f.Name+`" value="A-1"`) {
					t.Errorf("%s: the form does not name the account", path)
				}
			}
			for _, inline := range []string{" style=", " onclick=", "<script>", "javascript:"} {
				if strings.Contains(p.Raw, inline) {
					t.Errorf("%s: the page has %s, which its policy refuses", path, inline)
				}
			}
		}
	}
}

func TestFormsOfOtherPagesAreRefused(t *testing.T) {
	b := newBank(withdrawals, answer{201, done})
	form := fill(t, b.open(t, withdrawPage, nil), "send", "amount", "25")
	form.Set("token", "x")
	b.open(t, withdrawPage, form).Must(t, 403, "Nothing was changed")
	if len(b.sent()) > 0 {
		t.Errorf("sent: %v", b.sent())
	}
}

// A refusal is the answer of its key: the form that follows has another, so that its change is not
// refused as a key that was used before.
func TestRefusedChangeGetsAnotherKey(t *testing.T) {
	b := newBank(withdrawals, answer{422, short})
	send := fill(t, b.open(t, withdrawPage, nil), "send", "amount", "900")
	refused := b.open(t, withdrawPage, send)
	if strings.Contains(refused.Raw, `value="send"`) || fill(t, refused, "").Get("key") == send.Get("key") {
		t.Errorf("the page sends the refused command again: %s", refused.Text)
	}
}
