package segment

import (
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// columns declares the Parquet schema: names, types and order are the format. Columns of few values
// use dictionaries; the rest is PLAIN with zstd, which every reader supports.
type columns struct {
	Tenant        string   `parquet:"tenant,dict"`
	AccountID     string   `parquet:"account_id,dict"`
	Version       int64    `parquet:"version"`
	EntryFirst    int64    `parquet:"entry_first"`
	EntryLast     int64    `parquet:"entry_last"`
	Type          string   `parquet:"type,dict"`
	Schema        int32    `parquet:"schema,dict"`
	RecordedAt    int64    `parquet:"recorded_at,timestamp(microsecond:utc)"`
	EffectiveAt   int32    `parquet:"effective_at,date,dict"`
	ArrivedAt     int64    `parquet:"arrived_at,timestamp(microsecond:utc)"`
	CommandKey    *string  `parquet:"command_key,optional"`
	Request       *string  `parquet:"request,optional"`
	CorrelationID *string  `parquet:"correlation_id,optional"`
	CausationID   *string  `parquet:"causation_id,optional"`
	Actor         string   `parquet:"actor,dict"`
	Currency      string   `parquet:"currency,dict"`
	Amount        *int64   `parquet:"amount,optional"`
	TransactionID *string  `parquet:"transaction_id,optional"`
	HoldID        *string  `parquet:"hold_id,optional"`
	Posted        int64    `parquet:"posted"`
	Held          int64    `parquet:"held"`
	Limit         int64    `parquet:"limit"`
	Data          string   `parquet:"data,json"`
	EntryHash     [32]byte `parquet:"entry_hash"`
	Entry         *string  `parquet:"entry,json,optional"`
	Shard         string   `parquet:"shard,dict"`
	Sequence      string   `parquet:"sequence"`
}

// The indexes of the columns, in the order of the schema.
const (
	colTenant = iota
	colAccountID
	colVersion
	colEntryFirst
	colEntryLast
	colType
	colSchema
	colRecordedAt
	colEffectiveAt
	colArrivedAt
	colCommandKey
	colRequest
	colCorrelationID
	colCausationID
	colActor
	colCurrency
	colAmount
	colTransactionID
	colHoldID
	colPosted
	colHeld
	colLimit
	colData
	colEntryHash
	colEntry
	colShard
	colSequence
	columnCount
)

// schema is compared with the schema of a segment that is read.
var schema = parquet.NewSchema("event", parquet.SchemaOf(columns{}))

// compression is shared: it pools its encoders and decoders. Each call works alone, so that the
// bytes do not depend on the number of cores.
var compression = &zstd.Codec{Level: zstd.SpeedFastest}

// Sizes on which the bytes depend. Changing one gives other bytes for the same records.
const (
	// pageBytes is the size of a page before it is compressed.
	pageBytes = 128 << 10
	// rowsPerRowGroup bounds what a query engine reads at once.
	rowsPerRowGroup = 128 << 10
	// batchRows is how many rows are written to the columns, or read from them, at once.
	batchRows = 1024
	// dictionaryBytes bounds the dictionary of a column; values beyond it are written PLAIN.
	dictionaryBytes = 512 << 10
)
