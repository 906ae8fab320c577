package cli

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// JobFlags are the flags of every job.
type JobFlags struct {
	StoreFlags
	ReasonFlag
	Output
	DryRun bool `name:"dry-run" help:"Only print what it would do."`
	Yes    bool `name:"yes" help:"Do not ask."`
}

// ReasonFlag is a flag of every job that changes something.
type ReasonFlag struct {
	Reason string `name:"reason" placeholder:"TEXT" help:"Why, for the operators' log (140 characters)."`
}

// Show writes the result of a job, in a table by text, and returns err. CSV has a column for each
// field of the result, or of its elements. A job that found a difference has a result beside its
// error; after any other error there is nothing to write.
func Show(t *Terminal, o Output, result any, err error, text func(w io.Writer)) error {
	var f *Failure
	if err != nil && !(errors.As(err, &f) && f.Code == ExitDifference) {
		return err
	}
	switch o.form() {
	case asJSON:
		return errors.Join(err, encodeJSON(t.Out, result))
	case asNDJSON, asCSV:
		return errors.Join(err, showEach(t.Out, o.form() == asCSV, result))
	}
	text(t.Out)
	return err
}

// showEach writes a result, or each element of a list, as a line.
func showEach(w io.Writer, inCSV bool, result any) error {
	whole, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("result: %w", err)
	}
	elements := []json.RawMessage{whole}
	of := reflect.TypeOf(result)
	if of.Kind() == reflect.Slice {
		of = of.Elem()
		if err := json.Unmarshal(whole, &elements); err != nil {
			return fmt.Errorf("result: %w", err)
		}
	}
	names, out := fields(of), csv.NewWriter(w)
	if inCSV {
		if err := writeCSV(out, names); err != nil {
			return err
		}
	}
	for _, element := range elements {
		if !inCSV {
			_, err = fmt.Fprintf(w, "%s\n", element)
		} else {
			err = showRecord(out, names, element)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// showRecord writes an object as a record of CSV. A field that has parts stays JSON.
func showRecord(out *csv.Writer, names []string, object json.RawMessage) error {
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(object, &parts); err != nil {
		return fmt.Errorf("result: %w", err)
	}
	values := make([]any, len(names))
	for i, name := range names {
		var text string
		switch part := parts[name]; {
		case json.Unmarshal(part, &text) == nil:
			values[i] = text
		case len(part) > 0:
			values[i] = encoded(part)
		}
	}
	return writeCSV(out, CSVRecord(values))
}

// encoded is a value of a record that is JSON.
type encoded string

// fields returns the names that the fields of a type have in JSON.
func fields(of reflect.Type) (names []string) {
	for of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range reflect.VisibleFields(of) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.IsExported() && !f.Anonymous && name != "-" && name != "" {
			names = append(names, name)
		}
	}
	return names
}

// OneTenant is the flag of jobs about one account.
type OneTenant struct {
	Tenant string `name:"tenant" placeholder:"TENANT" help:"The account's tenant [main]."`
}

// OnlyTenant is the flag of jobs about many accounts.
type OnlyTenant struct {
	Tenant string `name:"tenant" placeholder:"TENANT" help:"Only this tenant's accounts."`
}
