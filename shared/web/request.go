package web

import (
	"bytes"
	"errors"
	"mime"
	"net/http"
	"strings"
)

// HeaderReplayed marks an answer that was given before.
const HeaderReplayed = "Idempotency-Replayed"

// MediaJSON is the media type of a body.
const MediaJSON = "application/json"

// HasMediaType reports whether a body is of the one type that its route takes, in UTF-8 and not
// compressed.
func HasMediaType(h http.Header, want string) bool {
	given := h["Content-Type"]
	if len(given) != 1 || len(h["Content-Encoding"]) > 0 {
		return false
	}
	if given[0] == want {
		return true
	}
	kind, params, err := mime.ParseMediaType(given[0])
	if err != nil || kind != want {
		return false
	}
	charset, ok := params["charset"]
	return !ok || strings.EqualFold(charset, "utf-8")
}

// ReadBody reads a JSON body of at most MaxBodyBytes, into the memory of buf. An empty body is
// valid here; whether the request needs one follows from its fields.
func ReadBody(buf []byte, r *http.Request) ([]byte, *Problem) {
	if r.ContentLength == 0 {
		return buf[:0], nil
	}
	if r.ContentLength > MaxBodyBytes {
		return nil, Refuse(BodyTooLarge)
	}
	body := bytes.NewBuffer(buf[:0])
	var tooLarge *http.MaxBytesError
	switch _, err := body.ReadFrom(http.MaxBytesReader(nil, r.Body, MaxBodyBytes)); {
	case errors.As(err, &tooLarge):
		return nil, Refuse(BodyTooLarge)
	case err != nil:
		return nil, Refuse(RequestIncomplete)
	case body.Len() > 0 && !HasMediaType(r.Header, MediaJSON):
		return nil, Refuse(UnsupportedMediaType)
	}
	return body.Bytes(), nil
}
