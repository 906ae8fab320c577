package pebbletable

import (
	"encoding/binary"
	"errors"

	"passbook/shared/embedded"
	"passbook/shared/table"
)

// Keys in the database. A part that others follow is escaped (00 becomes 00 FF) and ends with 00
// 01. That keeps the order of the parts, and no part can run into the next.
//
//	t r <table> 00 <2 bytes of hash(pk)> <pk> 00 01 <sk>
//	        -> the attributes
//	t i <table> 00 <index> 00 <index pk> 00 01 <index sk> 00 01 <pk> 00 01 <sk>
//	        -> nothing; an index sorted by an S
//	t i <table> 00 <index> 00 <index pk> 00 01 <index sk, 8 bytes> <pk> 00 01 <sk>
//	        -> nothing; an index sorted by an N
//
// The hash divides a table into the equal segments of a Scan, each one range of keys.
const (
	rowSpace   = 'r'
	indexSpace = 'i'
)

func appendTable(to []byte, name string) []byte {
	to = append(to, embedded.TableSpace, rowSpace)
	return append(append(to, name...), 0)
}

func appendPartition(to []byte, tableName, pk string) []byte {
	to = appendTable(to, tableName)
	to = binary.BigEndian.AppendUint16(to, segmentHash(pk))
	return appendPart(to, pk)
}

func appendRowKey(to []byte, tableName string, k table.Key) []byte {
	return append(appendPartition(to, tableName, k.PK), k.SK...)
}

func rowKey(tableName string, k table.Key) []byte {
	return appendRowKey(make([]byte, 0, rowKeyBytes(tableName, k)), tableName, k)
}

// rowKeyBytes returns the length of a row's key, if its partition key has no 00.
func rowKeyBytes(tableName string, k table.Key) int {
	return 2 + len(tableName) + 1 + 2 + len(k.PK) + 2 + len(k.SK)
}

// rowKeys makes the keys of many rows in one piece of memory.
type rowKeys []byte

func newRowKeys(puts []table.Put) rowKeys {
	n := 0
	for i := range puts {
		n += rowKeyBytes(puts[i].Table, puts[i].Row.Key)
	}
	return make(rowKeys, 0, n)
}

func (r *rowKeys) next(p *table.Put) []byte {
	begin := len(*r)
	*r = appendRowKey(*r, p.Table, p.Row.Key)
	return (*r)[begin:len(*r):len(*r)]
}

func appendIndexPartition(to []byte, tableName, index, pk string) []byte {
	to = append(to, embedded.TableSpace, indexSpace)
	to = append(append(to, tableName...), 0)
	to = append(append(to, index...), 0)
	return appendPart(to, pk)
}

func appendIndexKey(to []byte, tableName string, x *table.Index, pk string, sk table.Value, k table.Key) []byte {
	to = appendIndexPartition(to, tableName, x.Name, pk)
	to = appendSort(to, sk)
	return append(appendPart(to, k.PK), k.SK...)
}

// appendSort appends the sort key of an index so that bytes are in the order of the values: a
// number with its sign bit inverted.
func appendSort(to []byte, v table.Value) []byte {
	if n, ok := v.(table.N); ok {
		return binary.BigEndian.AppendUint64(to, uint64(n)^1<<63)
	}
	s, _ := v.(table.S)
	return appendPart(to, string(s))
}

func appendPart(to []byte, part string) []byte {
	for i := range len(part) {
		to = append(to, part[i])
		if part[i] == 0 {
			to = append(to, 0xff)
		}
	}
	return append(to, 0, 1)
}

var errKey = errors.New("key is damaged")

// cutPart reads a part at the front of a key, and returns the rest.
func cutPart(key []byte) (part string, rest []byte, err error) {
	out := make([]byte, 0, len(key))
	for i := 0; i < len(key); i++ {
		if key[i] != 0 {
			out = append(out, key[i])
			continue
		}
		i++
		switch {
		case i == len(key):
			return "", nil, errKey
		case key[i] == 0xff:
			out = append(out, 0)
		case key[i] == 1:
			return string(out), key[i+1:], nil
		default:
			return "", nil, errKey
		}
	}
	return "", nil, errKey
}

func cutSort(key []byte, numeric bool) (table.Value, []byte, error) {
	if !numeric {
		s, rest, err := cutPart(key)
		return table.S(s), rest, err
	}
	if len(key) < 8 {
		return nil, nil, errKey
	}
	return table.N(int64(binary.BigEndian.Uint64(key) ^ 1<<63)), key[8:], nil
}

// prefixEnd returns the least key after all keys with the prefix. No prefix here has only FF bytes.
func prefixEnd(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	panic("pebbletable: a prefix without an end")
}

// segmentHash returns the FNV-1a hash of a partition key, folded to 16 bits. It is a part of the
// stored keys and MUST NOT change.
func segmentHash(pk string) uint16 {
	h := uint32(2166136261)
	for i := range len(pk) {
		h = (h ^ uint32(pk[i])) * 16777619
	}
	return uint16(h>>16) ^ uint16(h)
}
