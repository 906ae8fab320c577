package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"passbook/cmd/internal/programtest"
	"passbook/shared/awstest"
)

// nowhere returns an environment in which the SDK finds nothing but what a test adds.
func nowhere(t *testing.T, further ...string) []string {
	t.Helper()
	return append([]string{
		"HOME=" + t.TempDir(), "AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
		"PASSBOOK_LISTEN=127.0.0.1:0", "PASSBOOK_BUCKET=passbook-archive",
	}, further...)
}

// keys are any credentials, region any region.
var (
	keys   = []string{"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test"}
	region = []string{"AWS_REGION=" + awstest.DefaultRegion}
)

func join(parts ...[]string) (all []string) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// answering returns an endpoint that gives every request the same answer.
func answering(t *testing.T, status int, header, body string) []string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if header != "" {
			w.Header().Set("X-Amzn-ErrorType", header)
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return []string{"AWS_ENDPOINT_URL=" + s.URL}
}

// denying returns the endpoint under test, to a caller who may not do an operation on a table or
// stream; "" is any.
func denying(t *testing.T, operation, on string) []string {
	t.Helper()
	there, err := url.Parse(awstest.Endpoint(t))
	if err != nil {
		t.Fatal(err)
	}
	behind := httputil.NewSingleHostReverseProxy(there)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), "."+operation) && strings.Contains(string(body), on) {
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(w, `{"__type":"com.amazon.coral.service#AccessDeniedException","message":"not authorized to perform: %s"}`, operation)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		behind.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return []string{"AWS_ENDPOINT_URL=" + s.URL}
}

// closedPort returns an endpoint on which nobody listens.
func closedPort(t *testing.T) []string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return []string{"AWS_ENDPOINT_URL=http://" + l.Addr().String()}
}

// refuses runs a program that cannot start and checks that it says what is wrong and what to do, in
// a line each, and ends with the code.
func refuses(t *testing.T, environ []string, code int, says, advises, program string, args ...string) {
	t.Helper()
	got := programtest.Run(t, "", environ, program, args...)
	lines := strings.Split(strings.TrimRight(got.ErrOut, "\n"), "\n")
	if got.Code != code || len(lines) != 2 || !strings.Contains(lines[0], says) || !strings.Contains(lines[1], advises) ||
		!strings.HasPrefix(lines[0], program+": ") || strings.Contains(got.ErrOut, "goroutine") {
		t.Errorf("%s %q: exit code %d, want %d\n%s\nwant it to say %q and advise %q", program, args, got.Code, code, got.ErrOut, says, advises)
	}
}

// ends runs a program that finds out at its work that it cannot do it, and checks that its last two
// lines say what is wrong and what to do.
func ends(t *testing.T, environ []string, code int, says, names, program string) {
	t.Helper()
	got := programtest.Run(t, "", environ, program)
	lines := strings.Split(strings.TrimRight(got.ErrOut, "\n"), "\n")
	if n := len(lines); got.Code != code || n < 2 || !strings.HasPrefix(lines[n-2], program+": ") || !strings.Contains(lines[n-2], says) ||
		!strings.Contains(lines[n-2], names) || !strings.Contains(lines[n-1], "deploy/template.yaml") {
		t.Errorf("%s: exit code %d, want %d\n%s\nwant it to say %q and %q", program, got.Code, code, got.ErrOut, says, names)
	}
}

func TestProgramsSayWhyTheyCannotStart(t *testing.T) {
	for name, tt := range map[string]struct {
		environ       []string
		says, advises string
	}{
		"no region":          {keys, "no AWS region", "AWS_REGION"},
		"no credentials":     {region, "no AWS credentials", "AWS_ACCESS_KEY_ID"},
		"no such profile":    {join(region, []string{"AWS_PROFILE=nobody"}), "AWS settings cannot be read", "AWS_PROFILE"},
		"endpoint unheard":   {join(region, keys, closedPort(t)), "no answer from http://127.0.0.1", "AWS_ENDPOINT_URL"},
		"endpoint malformed": {join(region, keys, []string{"AWS_ENDPOINT_URL=localhost:4566"}), "is not a URL", "http://127.0.0.1:4566"},
		"endpoint not AWS":   {join(region, keys, answering(t, 200, "", "<html>hello</html>")), "is not AWS", "AWS_ENDPOINT_URL"},
		"endpoint another": {
			join(region, keys, answering(t, 404, "", `{"type":"/problems/route-not-found","status":404}`)), "is not AWS", "AWS_ENDPOINT_URL",
		},
		"credentials refused": {
			join(region, keys, answering(t, 400, "UnrecognizedClientException", `{"message":"The security token is invalid."}`)),
			"does not accept the credentials", "AWS_ACCESS_KEY_ID",
		},
		"no rights": {
			join(region, keys, answering(t, 400, "AccessDeniedException", `{"message":"not authorized to perform: dynamodb:DescribeTable"}`)),
			"permissions are missing", "deploy/template.yaml",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, program := range []string{"withdraw", "archiver"} {
				refuses(t, nowhere(t, tt.environ...), 5, tt.says, tt.advises, program)
			}
			refuses(t, nowhere(t, tt.environ...), 5, tt.says, tt.advises, "audit", "--store", "aws")
		})
	}
}

func TestHelpOfTheServices(t *testing.T) {
	for _, program := range services {
		help := programtest.Run(t, "", nowhere(t), program, "--help")
		if lines := strings.Count(help.Out, "\n"); help.Code != 0 || lines > 40 || !strings.Contains(help.Out, "AWS_ENDPOINT_URL") {
			t.Errorf("%s --help: exit code %d, %d lines\n%s", program, help.Code, lines, help.Out)
		}
		version := programtest.Run(t, "", nowhere(t), program, "--version")
		if version.Code != 0 || !strings.HasPrefix(version.Out, program+" ") {
			t.Errorf("%s --version: exit code %d, %q", program, version.Code, version.Out)
		}
	}
}

func TestProgramsRefuseWrongSettings(t *testing.T) {
	environ := nowhere(t, join(region, keys)...)
	refuses(t, append(environ, "PASSBOOK_BUCKET="), 2, "--bucket (PASSBOOK_BUCKET) is empty", "flag or the variable", "archiver")
	refuses(t, append(environ, "PASSBOOK_STORE=embedded"), 2, "needs PASSBOOK_STORE=aws", "--help", "balance")
	refuses(t, environ, 2, "unknown flag --endpoint", "--help", "credit", "--endpoint", "http://127.0.0.1:4566")
}

func TestProgramsSayWhatIsMissingOnAWS(t *testing.T) {
	c := awstest.Config(t)
	environ := nowhere(t, join(keys, []string{"AWS_ENDPOINT_URL=" + awstest.Endpoint(t), "AWS_REGION=" + c.Region})...)
	prefix, old := awstest.Prefix(t), awstest.Prefix(t)
	cleanUp(t, c, prefix)
	cleanUp(t, c, old)
	refuses(t, append(environ, "PASSBOOK_PREFIX="+prefix), 5, prefix+"journal", "bank resources", "withdraw")

	environ = append(environ, "PASSBOOK_PREFIX="+prefix, "PASSBOOK_BUCKET="+prefix+"archive")
	if made := programtest.Run(t, "", environ, "bank", "resources", "--store", "aws"); made.Code != 0 {
		t.Fatalf("bank resources: %d\n%s", made.Code, made.ErrOut)
	}
	if again := programtest.Run(t, "", environ, "bank", "resources", "--store", "aws"); again.Code != 0 {
		t.Errorf("bank resources a second time: %d\n%s", again.Code, again.ErrOut)
	}
	if check := programtest.Run(t, "", environ, "bank", "resources", "--store", "aws", "--check"); check.Code != 0 {
		t.Errorf("bank resources --check: %d\n%s", check.Code, check.ErrOut)
	}
	refuses(t, append(environ, "AWS_REGION=eu-north-1"), 5, "eu-north-1", "AWS_REGION", "balance")
	refuses(t, append(environ, "PASSBOOK_BUCKET="+prefix+"other"), 5, prefix+"other", "PASSBOOK_BUCKET", "archiver")

	for _, right := range []struct{ program, operation, on, says string }{
		{"balance", "ListShards", prefix + "events", "ListShards"},
		{"creditlimit", "Query", prefix + "control", "Query"},
		{"archiver", "GetRecords", "", "GetRecords"},
		{"credit", "PutItem", prefix + "control", "PutItem"},
	} {
		denied := append(environ, denying(t, right.operation, right.on)...)
		ends(t, append(denied, "PASSBOOK_LOG_LEVEL=error"), 5, "permissions are missing", right.says, right.program)
	}
	for program, table := range map[string]string{"withdraw": "journal", "credit": "journal", "balance": "balance", "creditlimit": "creditlimit"} {
		refuses(t, append(environ, denying(t, "PutItem", prefix+table)...), 5, "permissions are missing: put row of "+prefix+table, "deploy/template.yaml", program)
	}

	client := dynamodb.NewFromConfig(c)
	_, err := client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: aws.String(old + "journal"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String("version"), AttributeType: types.ScalarAttributeTypeN},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}, {AttributeName: aws.String("version"), KeyType: types.KeyTypeRange},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	refuses(t, append(environ, "PASSBOOK_PREFIX="+old), 5, old+"journal", "another program or version", "bank", "resources", "--store", "aws")
	refuses(t, append(environ, "PASSBOOK_PREFIX="+old), 5, old+"journal", "another program or version", "withdraw")
}
