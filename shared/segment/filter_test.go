package segment

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The filter has the values of the dictionary alone, so it hides those of any page without one,
// the first or a later one.
func TestCheckPage_RefusesValuesBesideTheDictionary(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "v2.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	name := Name{Source: Source{Stream: "passbook-events", Created: day, Shard: "shardId-000000000000"}, Format: 2, Date: day, First: "1000"}
	s, err := Parse(name.Key(), data)
	if err != nil {
		t.Fatal(err)
	}
	const account, version = 1, 2 // the second has no dictionary
	pages := s.file.RowGroups()[0].ColumnChunks()[version].Pages()
	defer pages.Close()
	page, err := pages.ReadPage()
	if err != nil {
		t.Fatal(err)
	}
	err = s.checkPage(0, account, 0, page)
	if err == nil || !strings.Contains(err.Error(), "beside the dictionary") {
		t.Error(err)
	}
}
