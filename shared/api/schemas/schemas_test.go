package schemas_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"passbook/shared/api/schemas"
	"passbook/shared/api/schemas/schematest"
)

// read returns a file of package event's examples.
func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "event", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Every example of a record that package event keeps is valid, whatever its format and encoding.
func TestExamplesOfRecordsAreValid(t *testing.T) {
	records, err := filepath.Glob(filepath.Join("..", "..", "event", "testdata", "*", "record*.json"))
	if err != nil || len(records) < 4 {
		t.Fatalf("%d examples, %v", len(records), err)
	}
	for _, path := range records {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		schematest.Validate(t, schemas.Entry, text)
	}
}

func TestRecordsThatAreNotAsDescribedAreInvalid(t *testing.T) {
	plain, framed := string(read(t, "format2/record.json")), string(read(t, "format2/record-zstd.json"))
	first := string(read(t, "v1/record.json"))
	for _, c := range []struct{ name, record, old, new string }{
		{"format of the future", plain, `"format":2`, `"format":3`},
		{"format as a text", plain, `"format":2`, `"format":"2"`},
		{"no format", plain, `"format":2,`, ``},
		{"no types", plain, `"types":["MoneyCredited","MoneyWithdrawn","WithdrawalDeclined","CreditLimitChanged"],`, ``},
		{"types empty", plain, `["MoneyCredited","MoneyWithdrawn","WithdrawalDeclined","CreditLimitChanged"]`, `[]`},
		{"a type twice", plain, `["MoneyCredited","MoneyWithdrawn",`, `["MoneyCredited","MoneyCredited",`},
		{"a type of no event", plain, `["MoneyCredited",`, `["MoneyPrinted",`},
		{"no mac", plain, `"mac":"1:rOeDyWIoSZJEnFQjLhyVrQ",`, ``},
		{"mac without its key", plain, `"mac":"1:`, `"mac":"`},
		{"mac in format 1", first, `,"commands":`, `,"mac":"1:AAAAAAAAAAAAAAAAAAAAAA","commands":`},
		{"types in format 1", first, `,"commands":`, `,"types":["MoneyCredited"],"commands":`},
		{"unknown field", plain, `"tenant":`, `"colour":1,"tenant":`},
		{"account with a hash sign", plain, `"account_id":"A-1"`, `"account_id":"A#1"`},
		{"version as a text", plain, `"first":3,"last":6`, `"first":"3","last":6`},
		{"version 0", plain, `"first":3,"last":6`, `"first":0,"last":6`},
		{"currency of two letters", plain, `"EUR"`, `"EU"`},
		{"time without microseconds", plain, `.123456Z`, `Z`},
		{"time that is none", plain, `2026-11-21T08`, `2026-13-21T08`},
		{"hash that is too short", plain, `"hash":"z`, `"hash":"`},
		{"unknown encoding", framed, `"enc":"zstd"`, `"enc":"gzip"`},
		{"frames without enc", framed, `"enc":"zstd",`, ``},
		{"lists with enc", plain, `,"commands":`, `,"enc":"zstd","commands":`},
		{"unknown field of a command", plain, `"status":201`, `"status":201,"colour":1`},
		{"unknown status", plain, `"status":201`, `"status":409`},
		{"unknown type of an event", plain, `"type":"MoneyWithdrawn"`, `"type":"MoneyPrinted"`},
		{"type of another event's data", plain, `"type":"MoneyWithdrawn"`, `"type":"MoneyCredited"`},
		{"unknown field of an event", plain, `"schema":1,"command":0`, `"schema":1,"colour":1,"command":0`},
		{"newer schema of data", plain, `"schema":1,"command":0`, `"schema":2,"command":0`},
		{"unknown field of data", plain, `"kind":"deposit"`, `"kind":"deposit","colour":1`},
		{"unknown kind", plain, `"kind":"deposit"`, `"kind":"gift"`},
		{"amount as a fraction", plain, `"amount":2500,`, `"amount":2500.5,`},
		{"amount of 0", plain, `"amount":2500,`, `"amount":0,`},
		{"amount over the most", plain, `"amount":2500,`, `"amount":9007199254740992,`},
		{"no balance after", plain, `"posted":5000,`, ``},
		{"sealed text without its value", plain, `{"enc":"k1:c2VhbGVk"}`, `{}`},
		{"null", plain, `"tenant":"main"`, `"tenant":null`},
	} {
		t.Run(c.name, func(t *testing.T) {
			record := strings.Replace(c.record, c.old, c.new, 1)
			if record == c.record {
				t.Fatalf("the record has no %s", c.old)
			}
			if schematest.Check(schemas.Entry, []byte(record)) == nil {
				t.Errorf("valid: %s", record)
			}
		})
	}
}

func TestNotificationsAreChecked(t *testing.T) {
	const valid = `{"id":"A-3:6:8000:up","type":"CreditLimitThresholdCrossed","tenant":"main","account_id":"A-3","version":6,"threshold_bps":8000,"direction":"up","utilisation_bps":8375}`
	schematest.Validate(t, schemas.Notification, []byte(valid))
	for _, c := range []struct{ old, new string }{
		{`:8000:up`, `:8000`}, {`"threshold_bps":8000`, `"threshold_bps":7000`}, {`"direction":"up"`, `"direction":"left"`},
		{`"version":6`, `"version":"6"`}, {`"tenant":"main",`, ``}, {`"type":"Credit`, `"type":"Debit`}, {`{"id"`, `{"colour":1,"id"`},
	} {
		if schematest.Check(schemas.Notification, []byte(strings.Replace(valid, c.old, c.new, 1))) == nil {
			t.Errorf("valid with %s", c.new)
		}
	}
}

func TestCloudEventsAreChecked(t *testing.T) {
	const valid = `{"specversion":"1.0","id":"A-1:3","source":"arn:aws:kinesis:eu-central-1:000000000000:stream/passbook-events/main",` +
		`"type":"passbook.MoneyWithdrawn.v1","subject":"A-1","time":"2026-11-29T19:44:44.154675Z","datacontenttype":"application/json",` +
		`"partitionkey":"main#A-1","sequence":"000000000003","correlationid":"01a228d6","currency":"EUR",` +
		`"data":{"version":3,"type":"MoneyWithdrawn","schema":1,"command":0,"effective_at":"2026-11-29","after":{"posted":247500,"held":0,"limit":10000},` +
		`"data":{"amount":2500,"kind":"cash","from_own":2500,"from_credit":0}}}`
	schematest.Validate(t, schemas.CloudEvent, []byte(valid))
	for _, c := range []struct{ old, new string }{
		{`"1.0"`, `"0.3"`}, {`"id":"A-1:3"`, `"id":"A-1"`}, {`events/main"`, `events/"`}, {`.v1"`, `"`}, {`"subject":"A-1",`, ``},
		{`"sequence":"000000000003"`, `"sequence":3`}, {`"amount":2500,`, ``}, {`{"specversion"`, `{"colour":1,"specversion"`},
	} {
		if schematest.Check(schemas.CloudEvent, []byte(strings.Replace(valid, c.old, c.new, 1))) == nil {
			t.Errorf("valid with %s", c.new)
		}
	}
}
