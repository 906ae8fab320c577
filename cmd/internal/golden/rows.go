package golden

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"passbook/shared/table"
)

// Rendered is a row as docs/formats.md shows it: pk, sk and the attributes, a number as a JSON
// number and bytes as base64.
type Rendered struct {
	// Kind is the heading of the section that describes the row.
	Kind string
	// Values are what the row has, Types the types of its attributes.
	Values map[string]any
	Types  map[string]string
}

// Render returns a row of a table in the document's form.
func Render(name string, row table.Row) Rendered {
	r := Rendered{Kind: kind(name, row.Key), Values: map[string]any{"pk": row.PK, "sk": row.SK}, Types: map[string]string{}}
	for attr, value := range row.Attrs {
		r.Values[attr], r.Types[attr] = plain(value)
	}
	return r
}

// Key returns the row's key for a failure.
func (r Rendered) Key() string {
	return fmt.Sprintf("%s %s %s", r.Kind, r.Values["pk"], r.Values["sk"])
}

// plain returns a value as JSON has it, and its type as DynamoDB names it.
func plain(value table.Value) (any, string) {
	switch v := value.(type) {
	case table.S:
		return string(v), "S"
	case table.N:
		return json.Number(strconv.FormatInt(int64(v), 10)), "N"
	case table.B:
		return base64.StdEncoding.EncodeToString(v), "B"
	case table.Bool:
		return bool(v), "BOOL"
	case table.List:
		list := make([]any, len(v))
		for i, element := range v {
			list[i], _ = plain(element)
		}
		return list, "L"
	case table.Map:
		members := map[string]any{}
		for name, element := range v {
			members[name], _ = plain(element)
		}
		return members, "M"
	}
	return nil, fmt.Sprintf("%T", value)
}

// kind returns the heading of the section that describes a row.
func kind(name string, key table.Key) string {
	switch name {
	case "balance":
		return "Balance row"
	case "creditlimit":
		return "Credit limit row"
	case "webhooks":
		return "Delivery"
	case "derived":
		if strings.HasSuffix(key.PK, "#index") {
			return "Index mark"
		}
		if strings.Contains(key.SK, "#") {
			return "Index row"
		}
		return "Holder row"
	case "journal":
		return map[byte]string{'E': "Entry", 'F': "Key filter", 'K': "Key page", 'R': "Guard"}[key.SK[0]]
	}
	first, _, _ := strings.Cut(key.PK, "#")
	switch {
	case first == "bank" && key.SK != "-":
		return "Accepted time"
	case first == "apikey" && key.SK == "-":
		return "Changes of API keys"
	case first == "webhook" && key.SK == "-":
		return "Changes of webhooks"
	case first == "replay" && key.SK == "passes":
		return "Progress in passes"
	}
	return map[string]string{
		"writer": "Writer", "bank": "Bank", "key": "Data key", "apikey": "API key", "actor": "Actor", "lease": "Lease", "hole": "Hole", "quarantine": "Quarantine", "generation": "Generations",
		"replay": "Progress by source", "process": "Process", "opslog": "Operators' log", "feed": "Readers for feeds", "archivelog": "Row of the archive's log", "webhook": "Webhook",
	}[first]
}
