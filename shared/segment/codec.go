package segment

import "github.com/parquet-go/parquet-go"

// codec moves one column between a batch of rows and Parquet values. The bytes of the values that
// put makes are valid until the next batch, as are those of the values given to get.
type codec struct {
	put func(a *arena, rows []Row, values []parquet.Value)
	get func(in *interner, rows []Row, values []parquet.Value)
}

// codecs has the columns in the order of the schema.
var codecs = [columnCount]codec{
	colTenant:        text(func(r *Row) *string { return &r.Tenant }),
	colAccountID:     text(func(r *Row) *string { return &r.AccountID }),
	colVersion:       number(func(r *Row) *int64 { return &r.Version }),
	colEntryFirst:    number(func(r *Row) *int64 { return &r.EntryFirst }),
	colEntryLast:     number(func(r *Row) *int64 { return &r.EntryLast }),
	colType:          text(func(r *Row) *string { return &r.Type }),
	colSchema:        number32(func(r *Row) *int32 { return &r.Schema }),
	colRecordedAt:    number(func(r *Row) *int64 { return &r.RecordedAt }),
	colEffectiveAt:   number32(func(r *Row) *int32 { return &r.EffectiveAt }),
	colArrivedAt:     number(func(r *Row) *int64 { return &r.ArrivedAt }),
	colCommandKey:    optional(unique(func(r *Row) *string { return &r.CommandKey })),
	colRequest:       optional(unique(func(r *Row) *string { return &r.Request })),
	colCorrelationID: optional(unique(func(r *Row) *string { return &r.CorrelationID })),
	colCausationID:   optional(unique(func(r *Row) *string { return &r.CausationID })),
	colActor:         text(func(r *Row) *string { return &r.Actor }),
	colCurrency:      text(func(r *Row) *string { return &r.Currency }),
	colAmount:        optional(number(func(r *Row) *int64 { return &r.Amount })),
	colTransactionID: optional(unique(func(r *Row) *string { return &r.TransactionID })),
	colHoldID:        optional(unique(func(r *Row) *string { return &r.HoldID })),
	colPosted:        number(func(r *Row) *int64 { return &r.Posted }),
	colHeld:          number(func(r *Row) *int64 { return &r.Held }),
	colLimit:         number(func(r *Row) *int64 { return &r.Limit }),
	colData:          bytesColumn(func(r *Row) *[]byte { return &r.Data }),
	colEntryHash: {
		put: func(_ *arena, rows []Row, values []parquet.Value) {
			for i := range values {
				values[i] = parquet.FixedLenByteArrayValue(rows[i].EntryHash[:])
			}
		},
		get: func(_ *interner, rows []Row, values []parquet.Value) {
			for i := range values {
				copy(rows[i].EntryHash[:], values[i].ByteArray())
			}
		},
	},
	colEntry:    optional(bytesColumn(func(r *Row) *[]byte { return &r.Entry })),
	colShard:    text(func(r *Row) *string { return &r.Shard }),
	colSequence: repeated(func(r *Row) *string { return &r.Sequence }),
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
