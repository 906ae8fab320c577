package web

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
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
func ReadBody(buf []byte, r *http.Request) (body []byte, refused *Problem) {
	switch n := r.ContentLength; {
	case n == 0:
		return buf[:0], nil
	case n > MaxBodyBytes:
		return nil, Refuse(BodyTooLarge)
	case n > 0 && n <= keptBytes:
		body = slices.Grow(buf[:0], int(n))[:n]
		if _, err := io.ReadFull(r.Body, body); err != nil {
			return nil, Refuse(RequestIncomplete)
		}
	default:
		if body, refused = readChunks(buf, r); refused != nil {
			return nil, refused
		}
	}
	if len(body) > 0 && !HasMediaType(r.Header, MediaJSON) {
		return nil, Refuse(UnsupportedMediaType)
	}
	return body, nil
}

// readChunks reads a body whose length is not known before its end, or is so large that memory is
// only taken for what arrives.
func readChunks(buf []byte, r *http.Request) ([]byte, *Problem) {
	body := bytes.NewBuffer(buf[:0])
	_, err := body.ReadFrom(http.MaxBytesReader(nil, r.Body, MaxBodyBytes))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, Refuse(BodyTooLarge)
	case err != nil:
		return nil, Refuse(RequestIncomplete)
	}
	return body.Bytes(), nil
}
