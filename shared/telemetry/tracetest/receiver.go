package tracetest

import (
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// maxBytes bounds a request.
const maxBytes = 16 << 20

// Link names a span. Ids are in hexadecimal digits.
type Link struct{ Trace, Span string }

// Span is a span as it was exported.
type Span struct {
	Link
	// Parent is the id of the span that it is in; empty for none.
	Parent  string
	Name    string
	Service string
	Links   []Link
	// Attributes are the span's own, as text.
	Attributes   map[string]string
	Began, Ended time.Time
	// Failed says that its status is an error.
	Failed bool
}

// Receiver is a collector in this process.
type Receiver struct {
	// URL is the value of OTEL_EXPORTER_OTLP_ENDPOINT.
	URL string
	// Refuses answers exports with this status instead of taking them; 0 takes them.
	Refuses atomic.Int32
	// Requests counts the exports, refused ones too.
	Requests atomic.Int32

	mu    sync.Mutex
	spans []Span
}

// New starts a Receiver, which the test's end stops.
func New(t testing.TB) *Receiver {
	r := &Receiver{}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.URL = server.URL
	return r
}

// Spans returns what was received, in the order of arrival.
func (r *Receiver) Spans() []Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.spans)
}

// Named returns the spans of a name that were received.
func (r *Receiver) Named(name string) []Span {
	return slices.DeleteFunc(r.Spans(), func(s Span) bool { return s.Name != name })
}

// ServeHTTP takes one export.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.Requests.Add(1)
	if status := r.Refuses.Load(); status != 0 {
		w.WriteHeader(int(status))
		return
	}
	if req.Method != http.MethodPost || req.URL.Path != "/v1/traces" || req.Header.Get("Content-Type") != "application/x-protobuf" {
		http.Error(w, "not an export of traces", http.StatusBadRequest)
		return
	}
	export, err := decode(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.keep(export)
	answer, err := proto.Marshal(&collector.ExportTraceServiceResponse{})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(answer) // a failed write means that the exporter is gone
}

func decode(req *http.Request) (*collector.ExportTraceServiceRequest, error) {
	var body io.Reader = req.Body
	if req.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			return nil, fmt.Errorf("unpack the export: %w", err)
		}
		body = unpacked
	}
	raw, err := io.ReadAll(io.LimitReader(body, maxBytes))
	if err != nil {
		return nil, fmt.Errorf("read the export: %w", err)
	}
	export := &collector.ExportTraceServiceRequest{}
	if err := proto.Unmarshal(raw, export); err != nil {
		return nil, fmt.Errorf("decode the export: %w", err)
	}
	return export, nil
}

func (r *Receiver) keep(export *collector.ExportTraceServiceRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, of := range export.ResourceSpans {
		service := texts(of.Resource.GetAttributes())["service.name"]
		for _, scope := range of.ScopeSpans {
			for _, s := range scope.Spans {
				r.spans = append(r.spans, read(service, s))
			}
		}
	}
}

func read(service string, s *otlp.Span) Span {
	out := Span{
		Link: Link{hex.EncodeToString(s.TraceId), hex.EncodeToString(s.SpanId)}, Parent: hex.EncodeToString(s.ParentSpanId), Name: s.Name, Service: service,
		Attributes: texts(s.Attributes), Failed: s.GetStatus().GetCode() == otlp.Status_STATUS_CODE_ERROR,
		Began: time.Unix(0, int64(s.StartTimeUnixNano)), Ended: time.Unix(0, int64(s.EndTimeUnixNano)),
	}
	for _, l := range s.Links {
		out.Links = append(out.Links, Link{hex.EncodeToString(l.TraceId), hex.EncodeToString(l.SpanId)})
	}
	return out
}

// texts returns attributes as text.
func texts(attributes []*common.KeyValue) map[string]string {
	all := make(map[string]string, len(attributes))
	for _, a := range attributes {
		switch v := a.GetValue().GetValue().(type) {
		case *common.AnyValue_StringValue:
			all[a.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			all[a.Key] = fmt.Sprint(v.IntValue)
		case *common.AnyValue_BoolValue:
			all[a.Key] = fmt.Sprint(v.BoolValue)
		default:
			all[a.Key] = fmt.Sprint(v)
		}
	}
	return all
}
