package derived

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/readmodel"
	"passbook/shared/table"
)

// Table is the name of the table of the further rows.
const Table = "derived"

// Schema describes the table of the further rows.
var Schema = table.Schema{Name: Table}

// Retention is how long the index has an event after it was recorded.
const Retention = 90 * 24 * time.Hour

// rowFormat is the version of the attributes of a row. An incompatible change raises it.
const rowFormat = 1

// The kinds of partitions, which the partition keys begin with after the generation.
const (
	kindType        = "t"
	kindActor       = "a"
	kindCorrelation = "c"
	kindHolder      = "h"
)

// partition returns the partition key of a kind: of a value of a tenant, and of a hash bucket where
// one value may have many entries.
func partition(generation int64, kind, tenant, bucket, value string) string {
	return "g" + strconv.FormatInt(generation, 10) + "#" + kind + "#" + tenant + "#" + bucket + "#" + value
}

// place is where an entry is: the sort key of all rows of the index that lead to it.
type place struct {
	at      time.Time
	account string
	first   int64
	// hash is the beginning of the entry's hash: an entry that is not the journal's has other rows.
	hash string
}

// hashChars is how many characters of an entry's hash a place has, and timeChars and versionChars
// how many digits its time and its version have.
const (
	hashChars    = 8
	timeChars    = 16
	versionChars = 19
)

// placeOf returns the place of an entry.
func placeOf(e *event.Entry) place {
	return place{at: e.RecordedAt, account: e.AccountID, first: e.First, hash: beginning(e.Hash)}
}

// beginning returns the first characters of a hash's text.
func beginning(h event.Hash) string {
	var text [hashChars]byte
	base64.RawURLEncoding.Encode(text[:], h[:hashChars*3/4])
	return string(text[:])
}

// String returns the place as a sort key: in the order of time, then of account and version.
func (p place) String() string {
	var room [128]byte
	key := appendPadded(room[:0], p.at.UnixMicro(), timeChars)
	key = append(append(append(key, '#'), p.account...), '#')
	key = append(appendPadded(key, p.first, versionChars), '#')
	return string(append(key, p.hash...))
}

// appendPadded appends a number with zeros before it.
func appendPadded(to []byte, n int64, chars int) []byte {
	if n < 0 {
		return fmt.Appendf(to, "%0*d", chars, n)
	}
	var digits [20]byte
	text := strconv.AppendInt(digits[:0], n, 10)
	for range chars - len(text) {
		to = append(to, '0')
	}
	return append(to, text...)
}

// parsePlace returns the place that String returned as a text.
func parsePlace(text string) (p place, ok bool) {
	parts := strings.Split(text, "#")
	if len(parts) != 4 || len(parts[0]) != timeChars || len(parts[2]) != versionChars || len(parts[3]) != hashChars || !account.ValidAccountID(parts[1]) {
		return p, false
	}
	at, err := strconv.ParseInt(parts[0], 10, 64)
	if err != nil {
		return p, false
	}
	first, err := strconv.ParseInt(parts[2], 10, 64)
	return place{at: time.UnixMicro(at).UTC(), account: parts[1], first: first, hash: parts[3]}, err == nil && first > 0
}

// PlaceOf returns the place of an entry as a sort key.
func PlaceOf(e *event.Entry) string { return placeOf(e).String() }

// TimeKey returns the sort key before that of every entry recorded at a time or later.
func TimeKey(at time.Time) string { return fmt.Sprintf("%0*d", timeChars, max(at.UnixMicro(), 0)) }

// KeyTime returns the time in a key that ValidKey accepts.
func KeyTime(key string) time.Time {
	micros, err := strconv.ParseInt(key[:min(len(key), timeChars)], 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// ValidKey reports whether a text is what PlaceOf or TimeKey returns.
func ValidKey(text string) bool {
	_, place := parsePlace(text)
	return place || TimeKey(KeyTime(text)) == text
}

// Lead is what the key of a further row says.
type Lead struct {
	Account event.Account
	// Holder is whose account a holder's row is; empty for a row of the index. At is when the entry
	// of a row of the index was recorded.
	Holder string
	At     time.Time
}

// ParseKey returns what the key of a row of a generation says, and false for any other key, as that
// of its mark.
func ParseKey(generation int64, key table.Key) (l Lead, ok bool) {
	rest, ok := strings.CutPrefix(key.PK, readmodel.GenerationPrefix(generation))
	parts := strings.SplitN(rest, "#", 4)
	if !ok || len(parts) != 4 {
		return l, false
	}
	l.Account.Tenant = parts[1]
	if parts[0] == kindHolder {
		l.Account.ID, l.Holder = key.SK, parts[3]
		return l, l.Holder != "" && account.ValidAccountID(key.SK)
	}
	p, ok := parsePlace(key.SK)
	l.Account.ID, l.At = p.account, p.at
	return l, ok
}

// HolderKey returns the key of the row of an account under its holder.
func HolderKey(generation int64, a event.Account, holder string) table.Key {
	return table.Key{PK: partition(generation, kindHolder, a.Tenant, "", holder), SK: a.ID}
}

// OfEntry returns the rows of the index that an entry has in a generation: one for each type of
// event, each actor and each correlation id in it. They share their attributes.
func OfEntry(generation int64, e *event.Entry) []table.Row {
	bucket, sk := string(rune(e.Account().HashBucket())), placeOf(e).String()
	attrs := table.Map{"format": table.N(rowFormat), ExpiryAttr: table.N(e.RecordedAt.Add(Retention).Unix())}
	var room [8]indexed
	values := indexedOf(room[:0], e)
	rows := make([]table.Row, len(values))
	for i, v := range values {
		of := bucket
		if v.kind == kindCorrelation {
			of = ""
		}
		rows[i] = table.Row{Key: table.Key{PK: partition(generation, v.kind, e.Tenant, of, v.value), SK: sk}, Attrs: attrs}
	}
	return rows
}

// indexed is a value by which entries are found.
type indexed struct{ kind, value string }

// indexedOf appends the values of an entry, each once. The events and commands of an entry mostly
// have the same ones.
func indexedOf(values []indexed, e *event.Entry) []indexed {
	add := func(kind, value string) {
		if v := (indexed{kind, value}); value != "" && !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	for i := range e.Events {
		add(kindType, e.Events[i].Body.Type())
	}
	for i := range e.Commands {
		add(kindActor, e.Commands[i].Actor.Plain)
		add(kindCorrelation, e.Commands[i].CorrelationID)
	}
	return values
}

// OfState returns the row of an account under its holder, and false if it has none.
func OfState(generation int64, r readmodel.Row[account.State]) (table.Row, bool) {
	s := r.State
	if s.HolderRef == "" {
		return table.Row{}, false
	}
	attrs := make(table.Map, 9) // with what the projection adds
	attrs["format"], attrs["as_of"] = table.N(rowFormat), table.Time(r.AsOf)
	attrs["currency"], attrs["status"] = table.S(s.Currency), table.S(s.Status)
	attrs["posted"], attrs["held"], attrs["limit"] = table.N(s.Posted), table.N(s.Held), table.N(s.Limit)
	return table.Row{Key: HolderKey(generation, r.Account, s.HolderRef), Attrs: attrs}, true
}

// Further returns the further rows of the read model of balances, without the index if it is off.
// now is the time that Retention counts back from.
func Further(index bool, now func() time.Time) *readmodel.Further[account.State] {
	f := &readmodel.Further[account.State]{Table: Table, OfState: OfState}
	if index {
		f.OfEntry = func(generation int64, e *event.Entry) []table.Row {
			if now().Sub(e.RecordedAt) > Retention {
				return nil
			}
			return OfEntry(generation, e)
		}
	}
	return f
}
