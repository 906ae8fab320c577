package stream_test

import (
	"errors"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"passbook/shared/stream"
)

func TestHashKey(t *testing.T) {
	// The examples of RFC 1321.
	for key, want := range map[string]string{"": "d41d8cd98f00b204e9800998ecf8427e", "a": "0cc175b9c0f1b6a831c399e269772661"} {
		if got := stream.HashKey(key).Text(16); got != strings.TrimLeft(want, "0") {
			t.Errorf("hash key of %q is %s", key, got)
		}
	}
}

func TestCheckSequence(t *testing.T) {
	for text, fine := range map[string]bool{
		"1": true, "49680603739577703420352770719743309308965163481039896578": true, strings.Repeat("9", 57): false,
		"": false, "0": false, "01": false, "-1": false, "1x": false, "1 ": false, "١": false,
	} {
		if err := stream.CheckSequence(text); (err == nil) != fine || err != nil && !errors.Is(err, stream.ErrInvalid) {
			t.Errorf("sequence number %q: %v", text, err)
		}
	}
}

func TestCompareSequence(t *testing.T) {
	digits := rapid.StringMatching(`[1-9][0-9]{0,55}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := digits.Draw(t, "a"), digits.Draw(t, "b")
		x, _ := new(big.Int).SetString(a, 10)
		y, _ := new(big.Int).SetString(b, 10)
		if got := stream.CompareSequence(a, b); got != x.Cmp(y) || stream.CompareSequence(a, a) != 0 {
			t.Fatalf("%s and %s compare as %d", a, b, got)
		}
	})
}
