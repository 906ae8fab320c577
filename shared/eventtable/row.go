package eventtable

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"passbook/shared/event"
	"passbook/shared/segment"
)

// Row is an event in the table. The ids are those of the columns in the table's schema: they are
// the format, and are never used again for another column. Null is nil, and 0 of Amount.
type Row struct {
	Tenant        string  `parquet:"tenant,dict,id(1)"`
	AccountID     string  `parquet:"account_id,dict,id(2)"`
	Version       int64   `parquet:"version,id(3)"`
	Type          string  `parquet:"type,dict,id(4)"`
	RecordedAt    int64   `parquet:"recorded_at,timestamp(microsecond:utc),id(5)"`
	EffectiveAt   int32   `parquet:"effective_at,date,dict,id(6)"`
	CommandKey    *string `parquet:"command_key,optional,id(7)"`
	CorrelationID *string `parquet:"correlation_id,optional,id(8)"`
	CausationID   *string `parquet:"causation_id,optional,id(9)"`
	Actor         string  `parquet:"actor,dict,id(10)"`
	Currency      string  `parquet:"currency,dict,id(11)"`
	Exponent      int32   `parquet:"exponent,dict,id(12)"`
	HolderRef     *string `parquet:"holder_ref,optional,id(13)"`
	Kind          *string `parquet:"kind,dict,optional,id(14)"`
	Direction     *string `parquet:"direction,dict,optional,id(15)"`
	Reason        *string `parquet:"reason,optional,id(16)"`
	Amount        int64   `parquet:"amount,optional,id(17)"`
	Delta         int64   `parquet:"delta,id(18)"`
	TransactionID *string `parquet:"transaction_id,optional,id(19)"`
	HoldID        *string `parquet:"hold_id,optional,id(20)"`
	Posted        int64   `parquet:"posted,id(21)"`
	Held          int64   `parquet:"held,id(22)"`
	LimitAmount   int64   `parquet:"limit_amount,id(23)"`
	Data          string  `parquet:"data,id(24)"`
	EntryHash     []byte  `parquet:"entry_hash,id(25)"`
}

// rowOf returns the table's row of a segment's.
func rowOf(r *segment.Row) Row {
	return Row{
		Tenant: r.Tenant, AccountID: r.AccountID, Version: r.Version, Type: r.Type, RecordedAt: r.RecordedAt, EffectiveAt: r.EffectiveAt,
		CommandKey: optional(r.CommandKey), CorrelationID: optional(r.CorrelationID), CausationID: optional(r.CausationID), Actor: r.Actor, Currency: r.Currency,
		Exponent: r.Exponent, HolderRef: optional(r.HolderRef), Kind: optional(r.Kind), Direction: optional(r.Direction), Reason: optional(r.Reason), Amount: r.Amount, Delta: r.Delta,
		TransactionID: optional(r.TransactionID), HoldID: optional(r.HoldID), Posted: r.Posted, Held: r.Held, LimitAmount: r.Limit, Data: string(r.Data),
		EntryHash: slices.Clone(r.EntryHash[:]),
	}
}

// RowsOf returns the table's rows of an entry.
func RowsOf(e *event.Entry) (rows []Row) {
	for _, r := range segment.Rows(segment.Record{Entry: e}, "") {
		rows = append(rows, rowOf(&r))
	}
	return rows
}

// optional returns nil for "", which is null.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// byAccount orders rows by tenant, account and version.
func byAccount(a, b Row) int {
	return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.AccountID, b.AccountID), cmp.Compare(a.Version, b.Version))
}

const (
	microsPerDay = 24 * 60 * 60 * 1_000_000
	// rowsPerGroup is what an engine reads at once.
	rowsPerGroup = 1 << 20
	// pageBytes is the size of a page before it is compressed: with its index, an engine reads few
	// pages for one account.
	pageBytes = 128 << 10
)

// Day returns the UTC day of recorded_at, in days since 1970.
func (r *Row) Day() int32 { return int32(r.RecordedAt / microsPerDay) }

// newRowWriter returns a writer of a Parquet file of rows.
func newRowWriter(to io.Writer) *parquet.GenericWriter[Row] {
	return parquet.NewGenericWriter[Row](to,
		parquet.CreatedBy("passbook", "1", "events table"),
		parquet.Compression(&zstd.Codec{Level: zstd.SpeedDefault}),
		parquet.DataPageVersion(1),
		parquet.DefaultEncoding(&parquet.Plain),
		parquet.PageBufferSize(pageBytes),
		parquet.MaxRowsPerRowGroup(rowsPerGroup),
	)
}

// encode returns rows as a Parquet file.
func encode(rows []Row) ([]byte, error) {
	var out bytes.Buffer
	w := newRowWriter(&out)
	_, err := w.Write(rows)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("event table: encode rows: %w", err)
	}
	return out.Bytes(), nil
}
