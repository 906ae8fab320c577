package platform

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"passbook/shared/awstest"
)

func TestCallersOfAWSHaveTheNameOfTheirRoleOrUser(t *testing.T) {
	for identity, want := range map[string]string{
		"arn:aws:sts::123456789012:assumed-role/operator/ann@bank.example":         "aws:operator",
		"arn:aws:iam::123456789012:user/people/ann":                                "aws:ann",
		"arn:aws:iam::123456789012:root":                                           "aws:root",
		"arn:aws:sts::123456789012:federated-user/ann":                             "aws:ann",
		"arn:aws:sts::123456789012:assumed-role/" + strings.Repeat("r", 64) + "/s": "aws:" + strings.Repeat("r", 60),
		"nobody": "",
	} {
		if got := callerName(identity); got != want {
			t.Errorf("%s: %q, not %q", identity, got, want)
		}
	}
}

// A job runs although STS does not answer, and its actor can still be found.
func TestWithoutAnAnswerOfSTSTheCallerIsItsAccessKey(t *testing.T) {
	var refuses bool
	c := awstest.Fake(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if refuses {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = w.Write([]byte(`<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>` +
			`<Arn>arn:aws:sts::123456789012:assumed-role/operator/ann</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`))
	}))
	store := &awsStore{sdk: c, log: slog.New(slog.DiscardHandler)}
	if got := store.Caller(t.Context()); got != "aws:operator" {
		t.Errorf("%q", got)
	}
	refuses = true
	key, err := c.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := store.Caller(t.Context()); got != "aws:"+key.AccessKeyID {
		t.Errorf("%q, not the key %s", got, key.AccessKeyID)
	}
}
