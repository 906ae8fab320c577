package account

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"passbook/shared/canonicaljson"
	"passbook/shared/event"
	"passbook/shared/money"
)

// StateFormat is the format of a state's JSON. It is raised by hand, and only for an incompatible
// change.
const StateFormat = 1

// MaxStateBytes bounds a state's JSON; MaxHolds keeps it below that.
const MaxStateBytes = 64 << 10

// ErrStateFormat: the state is of another format than this program writes. Fold the events instead.
var ErrStateFormat = errors.New("account: unknown state format")

var (
	statuses = []string{StatusOpen, StatusClosed}
	scopes   = []string{event.ScopeDebits, event.ScopeAll}
)

// AppendState appends the JSON of s, with short names, as entries and rows store it. It panics for
// a state that no fold returns.
func AppendState(dst []byte, s State) []byte {
	c := canonicaljson.NewWriter(slices.Grow(dst, 256))
	s.fields(&c)
	if err := c.Finish(); err != nil {
		panic(fmt.Sprintf("account: state v%d: %v", s.Version, err))
	}
	return c.Written()
}

// ParseState reads what AppendState writes. It returns ErrStateFormat for another format, else an
// error that names the field.
func ParseState(data []byte) (State, error) {
	var s State
	c := canonicaljson.NewReader(string(data))
	if s.fields(&c); c.Finish() != nil {
		if !strings.HasPrefix(string(data), fmt.Sprintf(`{"format":%d,`, StateFormat)) {
			return State{}, ErrStateFormat
		}
		return State{}, fmt.Errorf("account: state: %w", c.Err())
	}
	// The strings share the memory of the input, which a state with many holds would keep.
	s.Currency, s.HolderRef, s.Product = strings.Clone(s.Currency), strings.Clone(s.HolderRef), strings.Clone(s.Product)
	return s, nil
}

func (s *State) fields(c *canonicaljson.Codec) {
	format := StateFormat
	c.Begin()
	c.SmallInt("format", &format, StateFormat, StateFormat)
	c.Int("v", &s.Version, 1, event.MaxVersion)
	c.Enum("s", &s.Status, statuses)
	c.String("c", &s.Currency, 3)
	c.OptString("h", &s.HolderRef, 64)
	c.OptString("p", &s.Product, 64)
	c.Int("b", &s.Posted, -money.Max, money.Max)
	c.Int("l", &s.Limit, 0, money.Max)
	c.OptInt("lv", &s.LimitVersion, s.Version)
	micros(c, "lx", &s.LimitExpiresAt)
	c.OptEnum("f", &s.Frozen, scopes)
	micros(c, "r", &s.RecordedAt)
	micros(c, "m", &s.LastMovement)
	if c.Has("o", len(s.Holds) > 0) {
		s.holds(c)
	}
	c.End()
	s.sumHolds(c)
}

func (s *State) holds(c *canonicaljson.Codec) {
	c.OpenList("o")
	for i := 0; c.Element(i, len(s.Holds), MaxHolds); i++ {
		if c.Reading() {
			s.Holds = append(s.Holds, Hold{})
		}
		s.Holds[i].fields(c)
	}
	c.CloseList()
}

// sumHolds sets Held, which is not written, and checks that the holds are in order and within
// range.
func (s *State) sumHolds(c *canonicaljson.Codec) {
	var version int64
	s.Held = 0
	for _, h := range s.Holds {
		s.Held += h.Amount
		c.Check(version < h.Version && h.Version <= s.Version, "o", "must be by rising version")
		c.Check(s.Held <= money.Max, "o", "must not sum up to more than the maximum")
		version = h.Version
	}
}

func (h *Hold) fields(c *canonicaljson.Codec) {
	c.Begin()
	c.Int("v", &h.Version, 1, event.MaxVersion)
	c.Int("a", &h.Amount, 1, money.Max)
	micros(c, "p", &h.PlacedAt)
	micros(c, "x", &h.ExpiresAt)
	c.End()
}

// micros writes or reads a time as microseconds since 1970, which is half as long as its text. The
// zero time is left out.
func micros(c *canonicaljson.Codec, name string, t *time.Time) {
	var v int64
	if !t.IsZero() {
		v = t.UnixMicro()
	}
	c.OptInt(name, &v, 1<<58)
	if c.Reading() && v > 0 {
		*t = time.UnixMicro(v).UTC()
	}
}
