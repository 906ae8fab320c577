package kmswrap_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/smithy-go"

	"passbook/shared/awstest"
	"passbook/shared/keywrap"
	"passbook/shared/keywrap/keywraptest"
	"passbook/shared/keywrap/kmswrap"
)

func TestContractOnAWS(t *testing.T) {
	keywraptest.Run(t, func(t testing.TB) keywraptest.Handles {
		c, prefix := awstest.Config(t), awstest.Prefix(t)
		first, other := kmswrap.New(c, "alias/"+prefix+"bank"), kmswrap.New(c, "alias/"+prefix+"other")
		for _, w := range []*kmswrap.Wrapper{first, other} {
			for range 2 { // the second finds the key
				if err := w.CreateKey(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		return keywraptest.Handles{First: first, Second: kmswrap.New(c, "alias/"+prefix+"bank"), Other: other}
	})
}

// Every answer of KMS that a caller distinguishes has the error of the port, and keeps its code.
func TestAnswersHaveTheErrorOfThePort(t *testing.T) {
	for code, want := range map[string]error{
		"InvalidCiphertextException": keywrap.ErrRefused,
		"IncorrectKeyException":      keywrap.ErrRefused,
		"AccessDeniedException":      keywrap.ErrRefused,
		"NotFoundException":          keywrap.ErrNoKey,
		"DisabledException":          keywrap.ErrNoKey,
		"KMSInvalidStateException":   keywrap.ErrNoKey,
		"ValidationException":        nil,
	} {
		c := awstest.Fake(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"__type":"` + code + `","message":"no"}`))
		}))
		w := kmswrap.New(c, "alias/bank")
		_, wrapErr := w.Wrap(t.Context(), "b", []byte("k"))
		_, unwrapErr := w.Unwrap(t.Context(), "b", []byte("k"))
		for _, err := range []error{wrapErr, unwrapErr} {
			var answer smithy.APIError
			if !errors.As(err, &answer) || answer.ErrorCode() != code || !strings.Contains(err.Error(), "alias/bank") {
				t.Errorf("%s: %v", code, err)
			}
			for _, known := range []error{keywrap.ErrRefused, keywrap.ErrNoKey} {
				if errors.Is(err, known) != (known == want) {
					t.Errorf("%s: %v, want %v", code, err, want)
				}
			}
		}
		if err := w.CreateKey(t.Context()); err == nil {
			t.Errorf("%s: the key was made", code)
		}
	}
}
