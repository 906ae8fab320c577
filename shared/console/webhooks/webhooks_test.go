package webhooks_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"passbook/shared/console/consoletest"
	"passbook/shared/console/webhooks"
)

// api answers paths with texts, and any other as the bank does what it does not have.
type api map[string]string

func (a api) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	text, ok := a[r.URL.Path]
	if !ok {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusNotFound)
		text = `{"type":"/problems/webhook-not-found","title":"Webhook not found","status":404}`
	}
	_, err := w.WriteString(text)
	return w.Result(), err
}

const hook = `{"webhook_id":"wh_xupy6e7x7twvibsv","url":"https://example.com/<b>","types":[],"accounts":["A-1"],"state":"paused","cause":"It answered 410 Gone.",` +
	`"created_at":"2026-11-30T09:00:00Z","created_by":"dev","secrets":[{"secret_id":"sec_o4vmnsv3vqakhbyt","created_at":"2026-11-30T09:00:00Z"}]}`

func TestPagesShowWhatTheAPIAnswers(t *testing.T) {
	const one = "/ui/webhooks/wh_xupy6e7x7twvibsv"
	answers := api{
		"/v1/webhooks": `{"webhooks":[` + hook + `]}`, "/v1/webhooks/wh_xupy6e7x7twvibsv": hook,
		"/v1/webhooks/wh_xupy6e7x7twvibsv/deliveries": `{"deliveries":[{"account_id":"A-1","state":"pending","next_version":2,"seen_version":4,"attempts":3,` +
			`"last_error":"it answered 503","next_attempt_at":"2026-11-30T09:00:08Z"},{"account_id":"A-2","state":"dead","next_version":7,"seen_version":7,"attempts":80,` +
			`"dead_at":"2026-11-30T09:00:00Z"}],"has_more":true,"next_cursor":"more"}`,
	}
	open := func(path string) consoletest.Page { return consoletest.Open(t, answers, webhooks.Routes, path, nil) }
	open("/ui/webhooks").Must(t, 200, "https://example.com/<b>", "▲", "paused", one)
	open(one).Must(t, 200, "It answered 410 Gone.", "bank webhook resume wh_xupy6e7x7twvibsv", "waits", "it answered 503", "2026-11-30 09:00:08", "cursor=more", "state=dead")
	open(one+"?state=dead").Must(t, 200, "bank webhook replay wh_xupy6e7x7twvibsv", "dead")
	open("/ui/webhooks/wh_aaaaaaaaaaaaaaaa").Must(t, 404, "Webhook not found")
	consoletest.Open(t, api{"/v1/webhooks": `{"webhooks":[]}`}, webhooks.Routes, "/ui/webhooks", nil).Must(t, 200, "bank webhook add https://")
}
