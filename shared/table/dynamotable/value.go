package dynamotable

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"passbook/shared/table"
)

// The attributes of the key of every table.
const (
	pk = "pk"
	sk = "sk"
)

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func encodeKey(k table.Key) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{pk: text(k.PK), sk: text(k.SK)}
}

func encodeRow(r table.Row) map[string]types.AttributeValue {
	item := encodeMap(r.Attrs)
	item[pk], item[sk] = text(r.PK), text(r.SK)
	return item
}

func encodeMap(m table.Map) map[string]types.AttributeValue {
	out := make(map[string]types.AttributeValue, len(m)+2)
	for name, v := range m {
		out[name] = encode(v)
	}
	return out
}

// encode returns a value, which the catalog has checked, in the types of the SDK. An empty binary
// or list must not be nil: the SDK would send null.
func encode(v table.Value) types.AttributeValue {
	switch v := v.(type) {
	case table.S:
		return text(string(v))
	case table.N:
		return &types.AttributeValueMemberN{Value: strconv.FormatInt(int64(v), 10)}
	case table.B:
		return &types.AttributeValueMemberB{Value: append([]byte{}, v...)}
	case table.Bool:
		return &types.AttributeValueMemberBOOL{Value: bool(v)}
	case table.List:
		list := make([]types.AttributeValue, len(v))
		for i, e := range v {
			list[i] = encode(e)
		}
		return &types.AttributeValueMemberL{Value: list}
	case table.Map:
		return &types.AttributeValueMemberM{Value: encodeMap(v)}
	}
	return nil
}

// decodeRow returns an item of the table or of an index as a row.
func decodeRow(item map[string]types.AttributeValue) (table.Row, error) {
	partition, inText := item[pk].(*types.AttributeValueMemberS)
	sort, alsoInText := item[sk].(*types.AttributeValueMemberS)
	if !inText || !alsoInText {
		return table.Row{}, fmt.Errorf("an item whose key is not %s (S) and %s (S)", pk, sk)
	}
	row := table.Row{Key: table.Key{PK: partition.Value, SK: sort.Value}, Attrs: make(table.Map, len(item)-2)}
	for name, v := range item {
		if name == pk || name == sk {
			continue
		}
		value, err := decode(v)
		if err != nil {
			return table.Row{}, fmt.Errorf("row %s %s: attribute %s: %w", row.PK, row.SK, name, err)
		}
		row.Attrs[name] = value
	}
	return row, nil
}

func decode(v types.AttributeValue) (table.Value, error) {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return table.S(v.Value), nil
	case *types.AttributeValueMemberN:
		n, err := strconv.ParseInt(v.Value, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s is not a whole number of 64 bits", v.Value)
		}
		return table.N(n), nil
	case *types.AttributeValueMemberB:
		return table.B(append([]byte{}, v.Value...)), nil
	case *types.AttributeValueMemberBOOL:
		return table.Bool(v.Value), nil
	case *types.AttributeValueMemberL:
		list := make(table.List, len(v.Value))
		for i, e := range v.Value {
			var err error
			if list[i], err = decode(e); err != nil {
				return nil, err
			}
		}
		return list, nil
	case *types.AttributeValueMemberM:
		m := make(table.Map, len(v.Value))
		for name, e := range v.Value {
			var err error
			if m[name], err = decode(e); err != nil {
				return nil, err
			}
		}
		return m, nil
	}
	return nil, fmt.Errorf("the port has no type %s", strings.TrimPrefix(fmt.Sprintf("%T", v), "*types.AttributeValueMember"))
}
