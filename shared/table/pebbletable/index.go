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
func (w *writing) changeEntry(x *table.Index, c *change, old []byte) (e entryChange, err error) {
	if same, err := sameEntry(x, c, old); same || err != nil {
		return e, err
	}
	begin := len(w.scratch)
	w.scratch, err = appendStoredEntry(w.scratch, x, c, old)
	middle := len(w.scratch)
	w.scratch = appendNewEntry(w.scratch, x, c)
	return entryChange{was: w.scratch[begin:middle], is: w.scratch[middle:]}, err
}

// sameEntry reports whether the new row has the attributes by which the stored row is in an index.
func sameEntry(x *table.Index, c *change, old []byte) (bool, error) {
	if old == nil || c.row == nil {
		return false, nil
	}
	for _, name := range [...]string{x.PK, x.SK} {
		if name == "pk" {
			continue
		}
		value, found, err := lookup(old, name)
		if err != nil || !found || !equals(value, c.row.Attrs[name]) {
			return false, err
		}
	}
	return true, nil
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

// appendNewEntry appends the key of the new row's entry, nothing if the row is not in the index.
func appendNewEntry(to []byte, x *table.Index, c *change) []byte {
	if c.row == nil {
		return to
	}
	pk, ok := c.row.Attrs[x.PK].(table.S)
	if !ok {
		return to
	}
	sk, ok := c.row.Attrs[x.SK]
	if x.SK == "pk" {
		sk, ok = table.S(c.at.PK), true
	}
	if !ok {
		return to
	}
	return appendIndexKey(to, c.schema.Name, x, string(pk), sk, c.at)
}

// appendStoredEntry appends the key of the stored row's entry, nothing if there is no row or it is
// not in the index.
func appendStoredEntry(to []byte, x *table.Index, c *change, old []byte) ([]byte, error) {
	if old == nil {
		return to, nil
	}
	value, found, err := lookup(old, x.PK)
	if err != nil || !found {
		return to, err
	}
	pk, err := decodeValue(value)
	if err != nil {
		return to, err
	}
	sk := table.Value(table.S(c.at.PK))
	if x.SK != "pk" {
		if value, found, err = lookup(old, x.SK); err != nil || !found {
			return to, err
		}
		if sk, err = decodeValue(value); err != nil {
			return to, err
		}
	}
	ipk, ok := pk.(table.S)
	if _, numeric := sk.(table.N); !ok || numeric != x.Numeric {
		return to, nil
	}
	return appendIndexKey(to, c.schema.Name, x, string(ipk), sk, c.at), nil
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
