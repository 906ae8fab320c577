package golden

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"passbook/creditlimit"
	"passbook/shared/event"
	"passbook/shared/journal/rowkey"
	"passbook/shared/table"
)

// document reads docs/formats.md.
func document(t *testing.T) Document {
	t.Helper()
	d, err := Read("../../../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEveryRowIsDescribed(t *testing.T) {
	d := document(t)
	seen := map[string]map[string]bool{}
	logRow, _ := archiveLog(t, d)
	rows := slices.Concat(apiKeys(t), actors(t), derivedRows(t), webhooks(t), keyRows(t), []Rendered{opsLog(t), processRow(t), feedReader(t), logRow})
	for _, row := range rows {
		if err := d[row.Kind].Check(row); err != nil {
			t.Error(err)
		}
	}
	for _, directory := range All {
		rows = append(rows, CheckDirectory(t, d, Unpack(t, directory))...)
	}
	for _, row := range rows {
		if seen[row.Kind] == nil {
			seen[row.Kind] = map[string]bool{}
		}
		for attr := range row.Types {
			seen[row.Kind][attr] = true
		}
	}
	for kind, section := range d {
		for attr, described := range section.Attributes {
			if !seen[kind][attr] && !described.Optional {
				t.Errorf("%s: no row has the attribute %s", kind, attr)
			}
		}
	}
}

func TestEveryExampleIsARealRow(t *testing.T) {
	d := document(t)
	real := map[string][]Rendered{}
	logRow, _ := archiveLog(t, d)
	for _, row := range slices.Concat(apiKeys(t), actors(t), derivedRows(t), webhooks(t), keyRows(t), []Rendered{opsLog(t), processRow(t), feedReader(t), logRow}) {
		real[row.Key()] = append(real[row.Key()], row)
	}
	for _, directory := range All {
		for _, row := range Rows(t, Unpack(t, directory)) {
			real[row.Key()] = append(real[row.Key()], row)
		}
	}
	for kind, section := range d {
		if len(section.Attributes) == 0 {
			continue
		}
		example, err := section.Example()
		if err != nil || example == nil {
			t.Errorf("%s: no example: %v", kind, err)
			continue
		}
		rows := real[fmt.Sprintf("%s %s %s", kind, example["pk"], example["sk"])]
		if !slices.ContainsFunc(rows, func(row Rendered) bool { return reflect.DeepEqual(example, row.Values) }) {
			t.Errorf("%s: the example is %v\nbut the rows of that key are %v", kind, example, rows)
		}
	}
}

// TestTheRecordIsItsEntry reads the example of a record, compares it with the entry's row in the
// golden directory, and encodes it again.
func TestTheRecordIsItsEntry(t *testing.T) {
	d := document(t)
	record := block(t, d, "Record", "json")
	entry, err := event.DecodeRecord(record)
	if err != nil {
		t.Fatal(err)
	}
	_, again, err := entry.Published()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.Record, record) {
		t.Errorf("encoded again it is %s", again.Record)
	}
	example, err := d["Entry"].Example()
	if err != nil {
		t.Fatal(err)
	}
	row := table.Row{Key: table.Key{PK: example["pk"].(string), SK: example["sk"].(string)}, Attrs: table.Map{}}
	for name, value := range example {
		switch v := value.(type) {
		case json.Number:
			n, err := v.Int64()
			if err != nil {
				t.Fatal(err)
			}
			row.Attrs[name] = table.N(n)
		case string:
			row.Attrs[name] = table.S(v)
		}
	}
	delete(row.Attrs, "pk")
	delete(row.Attrs, "sk")
	stored, err := rowkey.Parse(row)
	if err != nil {
		t.Fatal(err)
	}
	if stored.Hash != entry.Hash {
		t.Errorf("the example of an entry has hash %s, that of its record %s", stored.Hash, entry.Hash)
	}
}

// block returns the section's first block of a language; JSON without white space.
func block(t *testing.T, d Document, section, language string) []byte {
	t.Helper()
	if d[section] == nil {
		t.Fatalf("no section %s", section)
	}
	for _, b := range d[section].Blocks {
		if b.Language != language {
			continue
		}
		if language != "json" {
			return []byte(b.Text)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, []byte(b.Text)); err != nil {
			t.Fatalf("%s: %v", section, err)
		}
		return compact.Bytes()
	}
	t.Fatalf("section %s has no %s block", section, language)
	return nil
}

func TestEveryObjectIsDescribed(t *testing.T) {
	d := document(t)
	objects := Objects(t, Unpack(t, Third))
	maps.Copy(objects, Objects(t, Unpack(t, First)))
	maps.Copy(objects, Objects(t, Unpack(t, Second)))
	for _, kind := range []string{"Data key", "Manifest of heads"} {
		key, want, _ := strings.Cut(strings.TrimPrefix(string(block(t, d, kind, "ndjson")), "# "), "\n")
		if got := string(bytes.TrimSpace(objects[key])); got != want {
			t.Errorf("%s: the object %s is %s", kind, key, got)
		}
	}
	for _, kind := range []string{"End marker", "Retirement", "Owner", "Manifest of heads"} {
		key, want := string(block(t, d, kind, "text")), block(t, d, kind, "json")
		if got := bytes.TrimSpace(objects[key]); !bytes.Equal(got, want) {
			t.Errorf("%s: the object %s is %s", kind, key, got)
		}
	}
	matchSegments(t, d, "Segment of format 1", under("events/v1/", objects))
	matchSegments(t, d, "Segment", under("events/v2/", objects))
}

// under returns the objects whose keys begin so.
func under(prefix string, objects map[string][]byte) map[string][]byte {
	some := maps.Clone(objects)
	maps.DeleteFunc(some, func(key string, _ []byte) bool { return !strings.HasPrefix(key, prefix) })
	return some
}

// matchSegments compares segments with a section of the document: the schema of all, and the footer
// of the one that the section names.
func matchSegments(t *testing.T, d Document, section string, objects map[string][]byte) {
	t.Helper()
	key, wanted, _ := strings.Cut(string(block(t, d, section, "ini")), "\n")
	key = strings.TrimPrefix(key, "# ")
	for name, data := range objects {
		if !strings.HasSuffix(name, ".parquet") {
			continue
		}
		file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := file.Schema().String(); got != string(block(t, d, section, "parquet")) {
			t.Errorf("%s has the schema\n%s", name, got)
		}
		if name != key {
			continue
		}
		var pairs []string
		for _, pair := range file.Metadata().KeyValueMetadata {
			pairs = append(pairs, pair.Key+" = "+pair.Value)
		}
		if got := strings.Join(pairs, "\n"); got != wanted {
			t.Errorf("%s has the footer\n%s", name, got)
		}
	}
	if objects[key] == nil {
		t.Errorf("no object has the key %s", key)
	}
}

// TestTheNotificationHasItsFields compares the example of a message with what creditlimit encodes.
func TestTheNotificationHasItsFields(t *testing.T) {
	example := block(t, document(t), "Notification", "json")
	var message creditlimit.Message
	if err := json.Unmarshal(example, &message); err != nil {
		t.Fatal(err)
	}
	if again, err := json.Marshal(message); err != nil || !bytes.Equal(again, example) {
		t.Errorf("encoded again it is %s: %v", again, err)
	}
}
