package floor

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// double is the service with a map for PostgreSQL, and with a fault.
type double struct {
	fault    string
	account  answer
	answered map[string]answer
}

func (d *double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		reply(w, http.StatusOK, d.account)
		return
	}
	var in request
	key := r.Header.Get("Idempotency-Key")
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || (in.Amount <= 0 || key == "") && d.fault != "takes all" {
		reply(w, http.StatusBadRequest, nil)
		return
	}
	if first, found := d.answered[key]; found && d.fault != "forgets keys" {
		w.Header().Set("Idempotency-Replayed", "true")
		reply(w, http.StatusCreated, first)
		return
	}
	if strings.HasSuffix(r.URL.Path, "/withdrawals") {
		in.Amount = -in.Amount
	}
	if overdraft := d.account.Balance+in.Amount < 0; r.PathValue("id") != d.account.AccountID || overdraft && d.fault != "overdraws" {
		reply(w, http.StatusUnprocessableEntity, nil)
		return
	}
	if d.account.Balance += in.Amount; d.fault != "forgets versions" {
		d.account.Version++
	}
	d.answered[key] = d.account
	reply(w, http.StatusCreated, d.account)
}

func TestAFloorThatIsNoneIsFound(t *testing.T) {
	for _, fault := range []string{"", "takes all", "forgets keys", "overdraws", "forgets versions"} {
		d := &double{fault: fault, account: answer{AccountID: "B-000000", Balance: 100}, answered: map[string]answer{}}
		mux := http.NewServeMux()
		mux.Handle("/v1/accounts/{id}/{what}", d)
		s := httptest.NewServer(mux)
		err := Check(t.Context(), strings.TrimPrefix(s.URL, "http://"), 100, false)
		if (err == nil) != (fault == "") {
			t.Errorf("a service that %s: %v", fault, err)
		}
		s.Close()
	}
}

// TestRequestsThatAreRefused checks what is answered before PostgreSQL is asked.
func TestRequestsThatAreRefused(t *testing.T) {
	handler := (&service{}).routes()
	for body, key := range map[string]string{
		`{`: "k", `{"amount":0,"currency":"EUR"}`: "k", `{"amount":5,"currency":"USD"}`: "k", `{"amount":5,"currency":"EUR"}`: "",
		`{"amount":5,"currency":"EUR","reference":"` + strings.Repeat("x", maxBody) + `"}`: "k",
	} {
		r := httptest.NewRequest(http.MethodPost, "/v1/accounts/B-1/credits", strings.NewReader(body))
		r.Header.Set("Idempotency-Key", key)
		w := httptest.NewRecorder()
		if handler.ServeHTTP(w, r); w.Code != http.StatusBadRequest {
			t.Errorf("%.40s with key %q: %d", body, key, w.Code)
		}
	}
}
