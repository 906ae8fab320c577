package bucket_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"passbook/shared/bucket"
)

// object is an object that says that it has a size.
type object struct {
	*strings.Reader
	size int64
}

func (o object) Size() int64 { return o.size }
func (object) Close() error  { return nil }

func TestContentIsWholeOrAnError(t *testing.T) {
	data, err := bucket.Content(object{strings.NewReader("whole"), 5})
	if string(data) != "whole" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	data, err = bucket.Content(object{strings.NewReader(""), 0})
	if len(data) != 0 || err != nil {
		t.Errorf("an empty object: %q, %v", data, err)
	}
	data, err = bucket.Content(object{strings.NewReader("short"), 6})
	if data != nil || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an object that is too short: %q, %v", data, err)
	}
}
