package pebbletable

import (
	"bytes"

	"github.com/cockroachdb/pebble/v2"

	"passbook/shared/table"
)

// entryChange is the key of a row's entry in one index as it was and as it will be, empty where the
// row is not in the index.
type entryChange struct{ was, is []byte }

// changeEntry returns how a change moves the row's entry in an index.
func changeEntry(x *table.Index, c *change, old []byte) (entryChange, error) {
	was, err := storedEntry(nil, x, c, old)
	return entryChange{was, newEntry(nil, x, c)}, err
}

// addTo adds the change to a batch, if there is any.
func (e entryChange) addTo(batch *pebble.Batch) error {
	if bytes.Equal(e.was, e.is) {
		return nil
	}
	if len(e.was) > 0 {
		if err := batch.Delete(e.was, nil); err != nil {
			return err
		}
	}
	if len(e.is) > 0 {
		return batch.Set(e.is, nil, nil)
	}
	return nil
}

// newEntry returns the key of the new row's entry, empty if the row is not in the index.
func newEntry(to []byte, x *table.Index, c *change) []byte {
	if c.row == nil {
		return nil
	}
	pk, ok := c.row.Attrs[x.PK].(table.S)
	if !ok {
		return nil
	}
	sk, ok := c.row.Attrs[x.SK]
	if x.SK == "pk" {
		sk, ok = table.S(c.at.PK), true
	}
	if !ok {
		return nil
	}
	return appendIndexKey(to, c.schema.Name, *x, string(pk), sk, c.at)
}

// storedEntry returns the key of the stored row's entry, empty if there is no row or it is not in
// the index.
func storedEntry(to []byte, x *table.Index, c *change, old []byte) ([]byte, error) {
	if old == nil {
		return nil, nil
	}
	value, found, err := lookup(old, x.PK)
	if err != nil || !found {
		return nil, err
	}
	pk, err := decodeValue(value)
	if err != nil {
		return nil, err
	}
	sk := table.Value(table.S(c.at.PK))
	if x.SK != "pk" {
		if value, found, err = lookup(old, x.SK); err != nil || !found {
			return nil, err
		}
		if sk, err = decodeValue(value); err != nil {
			return nil, err
		}
	}
	ipk, ok := pk.(table.S)
	if _, numeric := sk.(table.N); !ok || numeric != x.Numeric {
		return nil, nil
	}
	return appendIndexKey(to, c.schema.Name, *x, string(ipk), sk, c.at), nil
}

func decodeValue(encoded []byte) (table.Value, error) {
	d := decoder{text: string(encoded)}
	v := d.value()
	if d.bad {
		return nil, errDamaged
	}
	return v, nil
}

// indexRow returns a row of an index query from the key of its entry, without the prefix of the
// index's partition.
func indexRow(x table.Index, pk string, key []byte) (table.Row, error) {
	sk, rest, err := cutSort(key, x.Numeric)
	if err != nil {
		return table.Row{}, err
	}
	rowPK, rest, err := cutPart(rest)
	if err != nil {
		return table.Row{}, err
	}
	row := table.Row{Key: table.Key{PK: rowPK, SK: string(rest)}, Attrs: table.Map{x.PK: table.S(pk)}}
	if x.SK != "pk" {
		row.Attrs[x.SK] = sk
	}
	return row, nil
}
