package account

import (
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"passbook/shared/money"
)

// rich has every field set.
func rich() State {
	s := given()
	s.Product, s.Frozen, s.LimitExpiresAt = "current", "debits", later
	s.Holds = append(s.Holds, Hold{Version: 5, Amount: 3, PlacedAt: noon})
	s.Held, s.Version = 33, 5
	return s
}

func TestStateJSON(t *testing.T) {
	for _, want := range []State{given(), rich(), {Version: 1, Status: StatusOpen, Currency: "EUR", RecordedAt: noon}} {
		data := AppendState([]byte("kept"), want)[len("kept"):]
		got, err := ParseState(data)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s\nread %+v, %v\nwant %+v", data, got, err, want)
		}
	}
}

// The file has a state as journals and rows store it. It never changes.
func TestStateGolden(t *testing.T) {
	golden, err := os.ReadFile("testdata/state-v1.json")
	if err != nil {
		t.Fatal(err)
	}
	if written := AppendState(nil, rich()); string(written) != string(golden) {
		t.Errorf("written %s\nwant    %s", written, golden)
	}
	if got, err := ParseState(golden); err != nil || !reflect.DeepEqual(got, rich()) {
		t.Errorf("read %+v, %v", got, err)
	}
}

func TestStateSize(t *testing.T) {
	s := given()
	s.Version, s.HolderRef, s.Posted, s.Limit, s.Held, s.Holds = 1234567, "customer-00012345678", 123456789, 1000000, 0, nil
	if size := len(AppendState(nil, s)); size >= 200 {
		t.Errorf("%d bytes without holds, want less than 200", size)
	}
	s.Version = 999_999_999_999
	for i := range MaxHolds {
		s.Holds = append(s.Holds, Hold{Version: s.Version - int64(MaxHolds-i), Amount: money.Max / MaxHolds, PlacedAt: noon, ExpiresAt: later})
	}
	if size := len(AppendState(nil, s)); size > MaxStateBytes {
		t.Errorf("%d bytes with %d holds, want at most %d", size, MaxHolds, MaxStateBytes)
	}
}

func TestParseStateRefuses(t *testing.T) {
	good := string(AppendState(nil, rich()))
	for _, c := range []struct{ old, new string }{
		{`"v":5`, `"v":0`}, {`"s":"open"`, `"s":"asleep"`}, {`"l":100`, `"l":-1`}, {`}]}`, `}]}x`}, {`}]}`, `}],"z":1}`},
		{`"a":3`, `"a":0`}, {`,"o":[`, `,"o":[7,`}, {`{"v":4`, `{"v":5`}, {`{"v":5`, `{"v":6`}, {`"a":30`, `"a":9007199254740990`}, {`"b":50`, `"b":50,"b":50`},
	} {
		data := strings.Replace(good, c.old, c.new, 1)
		if _, err := ParseState([]byte(data)); data == good || err == nil || errors.Is(err, ErrStateFormat) {
			t.Errorf("%s: %v", data, err)
		}
	}
	for _, data := range []string{``, `{}`, `{"format":2}`, strings.Replace(good, `"format":1`, `"format":2`, 1), strings.Replace(good, `"format":1`, `"format":10`, 1)} {
		if _, err := ParseState([]byte(data)); !errors.Is(err, ErrStateFormat) {
			t.Errorf("%s: %v, want ErrStateFormat", data, err)
		}
	}
}

// A state that is accepted is written again as the same bytes.
func FuzzParseState(f *testing.F) {
	f.Add(AppendState(nil, rich()))
	f.Add(AppendState(nil, given()))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseState(data)
		if err != nil {
			return
		}
		if again := AppendState(nil, s); string(again) != string(data) {
			t.Fatalf("accepted %s\nwritten  %s", data, again)
		}
	})
}
