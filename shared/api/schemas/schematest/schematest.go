package schematest

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"passbook/shared/api/schemas"
)

// The names of the schemas, for tests of packages that may not import package schemas.
const (
	Entry        = schemas.Entry
	Notification = schemas.Notification
	CloudEvent   = schemas.CloudEvent
)

// Validate fails the test if a document violates the schema of a name.
func Validate(t testing.TB, schema string, document []byte) {
	t.Helper()
	if err := Check(schema, document); err != nil {
		t.Errorf("%v\n%.2000s", err, document)
	}
}

// Check returns how a document violates the schema of a name, nil if it does not.
func Check(schema string, document []byte) error {
	all, err := compiled()
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	if err := all[schema].Validate(value); err != nil {
		return fmt.Errorf("violates %s: %w", schema, err)
	}
	return nil
}

// root is the base of the schemas' references while they are compiled.
const root = "file:///schemas/"

// compiled returns the schemas by name, compiled once. Formats are checked too.
var compiled = sync.OnceValues(func() (map[string]*jsonschema.Schema, error) {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	compiler.UseLoader(jsonschema.SchemeURLLoader{}) // nothing is read from elsewhere
	for _, name := range schemas.Names() {
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemas.Text(name)))
		if err != nil {
			return nil, fmt.Errorf("schema %s: %w", name, err)
		}
		if err := compiler.AddResource(root+name, document); err != nil {
			return nil, fmt.Errorf("schema %s: %w", name, err)
		}
	}
	all := map[string]*jsonschema.Schema{}
	for _, name := range schemas.Names() {
		schema, err := compiler.Compile(root + name)
		if err != nil {
			return nil, fmt.Errorf("schema %s: %w", name, err)
		}
		all[name] = schema
	}
	return all, nil
})
