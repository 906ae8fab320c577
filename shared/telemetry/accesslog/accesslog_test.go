package accesslog

import "testing"

func TestLogUnderLoadIsASample(t *testing.T) {
	var b budget
	said, omitted := 0, int64(0)
	for range 1000 {
		if n, ok := b.spend(7, 100); ok {
			said++
			omitted += n
		}
	}
	n, ok := b.spend(8, 100)
	if said != 100 || omitted != 0 || !ok || n != 900 {
		t.Fatalf("%d lines, %d left out, then %d %t", said, omitted, n, ok)
	}
}
