package account

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/console/client"
	"passbook/shared/console/view"
)

// hanging answers like its answers, but never a call of the line of credit.
type hanging struct{ answers }

func (h hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.Path, "/credit-limit") {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return h.answers.RoundTrip(r)
}

// A statement does not wait long for the counts of other tabs: it is there without them.
func TestAServiceThatHangsCostsOnlyItsCounts(t *testing.T) {
	for _, at := range []place{{id: "A-1", tab: "statement"}, {id: "A-1", tab: "statement", version: "2"}} {
		synctest.Test(t, func(t *testing.T) {
			bank := hanging{answers{
				"/v1/accounts/A-1/events?from_version=1&limit=2": `{"events":[{"version":1,"type":"AccountOpened"},{"version":2,"type":"MoneyCredited","amount":5}]}`,
				"/v1/accounts/A-1/holds":                         `{"holds":[{"hold_id":"h1"}]}`,
			}}
			r := &view.Request{Context: echo.New().NewContext(httptest.NewRequest(http.MethodGet, "/", http.NoBody), httptest.NewRecorder()), API: client.New(bank)}
			began := time.Now()
			body, err := readTab(r, at, balance{Version: 2, Held: 7})
			if err != nil || len(body.Events) != 1 || body.DeclineCount != 0 {
				t.Errorf("%+v: %v", body, err)
			}
			if took := time.Since(began); took != countMost {
				t.Errorf("version %q: it took %v, not %v", at.version, took, countMost)
			}
			if held := at.version == ""; held != (body.HoldCount == 1) {
				t.Errorf("version %q: %d holds", at.version, body.HoldCount)
			}
		})
	}
}
