package s3bucket_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"passbook/shared/awstest"
	"passbook/shared/bucket"
	"passbook/shared/bucket/s3bucket"
)

// fake is an endpoint that gives its answers one after another, and then repeats the last one.
type fake struct {
	t       *testing.T
	mu      sync.Mutex
	answers []http.HandlerFunc
	asked   []*http.Request
	bodies  []string
}

// open returns a Bucket on a fake. The settings of the SDK ask for more attempts than the adapter
// may make.
func open(t *testing.T, answers ...http.HandlerFunc) (*s3bucket.Bucket, *fake) {
	f := &fake{t: t, answers: answers}
	c := awstest.Fake(f)
	c.RetryMaxAttempts = 9
	return s3bucket.New(c, "archive"), f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) { f.next(r)(w, r) }

func (f *fake) next(r *http.Request) http.HandlerFunc {
	f.mu.Lock()
	defer f.mu.Unlock()
	body := []byte{}
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			f.t.Error(err)
		}
	}
	f.asked, f.bodies = append(f.asked, r), append(f.bodies, string(body))
	answer := f.answers[0]
	if len(f.answers) > 1 {
		f.answers = f.answers[1:]
	}
	return answer
}

// ok returns an answer with a body and headers, given as alternate names and values.
func ok(body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		fmt.Fprint(w, body)
	}
}

// fails returns an answer with an error. A HEAD has no body with its code.
func fails(status int, code string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		if r.Method != http.MethodHead {
			fmt.Fprintf(w, `<Error><Code>%s</Code><Message>says the fake</Message></Error>`, code)
		}
	}
}

// hangs gives no answer until the caller gives up.
func hangs(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// head returns the answer to Open of an object of n bytes.
func head(n int) http.HandlerFunc { return ok("", "Content-Length", fmt.Sprint(n), "ETag", `"e1"`) }

// part returns the answer to a ranged read.
func part(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusPartialContent)
		fmt.Fprint(w, body)
	}
}

// call is a call of the adapter. prepare is the answers before the tested one.
type call struct {
	name     string
	prepare  []http.HandlerFunc
	tries    int
	deadline time.Duration
	do       func(context.Context, *s3bucket.Bucket) error
}

var calls = []call{
	{"create", nil, 1, 30 * time.Second, func(ctx context.Context, b *s3bucket.Bucket) error { return b.Create(ctx, "a/b", []byte("x")) }},
	{"create of 3 MiB", nil, 1, 33 * time.Second, func(ctx context.Context, b *s3bucket.Bucket) error {
		return b.Create(ctx, "a/b", make([]byte, 3<<20))
	}},
	{"open", nil, 3, 30 * time.Second, func(ctx context.Context, b *s3bucket.Bucket) error {
		_, err := b.Open(ctx, "a/b")
		return err
	}},
	{"read", []http.HandlerFunc{head(10 << 20)}, 3, 30 * time.Second, readOf(10)},
	{"read of 2 MiB", []http.HandlerFunc{head(10 << 20)}, 3, 32 * time.Second, readOf(2 << 20)},
	{"list", nil, 3, 30 * time.Second, func(ctx context.Context, b *s3bucket.Bucket) error {
		_, err := b.List(ctx, "a/b", "")
		return err
	}},
	{"check", nil, 3, 30 * time.Second, func(ctx context.Context, b *s3bucket.Bucket) error { return b.Check(ctx) }},
	{"setup", nil, 5, 30 * time.Second, func(ctx context.Context, b *s3bucket.Bucket) error { return b.CreateBucket(ctx) }},
	{"versions", []http.HandlerFunc{ok("")}, 5, 30 * time.Second, func(ctx context.Context, b *s3bucket.Bucket) error { return b.CreateBucket(ctx) }},
}

func readOf(n int) func(context.Context, *s3bucket.Bucket) error {
	return func(ctx context.Context, b *s3bucket.Bucket) error {
		o, err := b.Open(ctx, "a/b")
		if err != nil {
			return err
		}
		_, err = o.ReadAt(make([]byte, n), 0)
		return err
	}
}

// TestErrorsOfCalls checks the error for each answer, and how often each call was tried.
func TestErrorsOfCalls(t *testing.T) {
	ports := []error{bucket.ErrExists, bucket.ErrNotFound, bucket.ErrInvalid, s3bucket.ErrNoBucket}
	for _, c := range []struct {
		status int
		code   string
		want   map[string]error // by call; "" is all others
		again  bool
	}{
		{404, "NoSuchKey", map[string]error{"check": s3bucket.ErrNoBucket, "setup": nil, "versions": nil, "": bucket.ErrNotFound}, false},
		{404, "NoSuchBucket", map[string]error{"open": bucket.ErrNotFound, "setup": nil, "versions": nil, "": s3bucket.ErrNoBucket}, false},
		{412, "PreconditionFailed", map[string]error{"create": bucket.ErrExists, "create of 3 MiB": bucket.ErrExists}, false},
		{403, "AccessDenied", nil, false},
		{503, "SlowDown", nil, true},
		{500, "InternalError", nil, true},
	} {
		for _, call := range calls {
			synctest.Test(t, func(t *testing.T) {
				b, f := open(t, append(call.prepare[:len(call.prepare):len(call.prepare)], fails(c.status, c.code))...)
				err := call.do(t.Context(), b)
				want, named := c.want[call.name]
				if !named {
					want = c.want[""]
				}
				for _, port := range ports {
					if errors.Is(err, port) != (port == want) {
						t.Errorf("%s, %s: %v, want %v", call.name, c.code, err, want)
					}
				}
				var answer smithy.APIError
				if !errors.As(err, &answer) || !strings.Contains(err.Error(), "archive") {
					t.Errorf("%s, %s: %v", call.name, c.code, err)
				}
				tries := 1
				if c.again {
					tries = call.tries
				}
				if got := len(f.asked) - len(call.prepare); got != tries {
					t.Errorf("%s, %s: %d tries, want %d", call.name, c.code, got, tries)
				}
			})
		}
	}
}

func TestDeadlines(t *testing.T) {
	for _, call := range calls {
		for _, sooner := range []time.Duration{0, time.Second} {
			synctest.Test(t, func(t *testing.T) {
				b, _ := open(t, append(call.prepare[:len(call.prepare):len(call.prepare)], hangs)...)
				ctx, want, start := t.Context(), call.deadline, time.Now()
				if sooner > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, sooner)
					defer cancel()
					want = sooner
				}
				err := call.do(ctx, b)
				if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != want {
					t.Errorf("%s: after %v, want %v: %v", call.name, took, want, err)
				}
			})
		}
	}
}

func TestCreate(t *testing.T) {
	conflict := fails(409, "ConditionalRequestConflict")
	lost := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	for _, c := range []struct {
		name    string
		answers []http.HandlerFunc
		fine    bool
		want    error // the port's, if any
		tries   int
	}{
		{"free", []http.HandlerFunc{ok("")}, true, nil, 1},
		{"conflicts, then free", []http.HandlerFunc{conflict, conflict, ok("")}, true, nil, 3},
		{"a conflict, then taken", []http.HandlerFunc{conflict, fails(412, "PreconditionFailed")}, false, bucket.ErrExists, 2},
		{"conflicts forever", []http.HandlerFunc{conflict}, false, nil, 3},
		{"another conflict", []http.HandlerFunc{fails(409, "OperationAborted")}, false, nil, 1},
		{"no answer", []http.HandlerFunc{lost}, false, nil, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, f := open(t, c.answers...)
				err := b.Create(t.Context(), "date=1/日 +", []byte("data"))
				if (err == nil) != c.fine || c.want != nil && !errors.Is(err, c.want) || c.want == nil && errors.Is(err, bucket.ErrExists) {
					t.Errorf("got %v", err)
				}
				if len(f.asked) != c.tries {
					t.Errorf("%d tries, want %d", len(f.asked), c.tries)
				}
				for i, r := range f.asked {
					if r.Method != http.MethodPut || r.URL.Path != "/archive/date=1/日 +" || r.Header.Get("If-None-Match") != "*" || f.bodies[i] != "data" {
						t.Errorf("try %d: %s %s %v %q", i, r.Method, r.URL.Path, r.Header, f.bodies[i])
					}
				}
			})
		})
	}
}

func TestList(t *testing.T) {
	const content = `<Contents><Key>a/%d</Key><Size>%d</Size></Contents>`
	answers := []http.HandlerFunc{
		ok(fmt.Sprintf(`<ListBucketResult><IsTruncated>true</IsTruncated>`+content+content+`</ListBucketResult>`, 1, 10, 2, 20)),
		ok(fmt.Sprintf(`<ListBucketResult><IsTruncated>false</IsTruncated>`+content+`</ListBucketResult>`, 3, 30)),
		ok(`<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>`),
	}
	b, f := open(t, answers...)
	for i, want := range []bucket.Page{
		{Objects: []bucket.Info{{Key: "a/1", Size: 10}, {Key: "a/2", Size: 20}}, After: "a/2"}, {Objects: []bucket.Info{{Key: "a/3", Size: 30}}},
	} {
		after := []string{"", "a/2"}[i]
		got, err := b.List(t.Context(), "a/", after)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("page %d: %+v, %v", i, got, err)
		}
		q := f.asked[i].URL.Query()
		if q.Get("prefix") != "a/" || q.Get("start-after") != after || q.Get("max-keys") != "1000" {
			t.Errorf("page %d was asked for by %v", i, q)
		}
	}
	if page, err := b.List(t.Context(), "a/", "a/3"); err == nil {
		t.Errorf("an empty page that more follows: %+v", page)
	}
}

func TestAddresses(t *testing.T) {
	b, _ := open(t, ok(""))
	if b.Endpoint() != awstest.FakeEndpoint {
		t.Errorf("endpoint %q", b.Endpoint())
	}
	t.Setenv("AWS_ENDPOINT_URL", "")
	f := &fake{t: t, answers: []http.HandlerFunc{ok("")}}
	c := awstest.Fake(f)
	c.BaseEndpoint = nil
	b = s3bucket.New(c, "archive")
	if err := b.Create(t.Context(), "a/b", nil); err != nil || b.Endpoint() != "" {
		t.Errorf("endpoint %q, %v", b.Endpoint(), err)
	}
	if r := f.asked[0]; !strings.HasPrefix(r.URL.Host, "archive.s3.") || r.URL.Path != "/a/b" {
		t.Errorf("AWS is asked at %s", r.URL)
	}
	if region := aws.ToString(&c.Region); !strings.Contains(f.asked[0].URL.Host, region) {
		t.Errorf("AWS is asked at %s, not in %s", f.asked[0].URL, region)
	}
}
