package glue_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"passbook/shared/awstest"
	"passbook/shared/eventtable"
	"passbook/shared/eventtable/glue"
)

// service answers as Glue does about one table.
type service struct {
	table   map[string]any
	version int
	// changes is how many updates find that another process changed the table before them.
	changes int
	calls   []string
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, call, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	s.calls = append(s.calls, call)
	var in struct {
		DatabaseName, Name, VersionID string
		SkipArchive                   bool
		TableInput                    map[string]any
	}
	err := json.NewDecoder(r.Body).Decode(&in)
	refuse := func(kind string) {
		w.Header().Set("X-Amzn-Errortype", kind)
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"__type":%q,"message":"no"}`, kind)
	}
	switch {
	case err != nil || in.DatabaseName != "bank":
		refuse("InvalidInputException")
	case call == "GetTable" && s.table == nil:
		refuse("EntityNotFoundException")
	case call == "GetTable":
		s.table["VersionId"] = fmt.Sprint(s.version)
		_ = json.NewEncoder(w).Encode(map[string]any{"Table": s.table})
	case call == "CreateTable" && s.table != nil:
		refuse("AlreadyExistsException")
	case call == "UpdateTable" && s.changes > 0:
		s.changes--
		s.version++
		refuse("ConcurrentModificationException")
	case call == "UpdateTable" && (in.VersionID != fmt.Sprint(s.version) || !in.SkipArchive):
		refuse("ConcurrentModificationException")
	default:
		s.table = in.TableInput
		s.version++
		fmt.Fprint(w, "{}")
	}
}

func (s *service) parameter(name string) any { return s.table["Parameters"].(map[string]any)[name] }

// at returns a version of the table.
func at(n int) eventtable.Version {
	return eventtable.Version{
		Location: "s3://tables/events", Metadata: fmt.Sprintf("s3://tables/events/metadata/v%d.metadata.json", n),
		Columns: []eventtable.Column{{Name: "tenant", Type: "string"}, {Name: "version", Type: "bigint"}},
	}
}

func open(t *testing.T, s *service) *glue.Catalog {
	t.Helper()
	c, err := glue.New(awstest.Fake(s), "bank.events")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestGlueIsPointedToTheNewestVersion(t *testing.T) {
	s := &service{}
	c := open(t, s)
	for _, n := range []int{2, 2, 5, 3} {
		if err := c.Point(t.Context(), at(n)); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(s.calls, " "); got != "GetTable CreateTable GetTable GetTable UpdateTable GetTable" {
		t.Errorf("calls: %s", got)
	}
	storage := s.table["StorageDescriptor"].(map[string]any)
	if s.parameter("metadata_location") != at(5).Metadata || s.parameter("previous_metadata_location") != at(2).Metadata ||
		s.parameter("table_type") != "ICEBERG" || storage["Location"] != "s3://tables/events" || len(storage["Columns"].([]any)) != 2 {
		t.Errorf("%v", s.table)
	}
}

func TestAChangeAtTheSameTimeIsTriedAgain(t *testing.T) {
	s := &service{}
	c := open(t, s)
	if err := c.Point(t.Context(), at(1)); err != nil {
		t.Fatal(err)
	}
	s.changes = 2
	if err := c.Point(t.Context(), at(2)); err != nil || s.parameter("metadata_location") != at(2).Metadata {
		t.Errorf("%v: %v", s.table, err)
	}
	s.changes = 99
	if err := c.Point(t.Context(), at(3)); err == nil || s.changes < 90 {
		t.Errorf("it never gives up: %d, %v", s.changes, err)
	}
}

func TestATableOfOthersIsLeftAlone(t *testing.T) {
	for _, metadata := range []string{"s3://tables/events/metadata/00001-0b7c.metadata.json", "s3://other/events/metadata/v9.metadata.json", ""} {
		s := &service{table: map[string]any{"Name": "events", "Parameters": map[string]any{"table_type": "ICEBERG", "metadata_location": metadata}}}
		if err := open(t, s).Point(t.Context(), at(3)); !errors.Is(err, glue.ErrOthers) || s.version != 0 {
			t.Errorf("%q: %v", metadata, err)
		}
	}
}

func TestNamesOfTablesAreChecked(t *testing.T) {
	for _, place := range []string{"", "events", "bank.", "bank.events.more", "Bank.events", "bank-1.events"} {
		if _, err := glue.New(awstest.Fake(&service{}), place); err == nil {
			t.Errorf("%q is accepted", place)
		}
	}
}
