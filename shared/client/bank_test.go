package client_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// bankForExamples serves what a bank answers to Example. That a bank does answer so is tested in
// cmd/bank/e2e.
func bankForExamples() string {
	bank := http.NewServeMux()
	bank.HandleFunc("POST /v1/accounts", func(w http.ResponseWriter, _ *http.Request) { accept("A-1", 1)(w) })
	bank.HandleFunc("POST /v1/accounts/A-1/credits", func(w http.ResponseWriter, _ *http.Request) { accept("A-1", 2)(w) })
	bank.HandleFunc("GET /v1/accounts/A-1/balance", func(w http.ResponseWriter, _ *http.Request) {
		say(`{"account_id":"A-1","posted":250000,"version":2}`)(w)
	})
	bank.HandleFunc("POST /v1/accounts/A-1/withdrawals", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnprocessableEntity)
		say(`{"type":"/problems/insufficient-funds","title":"Insufficient funds","status":422,"shortfall":740000}`)(w)
	})
	bank.HandleFunc("GET /v1/accounts/A-1/events", func(w http.ResponseWriter, _ *http.Request) {
		say(`{"account_id":"A-1","has_more":false,"events":[{"version":1,"type":"AccountOpened"},{"version":2,"type":"MoneyCredited"},{"version":3,"type":"WithdrawalDeclined"}]}`)(w)
	})
	return httptest.NewServer(bank).URL
}

func TestTheTypesAreThoseOfTheContract(t *testing.T) {
	made := filepath.Join(t.TempDir(), "types.gen.go")
	generate := exec.CommandContext(t.Context(), "go", "tool", "oapi-codegen", "-config", "oapi-codegen.yaml", "-o", made, "../api/openapi.yaml")
	if out, err := generate.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want, err := os.ReadFile(made)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("types.gen.go")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Error("types.gen.go is not what the contract gives: run go generate ./shared/client")
	}
}
