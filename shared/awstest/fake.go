package awstest

import (
	"net/http"
	"net/http/httptest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// FakeEndpoint is the base endpoint of Fake.
const FakeEndpoint = "http://fake.invalid"

// Fake returns the configuration of the SDK for an endpoint that is only a handler. It opens no
// socket, so it works in the virtual time of testing/synctest. A handler that panics with
// http.ErrAbortHandler gives no answer; one that waits for the end of the request's context
// imitates an endpoint that hangs.
func Fake(h http.Handler) aws.Config {
	return aws.Config{
		Region: DefaultRegion, BaseEndpoint: aws.String(FakeEndpoint), HTTPClient: handlerClient{h},
		Credentials: credentials.NewStaticCredentialsProvider(testKey, testKey, ""),
	}
}

type handlerClient struct{ http.Handler }

// Do answers a request by calling the handler.
func (c handlerClient) Do(r *http.Request) (answer *http.Response, err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			err = http.ErrAbortHandler
		default:
			panic(p)
		}
	}()
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	answer = w.Result()
	answer.Request = r
	return answer, nil
}
