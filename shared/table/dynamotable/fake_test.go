package dynamotable_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"passbook/shared/table/dynamotable"
)

// fake is a DynamoDB that always gives one answer, without a network, so that it also works in a
// bubble of virtual time.
type fake struct {
	answer http.HandlerFunc

	mu    sync.Mutex
	calls []call
}

// call is a call that the fake has received.
type call struct {
	op   string
	body map[string]any
}

// Do implements aws.HTTPClient.
func (f *fake) Do(r *http.Request) (*http.Response, error) {
	c := call{op: strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "DynamoDB_20120810.")}
	if err := json.NewDecoder(r.Body).Decode(&c.body); err != nil {
		return nil, fmt.Errorf("decode request: %w", err)
	}
	f.mu.Lock()
	f.calls = append(f.calls, c)
	f.mu.Unlock()
	answer := httptest.NewRecorder()
	f.answer(answer, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return answer.Result(), nil
}

// says returns an answer with a JSON document.
func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(status)
		// A recorder's Write never fails.
		_, _ = w.Write([]byte(body))
	}
}

// fails returns the answer of DynamoDB to a call that fails. more is the fields of the error
// besides its message.
func fails(status int, code, more string) http.HandlerFunc {
	body := fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"said by the fake"%s}`, code, more)
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Amzn-Errortype", code)
		says(status, body)(w, r)
	}
}

// openFake opens the suite's tables, under the prefix "p-", on a fake that gives one answer.
func openFake(t testing.TB, answer http.HandlerFunc) (*dynamotable.Table, *fake) {
	t.Helper()
	f := &fake{answer: answer}
	return open(t, fakeConfig(f, "http://fake"), "p-"), f
}

func fakeConfig(client aws.HTTPClient, endpoint string) aws.Config {
	return aws.Config{
		Region: "eu-central-1", BaseEndpoint: &endpoint, HTTPClient: client, RetryMaxAttempts: 9,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}
}
