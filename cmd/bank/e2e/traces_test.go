package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"passbook/cmd/internal/programtest"
	sharedevent "passbook/shared/event"
	"passbook/shared/telemetry/trace"
	"passbook/shared/telemetry/tracetest"
)

// holderText is a text that a withdrawal has, and no trace may have.
const holderText = "rent-of-Ada"

// callerTrace is the trace in which the test's requests are.
const callerTrace = "4bf92f3577b34da6a3ce929d0e0e4736"

func TestAWithdrawalIsTracedFromItsRequestToItsSegment(t *testing.T) {
	collector := tracetest.New(t)
	b := traced(t, collector, t.TempDir(), "1s")
	hash := b.withdrawTraced(t)
	of := func(name string) tracetest.Span {
		return only(t, collector, func(s tracetest.Span) bool { return s.Name == name && s.Trace == trace.TraceID(hash) })
	}
	of("archive")
	b.Terminate() // exports what waits, and seals the segment
	request := only(t, collector, func(s tracetest.Span) bool {
		return s.Trace == callerTrace && s.Attributes["http.route"] == "/v1/accounts/{account_id}/withdrawals"
	})
	put, publish, archive := of("put"), of("publish"), of("archive")
	if !slices.Contains(request.Links, put.Link) {
		t.Errorf("the request links to %v, not to the put %v", request.Links, put.Link)
	}
	if !slices.Contains(put.Links, request.Link) {
		t.Errorf("the put links to %v, not to the request %v", put.Links, request.Link)
	}
	if publish.Parent != put.Span || archive.Parent != publish.Span {
		t.Errorf("the publish %v is not in the put %v, or the archive %v not in it", publish, put, archive)
	}
	for _, model := range []string{"balance@1", "creditlimit@1"} {
		if fold, row := of("fold "+model), of("row "+model); fold.Parent != publish.Span || row.Parent != fold.Span {
			t.Errorf("the fold %v is not in the publish %v, or the row %v not in it", fold, publish, row)
		}
	}
	segment := only(t, collector, func(s tracetest.Span) bool { return s.Name == "segment" && slices.Contains(s.Links, archive.Link) })
	if !slices.Contains(archive.Links, segment.Link) {
		t.Errorf("the archive links to %v, not to the segment %v", archive.Links, segment.Link)
	}
	for _, s := range collector.Spans() {
		if text := fmt.Sprint(s); strings.Contains(text, holderText) {
			t.Errorf("a span has the text of a command: %s", text)
		}
	}
}

func TestATraceContinuesInTheProcessAfterAKill(t *testing.T) {
	collector := tracetest.New(t)
	data := t.TempDir()
	b := traced(t, collector, data, "1h")
	hash := b.withdrawTraced(t)
	of := func(name string) tracetest.Span {
		return only(t, collector, func(s tracetest.Span) bool { return s.Name == name && s.Trace == trace.TraceID(hash) })
	}
	publish := of("publish")
	b.Kill() // the segment is open
	b = traced(t, collector, data, "1s")
	defer b.Terminate()
	programtest.Eventually(t, "the second process exports the segment of the entry", func() error {
		for _, archive := range collector.Named("archive") {
			if archive.Trace != trace.TraceID(hash) || archive.Parent != publish.Span {
				continue
			}
			for _, segment := range collector.Named("segment") {
				if slices.Contains(segment.Links, archive.Link) && slices.Contains(archive.Links, segment.Link) {
					return nil
				}
			}
		}
		return fmt.Errorf("there is none among %+v", collector.Spans())
	})
}

// traced starts a bank that exports its traces.
func traced(t *testing.T, collector *tracetest.Receiver, data, segmentAge string) *bank {
	t.Helper()
	environ := []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL, "OTEL_BSP_SCHEDULE_DELAY=100"}
	s := programtest.Start(t, environ, "bank", "serve", "--listen", "127.0.0.1:0", "--data", data, "--drain-delay", "0s", "--segment-age", segmentAge)
	return &bank{Server: s, data: data}
}

// withdrawTraced withdraws from a new account in the caller's trace, and returns the hash of the
// withdrawal's entry.
func (b *bank) withdrawTraced(t *testing.T) sharedevent.Hash {
	t.Helper()
	b.post(t, "/v1/accounts", "open-T", `{"account_id":"T","currency":"EUR"}`).must(t, 201)
	b.post(t, "/v1/accounts/T/credits", "credit-T", `{"amount":5000,"currency":"EUR"}`).must(t, 201)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.Base+"/v1/accounts/T/withdrawals", strings.NewReader(`{"amount":1200,"currency":"EUR","reference":"`+holderText+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", "withdraw-T")
	request.Header.Set("Traceparent", "00-"+callerTrace+"-00f067aa0ba902b7-01")
	response, err := httpClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		t.Fatalf("the withdrawal was answered with %s", response.Status)
	}
	return b.hashOf(t, "T", 3)
}

// hashOf returns the hash of the entry of a version, as the account's journey shows it.
func (b *bank) hashOf(t *testing.T, account string, version int) sharedevent.Hash {
	t.Helper()
	var journey struct {
		Entry struct {
			Hash string `json:"hash"`
		} `json:"entry"`
	}
	text := b.get(t, fmt.Sprintf("/v1/accounts/%s/events/%d/journey", account, version)).must(t, 200).text
	if err := json.Unmarshal([]byte(text), &journey); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	hash, err := sharedevent.ParseHash(journey.Entry.Hash)
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return hash
}

// only waits for the one span that matches, and returns it.
func only(t *testing.T, collector *tracetest.Receiver, matches func(tracetest.Span) bool) (found tracetest.Span) {
	t.Helper()
	programtest.Eventually(t, "the span is exported", func() error {
		all := slices.DeleteFunc(collector.Spans(), func(s tracetest.Span) bool { return !matches(s) })
		if len(all) != 1 {
			return fmt.Errorf("%d spans match, of %+v", len(all), collector.Spans())
		}
		found = all[0]
		return nil
	})
	return found
}
