package segment

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// layout is how a format lays rows out in Parquet.
type layout struct {
	schema *parquet.Schema
	// columns are in the order of the schema; folds and refs are the indexes of those that a fold
	// and an EntryRef need.
	columns     []column
	folds, refs []int
	// options determine the bytes of a segment, as do the level of compression and the sizes below.
	options []parquet.WriterOption
	level   zstd.Level
}

// column is a column of a layout.
type column struct {
	name string
	codec
}

// The columns of each format: names, types and order are the format. A text is the tag of the
// Parquet library; the codec of the name gives the type. Format 1 leaves the choice of encodings to
// the library; format 2 has dictionaries where values are few, and PLAIN, which every engine reads.
var layouts = map[int]*layout{
	1: newLayout(fixedHash, zstd.SpeedFastest,
		[]parquet.WriterOption{
			parquet.DictionaryMaxBytes(dictionaryBytes),
			// These columns have empty bounds in the page index, which engines that use it take for
			// true ones: a query by one of them finds nothing.
			parquet.SkipPageBounds("request"),
			parquet.SkipPageBounds("correlation_id"),
			parquet.SkipPageBounds("causation_id"),
			parquet.SkipPageBounds("data"),
			parquet.SkipPageBounds("entry_hash"),
			parquet.SkipPageBounds("entry"),
		},
		"tenant,dict", "account_id,dict", "version", "entry_first", "entry_last", "type,dict", "schema,dict",
		"recorded_at,timestamp(microsecond:utc)", "effective_at,date,dict", "arrived_at,timestamp(microsecond:utc)",
		"command_key,optional", "request,optional", "correlation_id,optional", "causation_id,optional", "actor,dict",
		"currency,dict", "amount,optional", "transaction_id,optional", "hold_id,optional", "posted", "held", "limit",
		"data,json", "entry_hash", "entry,json,optional", "shard,dict", "sequence",
	),
	2: newLayout(bytesHash, zstd.SpeedDefault,
		[]parquet.WriterOption{
			parquet.DataPageVersion(1),
			parquet.DataPageStatistics(false), // the page index has them
			parquet.DefaultEncoding(&parquet.Plain),
			// The library's filter has the values of the dictionary alone, so account_id must not
			// outgrow it: no DictionaryMaxBytes.
			parquet.BloomFilters(parquet.SplitBlockFilter(bloomBits, filtered)),
		},
		"tenant,dict", "account_id,dict", "version", "entry_first", "entry_last", "type,dict", "schema,dict",
		"recorded_at,timestamp(microsecond:utc)", "effective_at,date,dict", "arrived_at,timestamp(microsecond:utc)",
		"command_key,optional", "request,optional", "correlation_id,optional", "causation_id,optional", "actor,dict",
		"currency,dict", "exponent,dict", "holder_ref,optional", "kind,dict,optional", "direction,dict,optional",
		"reason,optional", "amount,optional", "delta", "transaction_id,optional", "hold_id,optional", "posted", "held",
		"limit_amount", "data,json", "entry_hash", "mac,optional", "entry,json,optional", "shard,dict", "sequence",
	),
}

// foldColumns are the columns of FoldOnly, refColumns those of an EntryRef. The largest columns
// stay compressed.
var (
	foldColumns = []string{
		"tenant", "account_id", "version", "entry_first", "entry_last", "type", "schema", "recorded_at", "effective_at",
		"arrived_at", "currency", "posted", "held", "limit", "limit_amount", "data", "entry_hash", "mac", "entry", "sequence",
	}
	refColumns = []string{"tenant", "account_id", "entry_first", "recorded_at", "entry_hash"}
)

// Sizes on which the bytes depend. Changing one gives other bytes for the same records.
const (
	// pageBytes is the size of a page before it is compressed.
	pageBytes = 128 << 10
	// rowsPerRowGroup bounds what a query engine reads at once.
	rowsPerRowGroup = 128 << 10
	// batchRows is how many rows are written to the columns, or read from them, at once.
	batchRows = 1024
	// dictionaryBytes bounds the dictionary of a column of format 1; values beyond it are written
	// PLAIN.
	dictionaryBytes = 512 << 10
	// bloomBits is the size of the filter on account_id, in bits an account: one account in a
	// hundred is looked for in vain.
	bloomBits = 10
)

// newLayout returns the layout with the columns that the tags declare and a codec of entry_hash.
func newLayout(hash codec, level zstd.Level, options []parquet.WriterOption, tags ...string) *layout {
	l := &layout{level: level, options: append([]parquet.WriterOption{
		parquet.CreatedBy("passbook", "1", "archive"),
		parquet.PageBufferSize(pageBytes),
		parquet.WriteBufferSize(0), // so that a flushed row group is in the buffer completely
	}, options...)}
	var fields []reflect.StructField
	for i, tag := range tags {
		name, flags, _ := strings.Cut(tag, ",")
		c, ok := codecs[name]
		if !ok {
			c = hash // entry_hash
		}
		t := c.kind
		if strings.Contains(flags, "optional") {
			c, t = optional(c), reflect.PointerTo(t)
		}
		l.columns = append(l.columns, column{name, c})
		fields = append(fields, reflect.StructField{Name: fmt.Sprintf("C%d", i), Type: t, Tag: reflect.StructTag(`parquet:"` + tag + `"`)})
	}
	l.schema = parquet.NewSchema("event", parquet.SchemaOf(reflect.New(reflect.StructOf(fields)).Interface()))
	l.options = append(l.options, l.schema)
	l.folds, l.refs = l.places(foldColumns), l.places(refColumns)
	return l
}

// places returns the indexes of the columns that have the names. A name that the format lacks is
// passed over.
func (l *layout) places(names []string) (places []int) {
	for _, name := range names {
		for i, c := range l.columns {
			if c.name == name {
				places = append(places, i)
			}
		}
	}
	return places
}
