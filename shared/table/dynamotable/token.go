package dynamotable

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"passbook/shared/table"
)

// token is the After of a page, in JSON and base64url: where the page ended, and a fingerprint of
// the query, so that no other query continues with it. The index tells the types of the key's
// attributes.
type token struct {
	Query uint64            `json:"q"`
	Last  map[string]string `json:"k"`
}

// fingerprint returns a hash of a query.
func fingerprint(question ...any) uint64 {
	h := fnv.New64a()
	// A hash's Write never fails.
	_, _ = fmt.Fprintf(h, "%#v", question)
	return h.Sum64()
}

// encodeToken returns the token of a page that ended at last, "" if nothing follows.
func encodeToken(query uint64, last map[string]types.AttributeValue) (string, error) {
	if len(last) == 0 {
		return "", nil
	}
	t := token{Query: query, Last: make(map[string]string, len(last))}
	for name, v := range last {
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			t.Last[name] = v.Value
		case *types.AttributeValueMemberN:
			t.Last[name] = v.Value
		default:
			return "", fmt.Errorf("the page ends at a key whose attribute %s is neither S nor N", name)
		}
	}
	raw, err := json.Marshal(t)
	if err != nil {
		return "", fmt.Errorf("write page token: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// decodeToken returns the key in a token, from which a query continues; nil without a token.
func decodeToken(after string, query uint64, x table.Index) (map[string]types.AttributeValue, error) {
	if after == "" {
		return nil, nil
	}
	var t token
	raw, err := base64.RawURLEncoding.DecodeString(after)
	if err == nil {
		err = json.Unmarshal(raw, &t)
	}
	if err != nil || t.Query != query {
		return nil, fmt.Errorf("%w: After belongs to another query", table.ErrInvalid)
	}
	key := make(map[string]types.AttributeValue, len(t.Last))
	for _, name := range []string{pk, sk, x.PK, x.SK} {
		key[name] = text(t.Last[name])
		if name == x.SK && x.Numeric {
			key[name] = &types.AttributeValueMemberN{Value: t.Last[name]}
			_, err = strconv.ParseInt(t.Last[name], 10, 64)
		}
		if t.Last[name] == "" || err != nil {
			return nil, fmt.Errorf("%w: After has no %s", table.ErrInvalid, name)
		}
	}
	return key, nil
}
