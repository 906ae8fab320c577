package apitest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"

	"passbook/shared/web"
)

// Wire fails the test unless a query's answer is sent as exactly these bytes.
func Wire(t testing.TB, answer any, want string) {
	t.Helper()
	recorder := httptest.NewRecorder()
	c := echo.New().NewContext(httptest.NewRequest(http.MethodGet, "/", nil), recorder)
	if err := web.ReplyJSON(c, http.StatusOK, answer); err != nil || recorder.Body.String() != want {
		t.Errorf("%v\n%s\nwant\n%s", err, recorder.Body, want)
	}
}

// Rendered fails the test unless render makes exactly these bytes, and they are JSON.
func Rendered(t testing.TB, render func(*web.JSON), want string) {
	t.Helper()
	var j web.JSON
	if render(&j); string(j) != want || !json.Valid(j) {
		t.Errorf("%s\nwant\n%s", j, want)
	}
}
