package kinesisstream_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"passbook/shared/awstest"
	"passbook/shared/stream/kinesisstream"
)

// reply is one answer of the fake: a body with status 200, or an error code with status 400, or 500
// for InternalFailure.
type reply struct {
	body, code string
	hang       bool
}

func ok(format string, args ...any) reply { return reply{body: fmt.Sprintf(format, args...)} }
func fails(code string) reply             { return reply{code: code} }

// fake is an endpoint that answers each operation from its script, and repeats the last line of it.
type fake struct {
	t      *testing.T
	mu     sync.Mutex
	script map[string][]reply
	ops    []string
	inputs []map[string]any
}

// open returns a Stream on a fake. The settings of the SDK ask for more attempts than the adapter
// may make.
func open(t *testing.T, script map[string][]reply) (*kinesisstream.Stream, *fake) {
	f := &fake{t: t, script: script}
	c := awstest.Fake(f)
	c.RetryMaxAttempts = 9
	return kinesisstream.New(c), f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	var in map[string]any
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		f.t.Errorf("%s: %v", op, err)
	}
	answer := f.next(op, in)
	if answer.hang {
		<-r.Context().Done()
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	switch answer.code {
	case "":
	case "InternalFailure":
		w.WriteHeader(http.StatusInternalServerError)
	default:
		w.WriteHeader(http.StatusBadRequest)
	}
	if answer.code != "" {
		answer.body = fmt.Sprintf(`{"__type":%q,"message":"says the fake"}`, answer.code)
	}
	fmt.Fprint(w, answer.body)
}

func (f *fake) next(op string, in map[string]any) reply {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ops, f.inputs = append(f.ops, op), append(f.inputs, in)
	script := f.script[op]
	if len(script) == 0 {
		f.t.Errorf("unexpected call of %s", op)
		return fails("InternalFailure")
	}
	if len(script) > 1 {
		f.script[op] = script[1:]
	}
	return script[0]
}

// calls counts the calls of an operation.
func (f *fake) calls(op string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, called := range f.ops {
		if called == op {
			n++
		}
	}
	return n
}

// last returns the input of the newest call of an operation.
func (f *fake) last(op string) map[string]any {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := len(f.ops) - 1; i >= 0; i-- {
		if f.ops[i] == op {
			return f.inputs[i]
		}
	}
	f.t.Fatalf("%s was never called", op)
	return nil
}

// summary returns the answer with the description of a stream.
func summary(status string) reply {
	return ok(`{"StreamDescriptionSummary":{"StreamStatus":%q,"StreamCreationTimestamp":1795753982.951,"RetentionPeriodHours":24}}`, status)
}
