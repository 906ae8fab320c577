package event

import "fmt"

// dataShape is a schema of a type's data.
type dataShape struct {
	typ    string
	schema int
}

// upcasters turn data of a schema into data of the next one. Each is kept forever, as the data is.
// It is pure, and what it returns is canonical.
var upcasters = map[dataShape]func(data []byte) ([]byte, error){}

// upcast turns data of an older schema into the newest, step by step.
func upcast(typ string, schema int, data string) (string, error) {
	for ; schema < newest[typ]; schema++ {
		next, ok := upcasters[dataShape{typ, schema}]
		if !ok {
			return "", fmt.Errorf("no upcaster from schema %d", schema)
		}
		out, err := next([]byte(data))
		if err != nil {
			return "", fmt.Errorf("upcast from schema %d: %w", schema, err)
		}
		data = string(out)
	}
	return data, nil
}
