package segment

import (
	"reflect"

	"github.com/parquet-go/parquet-go"

	"passbook/shared/event"
)

// codec moves one column between a batch of rows and Parquet values. The bytes of the values that
// put makes are valid until the next batch, as are those of the values given to get.
type codec struct {
	put func(a *arena, rows []Row, values []parquet.Value)
	get func(in *interner, rows []Row, values []parquet.Value)
	// kind is the Go type from which the Parquet library derives the column's.
	kind reflect.Type
}

// The Go types of columns.
var (
	kindText   = reflect.TypeFor[string]()
	kindBytes  = reflect.TypeFor[[]byte]()
	kindInt64  = reflect.TypeFor[int64]()
	kindInt32  = reflect.TypeFor[int32]()
	kindHash32 = reflect.TypeFor[[32]byte]()
)

// codecs has the codec of each column by its name, for all formats. That of entry_hash depends on
// the format.
var codecs = map[string]codec{
	"tenant":         text(func(r *Row) *string { return &r.Tenant }),
	"account_id":     text(func(r *Row) *string { return &r.AccountID }),
	"version":        number(func(r *Row) *int64 { return &r.Version }),
	"entry_first":    number(func(r *Row) *int64 { return &r.EntryFirst }),
	"entry_last":     number(func(r *Row) *int64 { return &r.EntryLast }),
	"type":           text(func(r *Row) *string { return &r.Type }),
	"schema":         number32(func(r *Row) *int32 { return &r.Schema }),
	"recorded_at":    number(func(r *Row) *int64 { return &r.RecordedAt }),
	"effective_at":   number32(func(r *Row) *int32 { return &r.EffectiveAt }),
	"arrived_at":     number(func(r *Row) *int64 { return &r.ArrivedAt }),
	"command_key":    unique(func(r *Row) *string { return &r.CommandKey }),
	"request":        unique(func(r *Row) *string { return &r.Request }),
	"correlation_id": unique(func(r *Row) *string { return &r.CorrelationID }),
	"causation_id":   unique(func(r *Row) *string { return &r.CausationID }),
	"actor":          text(func(r *Row) *string { return &r.Actor }),
	"currency":       text(func(r *Row) *string { return &r.Currency }),
	"exponent":       number32(func(r *Row) *int32 { return &r.Exponent }),
	"holder_ref":     unique(func(r *Row) *string { return &r.HolderRef }),
	"kind":           text(func(r *Row) *string { return &r.Kind }),
	"direction":      text(func(r *Row) *string { return &r.Direction }),
	"reason":         text(func(r *Row) *string { return &r.Reason }),
	"amount":         number(func(r *Row) *int64 { return &r.Amount }),
	"delta":          number(func(r *Row) *int64 { return &r.Delta }),
	"transaction_id": unique(func(r *Row) *string { return &r.TransactionID }),
	"hold_id":        unique(func(r *Row) *string { return &r.HoldID }),
	"posted":         number(func(r *Row) *int64 { return &r.Posted }),
	"held":           number(func(r *Row) *int64 { return &r.Held }),
	"limit":          number(func(r *Row) *int64 { return &r.Limit }),
	"limit_amount":   number(func(r *Row) *int64 { return &r.Limit }),
	"data":           bytesColumn(func(r *Row) *[]byte { return &r.Data }),
	"mac":            unique(func(r *Row) *string { return &r.MAC }),
	"entry":          bytesColumn(func(r *Row) *[]byte { return &r.Entry }),
	"shard":          text(func(r *Row) *string { return &r.Shard }),
	"sequence":       repeated(func(r *Row) *string { return &r.Sequence }),
}

// The codecs of entry_hash: many engines do not read that of format 1, which has a fixed length.
var (
	fixedHash = hash(kindHash32, parquet.FixedLenByteArrayValue)
	bytesHash = hash(kindBytes, parquet.ByteArrayValue)
)

// hash returns the codec of the hash of an entry.
func hash(kind reflect.Type, value func([]byte) parquet.Value) codec {
	return codec{
		put: func(_ *arena, rows []Row, values []parquet.Value) {
			for i := range values {
				values[i] = value(rows[i].EntryHash[:])
			}
		},
		get: func(_ *interner, rows []Row, values []parquet.Value) {
			for i := range values {
				rows[i].EntryHash = event.Hash{} // that of no entry
				if b := values[i].ByteArray(); len(b) == len(event.Hash{}) {
					rows[i].EntryHash = event.Hash(b)
				}
			}
		},
		kind: kind,
	}
}

// text returns the codec of a string column whose values repeat often.
func text(field func(*Row) *string) codec {
	c := unique(field)
	c.get = func(in *interner, rows []Row, values []parquet.Value) {
		for i := range values {
			*field(&rows[i]) = in.string(values[i].ByteArray())
		}
	}
	return c
}

// unique returns the codec of a string column whose values seldom repeat.
func unique(field func(*Row) *string) codec {
	return codec{
		put: func(a *arena, rows []Row, values []parquet.Value) {
			for i := range values {
				values[i] = a.value(*field(&rows[i]))
			}
		},
		get: func(_ *interner, rows []Row, values []parquet.Value) {
			for i := range values {
				*field(&rows[i]) = string(values[i].ByteArray())
			}
		},
		kind: kindText,
	}
}

// repeated returns the codec of a string column in which neighbours are often equal.
func repeated(field func(*Row) *string) codec {
	c := unique(field)
	c.get = func(in *interner, rows []Row, values []parquet.Value) {
		for i := range values {
			if b := values[i].ByteArray(); string(b) != in.last {
				in.last = string(b)
			}
			*field(&rows[i]) = in.last
		}
	}
	return c
}

func bytesColumn(field func(*Row) *[]byte) codec {
	return codec{
		put: func(_ *arena, rows []Row, values []parquet.Value) {
			for i := range values {
				values[i] = parquet.ByteArrayValue(*field(&rows[i]))
			}
		},
		get: func(_ *interner, rows []Row, values []parquet.Value) {
			for i := range values {
				*field(&rows[i]) = values[i].ByteArray()
			}
		},
		kind: kindText,
	}
}

func number(field func(*Row) *int64) codec {
	return codec{
		put: func(_ *arena, rows []Row, values []parquet.Value) {
			for i := range values {
				values[i] = parquet.Int64Value(*field(&rows[i]))
			}
		},
		get: func(_ *interner, rows []Row, values []parquet.Value) {
			for i := range values {
				*field(&rows[i]) = values[i].Int64()
			}
		},
		kind: kindInt64,
	}
}

func number32(field func(*Row) *int32) codec {
	return codec{
		put: func(_ *arena, rows []Row, values []parquet.Value) {
			for i := range values {
				values[i] = parquet.Int32Value(*field(&rows[i]))
			}
		},
		get: func(_ *interner, rows []Row, values []parquet.Value) {
			for i := range values {
				*field(&rows[i]) = values[i].Int32()
			}
		},
		kind: kindInt32,
	}
}

// optional makes the zero value of a column null. A null reads as the zero value.
func optional(c codec) codec {
	put := c.put
	c.put = func(a *arena, rows []Row, values []parquet.Value) {
		put(a, rows, values)
		for i := range values {
			if isZero(values[i]) {
				values[i] = parquet.Value{}
				continue
			}
			values[i] = values[i].Level(0, 1, 0)
		}
	}
	return c
}

func isZero(v parquet.Value) bool {
	if v.Kind() == parquet.Int64 {
		return v.Int64() == 0
	}
	return len(v.ByteArray()) == 0
}

// arena has the bytes of a batch's strings until the columns have copied them.
type arena struct{ bytes []byte }

func (a *arena) value(s string) parquet.Value {
	start := len(a.bytes)
	a.bytes = append(a.bytes, s...)
	return parquet.ByteArrayValue(a.bytes[start:])
}

// maxInterned bounds the strings of an interner, which starts over when it is full.
const maxInterned = 1 << 16

// interner returns one string for equal bytes.
type interner struct {
	strings map[string]string
	last    string // the last value of a repeated column
}

func (in *interner) string(b []byte) string {
	if s, ok := in.strings[string(b)]; ok {
		return s
	}
	if in.strings == nil || len(in.strings) >= maxInterned {
		in.strings = make(map[string]string)
	}
	s := string(b)
	in.strings[s] = s
	return s
}
