package event

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// sealed is an entry with its encoding, of each size class.
func roundTrips(t *testing.T) map[string]*Entry {
	t.Helper()
	return map[string]*Entry{
		"single": single(), "every type, full": entryOf(3, full()), "every type, sparse": entryOf(1, sparse()[:4], sparse()[4:]),
		"many commands": goldenEntry(), "compressed": large(),
		"format 1": inFormat(1, goldenEntry()), "format 1, compressed": inFormat(1, large()),
	}
}

func TestRoundTrips(t *testing.T) {
	for name, want := range roundTrips(t) {
		t.Run(name, func(t *testing.T) {
			enc := seal(t, want)
			got, err := DecodeRecord(enc.Record)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("record: read %+v\nwant %+v", got, want)
			}
			if again := seal(t, got); !reflect.DeepEqual(again, enc) {
				t.Errorf("sealed again: %s\nwant %s", again.Record, enc.Record)
			}
			stored := *want
			stored.Commands, stored.Events, stored.Writer, stored.N = nil, nil, "w-1", 7
			if err := DecodeStored(&stored, enc.Enc, enc.Commands, enc.Events); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(stored.Events, want.Events) || !reflect.DeepEqual(stored.Commands, want.Commands) || stored.N != 7 {
				t.Errorf("stored: read %+v", stored)
			}
		})
	}
}

// The archive stores a header and a row for each event. Together they are the entry, hash included.
func TestHeaderAndRowsGiveTheEntryBack(t *testing.T) {
	for name, want := range roundTrips(t) {
		t.Run(name, func(t *testing.T) {
			seal(t, want)
			got, err := DecodeHeader(AppendHeader(nil, want))
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range want.Events {
				body, err := ParseBody(v.Body.Type(), v.Schema, v.Data)
				if err != nil {
					t.Fatal(err)
				}
				v.Body = body
				got.Events = append(got.Events, v)
			}
			if err := got.Verify(); err != nil {
				t.Fatal(err)
			}
			got.Events[0].EffectiveAt = got.Events[0].EffectiveAt.AddDate(0, 0, 1)
			if err := got.Verify(); !errors.Is(err, ErrHash) {
				t.Errorf("another value date: %v, want ErrHash", err)
			}
		})
	}
}

// Each record is wrong in one place, has the hash of its content, and is refused with an error that
// names the place.
func TestDecodeRefuses(t *testing.T) {
	for _, format := range []int{1, 2} {
		t.Run(fmt.Sprint("format ", format), func(t *testing.T) { decodeRefuses(t, format) })
	}
}

func decodeRefuses(t *testing.T, format int) {
	record := string(seal(t, inFormat(format, entryOf(3,
		[]Body{MoneyWithdrawn{Amount: 2500, Kind: KindCash, Reference: Text{Plain: "ATM"}, FromOwn: 2500}},
		[]Body{
			HoldPlaced{Amount: 7, ExpiresAt: sampleTime}, HoldCaptured{HoldID: "h4", Amount: 5, Remaining: 2, Final: true},
			CreditLimitChanged{After: 5, Reason: Text{Sealed: "k1:eA"}},
		},
	))).Record)
	named := fmt.Sprintf(`"format":%d`, format)
	for _, c := range []struct{ name, old, new, field string }{
		{"unknown field", `"tenant":`, `"colour":1,"tenant":`, "tenant"},
		{"unknown last field", `}}]}`, `}}],"colour":1}`, "colour"},
		{"unknown field in a command", `,"status":201}`, `,"status":201,"colour":1}`, "commands[0].colour"},
		{"unknown field in data", `"hold_id":"h4",`, `"colour":1,"hold_id":"h4",`, "events[2].data.hold_id"},
		{"repeated field", `"tenant":"main",`, `"tenant":"main","tenant":"main",`, "account_id"},
		{"repeated field in data", `"amount":2500,`, `"amount":2500,"amount":2500,`, "events[0].data.kind"},
		{"missing field", `"currency":"EUR",`, ``, "currency"},
		{"fields swapped", `"first":3,"last":6`, `"last":6,"first":3`, "first"},
		{"white space", `{` + named, `{ ` + named, "format"},
		{"format of another type", named, `"format":"1"`, "format"},
		{"format 0", named, `"format":0`, "format"},
		{"string for a number", `"first":3,"last":6`, `"first":"3","last":6`, "first"},
		{"number for a string", `"tenant":"main"`, `"tenant":7`, "tenant"},
		{"null", `"tenant":"main"`, `"tenant":null`, "tenant"},
		{"empty string", `"tenant":"main"`, `"tenant":""`, "tenant"},
		{"hash sign in the tenant", `"tenant":"main"`, `"tenant":"ma#in"`, "tenant"},
		{"hash sign in the account", `"A-1"`, `"A#1"`, "account_id"},
		{"fraction", `"amount":2500,"kind"`, `"amount":2500.0,"kind"`, "events[0].data.kind"},
		{"exponent", `"amount":2500,"kind"`, `"amount":25e2,"kind"`, "events[0].data.kind"},
		{"leading zero", `"amount":2500,"kind"`, `"amount":02500,"kind"`, "events[0].data.amount"},
		{"plus", `"amount":2500,"kind"`, `"amount":+2500,"kind"`, "events[0].data.amount"},
		{"minus zero", `"posted":5000`, `"posted":-0`, "events[0].after.posted"},
		{"amount 0", `"amount":2500,"kind"`, `"amount":0,"kind"`, "events[0].data.amount"},
		{"amount below 0", `"amount":2500,"kind"`, `"amount":-1,"kind"`, "events[0].data.amount"},
		{"amount over the maximum", `"amount":2500,"kind"`, `"amount":9007199254740992,"kind"`, "events[0].data.amount"},
		{"amount that overflows", `"amount":2500,"kind"`, `"amount":99999999999999999999,"kind"`, "events[0].data.amount"},
		{"split of another amount", `"from_own":2500`, `"from_own":2400`, "events[0].data.from_credit"},
		{"unknown kind", `"kind":"cash"`, `"kind":"gold"`, "events[0].data.kind"},
		{"escape that is not needed", `"reference":"ATM"`, `"reference":"\u0041TM"`, "events[0].data.reference"},
		{"escaped slash", `"reference":"ATM"`, `"reference":"A\/TM"`, "events[0].data.reference"},
		{"long escape", `"reference":"ATM"`, `"reference":"A\u000aTM"`, "events[0].data.reference"},
		{"upper-case escape", `"reference":"ATM"`, `"reference":"A\u001FTM"`, "events[0].data.reference"},
		{"bare control character", `"reference":"ATM"`, "\"reference\":\"A\nTM\"", "events[0].data.reference"},
		{"invalid UTF-8", `"reference":"ATM"`, "\"reference\":\"A\xffTM\"", "events[0].data.reference"},
		{"invalid UTF-8 beside an escape", `"reference":"ATM"`, "\"reference\":\"A\\n\xffTM\"", "events[0].data.reference"},
		{"empty optional string", `"reference":"ATM"`, `"reference":""`, "events[0].data.reference"},
		{"text that is too long", `"reference":"ATM"`, `"reference":"` + strings.Repeat("x", 141) + `"`, "events[0].data.reference"},
		{"sealed text with another member", `{"enc":"k1:eA"}`, `{"enc":"k1:eA","x":1}`, "events[3].data.reason.x"},
		{"sealed text without enc", `{"enc":"k1:eA"}`, `{}`, "events[3].data.reason.enc"},
		{"bad hold id", `"hold_id":"h4"`, `"hold_id":"h04"`, "events[2].data.hold_id"},
		{"transaction id for a hold", `"hold_id":"h4"`, `"hold_id":"t4"`, "events[2].data.hold_id"},
		{"not final at nothing remaining", `"remaining":2,"final":true`, `"remaining":0,"final":false`, "events[2].data.final"},
		{"boolean of another type", `"final":true`, `"final":1`, "events[2].data.final"},
		{"expired limit that is not 0", `"forced":false}`, `"forced":false,"expired_version":2}`, "events[3].data.expired_version"},
		{"version 0 written out", `"forced":false}`, `"forced":false,"expired_version":0}`, "events[3].data.expired_version"},
		{"recorded_at in another zone", `08:00:00.123456Z"`, `08:00:00.123456+00:00"`, "recorded_at"},
		{"recorded_at in nanoseconds", `08:00:00.123456Z`, `08:00:00.123456000Z`, "recorded_at"},
		{"recorded_at in milliseconds", `08:00:00.123456Z`, `08:00:00.123Z`, "recorded_at"},
		{"hour 24", `T08:00:00`, `T24:00:00`, "recorded_at"},
		{"leap second", `T08:00:00`, `T08:59:60`, "recorded_at"},
		{"30 February", `"effective_at":"2026-11-21"`, `"effective_at":"2026-02-30"`, "events[0].effective_at"},
		{"29 February of no leap year", `"effective_at":"2026-11-21"`, `"effective_at":"2026-02-29"`, "events[0].effective_at"},
		{"a time for a date", `"effective_at":"2026-11-21"`, `"effective_at":"2026-11-21T00:00:00Z"`, "events[0].effective_at"},
		{"a year before 1970", `"effective_at":"2026-11-21"`, `"effective_at":"0001-01-01"`, "events[0].effective_at"},
		{"expires_at that is no time", `"expires_at":"2026`, `"expires_at":"20x6`, "events[1].data.expires_at"},
		{"prev with spare bits", `-s","hash"`, `-t","hash"`, "prev"},
		{"prev too short", `-s","hash"`, `","hash"`, "prev"},
		{"no prev after version 1", `fmzbxMVTSidXSspPyJcENd67A1TaxlFAEWNEj7HZj-s`, strings.Repeat("A", 43), "prev"},
		{"version that skips", `"version":4`, `"version":5`, "events"},
		{"version of no number", `"version":4`, `"version":x`, "events[1].version"},
		{"first above last", `"first":3,"last":6`, `"first":7,"last":6`, "last"},
		{"first of another range", `"first":3,"last":6`, `"first":2,"last":5`, "commands"},
		{"last beyond the events", `"first":3,"last":6`, `"first":3,"last":7`, "commands"},
		{"command ranges with a gap", `"first":4,"last":6`, `"first":5,"last":6`, "commands"},
		{"command ranges that overlap", `"first":4,"last":6`, `"first":3,"last":6`, "commands"},
		{"command range that ends early", `"first":4,"last":6`, `"first":4,"last":5`, "commands"},
		{"command range turned round", `"first":4,"last":6`, `"first":4,"last":3`, "commands[1].last"},
		{"event of another command", `"command":1,`, `"command":0,`, "events"},
		{"unknown type", `"type":"HoldPlaced"`, `"type":"HoldMoved"`, "events[1].type"},
		{"unknown schema", `"schema":1,"command":1`, `"schema":2,"command":1`, "events[1].schema"},
		{"schema 0", `"schema":1,"command":1`, `"schema":0,"command":1`, "events[1].schema"},
		{"status of no decision", `"status":201`, `"status":404`, "commands[0].status"},
		{"short request hash", `"request":"AA`, `"request":"A`, "commands[0].request"},
		{"no commands", record[strings.Index(record, `"commands":`)+11 : strings.Index(record, `,"events"`)], `[]`, "commands[0]"},
		{"unknown encoding", `"commands":[`, `"enc":"gzip","commands":[`, "enc"},
		{"bytes after the end", `}}]}`, `}}]}x`, "after its end"},
	} {
		refuses(t, record, c.name, c.old, c.new, c.field)
	}
	if format == 1 {
		refuses(t, record, "not compressed over 4 KB", `"ATM"`, `"`+strings.Repeat("x", CompressOver)+`"`, "enc")
		refuses(t, record, "with a mac", `","commands"`, `","mac":"1:AAAAAAAAAAAAAAAAAAAAAA","commands"`, "commands")
		return
	}
	decodeRefusesProof(t, record)
}

// decodeRefusesProof has what only a signed record has: a MAC and types.
func decodeRefusesProof(t *testing.T, record string) {
	mac := record[strings.Index(record, `"mac":`):strings.Index(record, `,"types"`)]
	for _, c := range []struct{ name, old, new, field string }{
		{"no mac", mac + ",", "", "mac"},
		{"mac of another length", mac, `"mac":"1:AAAA"`, "mac"},
		{"mac with spare bits", mac, `"mac":"1:AAAAAAAAAAAAAAAAAAAAAB"`, "mac"},
		{"mac of key 0", mac, `"mac":"0:AAAAAAAAAAAAAAAAAAAAAA"`, "mac"},
		{"mac of a key with a leading zero", mac, `"mac":"01:AAAAAAAAAAAAAAAAAAAAAA"`, "mac"},
		{"mac of no key", mac, `"mac":"AAAAAAAAAAAAAAAAAAAAAA"`, "mac"},
		{"no types", record[strings.Index(record, `,"types"`):strings.Index(record, `,"commands"`)], "", "types"},
		{"types that lack one", `"HoldPlaced","HoldCaptured"`, `"HoldPlaced"`, "types"},
		{"types in another order", `"HoldPlaced","HoldCaptured"`, `"HoldCaptured","HoldPlaced"`, "types"},
		{"type that no event has", `"types":[`, `"types":["AccountOpened",`, "types"},
		{"type twice", `"types":["MoneyWithdrawn",`, `"types":["MoneyWithdrawn","MoneyWithdrawn",`, "types"},
		{"types that are none", `"types":[`, `"types":[7,`, "types[0]"},
	} {
		refuses(t, record, c.name, c.old, c.new, c.field)
	}
}

func refuses(t *testing.T, record, name, old, replacement, field string) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		altered := strings.Replace(record, old, replacement, 1)
		if altered == record {
			t.Fatalf("the record has no %s", old)
		}
		e, err := DecodeRecord(rehashed(altered))
		if err == nil {
			t.Fatalf("accepted %s", altered)
		}
		if e != nil || errors.Is(err, ErrHash) || !strings.Contains(err.Error(), " "+field+":") && !strings.HasSuffix(err.Error(), field) {
			t.Errorf("%v, want it to name %s", err, field)
		}
	})
}

// No bit of a record can change, and no byte be missing, without an error.
func TestDecodeRefusesAnyDamage(t *testing.T) {
	for name, e := range map[string]*Entry{"plain": single(), "format 1": inFormat(1, single()), "compressed": inFormat(1, goldenLarge())} {
		record := seal(t, e).Record
		for i := range record {
			if _, err := DecodeRecord(record[:i]); err == nil {
				t.Fatalf("%s: accepted the first %d bytes", name, i)
			}
			altered := bytes.Clone(record)
			altered[i] ^= 1
			// the MAC is outside the hash, and its holder's to check
			if got, err := DecodeRecord(altered); err == nil && name != "compressed" && got.MAC == e.MAC {
				t.Fatalf("%s: accepted a changed byte %d", name, i)
			} else if got, err := DecodeRecord(altered); err == nil && got.Hash != e.Hash {
				t.Fatalf("%s: a changed byte %d gave another entry", name, i)
			}
		}
	}
}

func TestDecodeNewerFormat(t *testing.T) {
	record := strings.Replace(string(seal(t, single()).Record), `{"format":2,`, `{"format":3,"shape":"unknown",`, 1)
	_, err := DecodeRecord([]byte(record))
	var newer *FormatError
	if !errors.As(err, &newer) || newer.Format != 3 {
		t.Errorf("record: %v, want *FormatError 3", err)
	}
	if _, err := DecodeHeader([]byte(record)); !errors.As(err, &newer) {
		t.Errorf("header: %v, want *FormatError", err)
	}
	e := single()
	e.Format = 3
	if err := DecodeStored(e, "", nil, nil); !errors.As(err, &newer) || newer.Format != 3 {
		t.Errorf("stored: %v, want *FormatError 3", err)
	}
}

func TestDecodeStoredRefuses(t *testing.T) {
	small, big := single(), large()
	smallEnc, bigEnc := seal(t, small), seal(t, big)
	bomb := compress(make([]byte, 64*MaxEntryBytes))
	for _, c := range []struct {
		name             string
		entry            *Entry
		enc              string
		commands, events []byte
	}{
		{"events of another entry", small, "", smallEnc.Commands, seal(t, entryOf(3, []Body{AccountUnfrozen{}})).Events},
		{"frames without enc", big, "", bigEnc.Commands, bigEnc.Events},
		{"enc without frames", small, "zstd", smallEnc.Commands, smallEnc.Events},
		{"compressed below 4 KB", small, "zstd", compress(smallEnc.Commands), compress(smallEnc.Events)},
		{"unknown enc", small, "gzip", smallEnc.Commands, smallEnc.Events},
		{"frame that is cut", big, "zstd", bigEnc.Commands, bigEnc.Events[:len(bigEnc.Events)-1]},
		{"frame of 16 MiB", big, "zstd", bigEnc.Commands, bomb},
		{"frames swapped", big, "zstd", bigEnc.Events, bigEnc.Commands},
		{"a list that ends in the other frame", big, "zstd", compress([]byte(`[{"key":"x`)), bigEnc.Events},
		{"nothing", small, "", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			stored := *c.entry
			stored.Commands, stored.Events = nil, nil
			if err := DecodeStored(&stored, c.enc, c.commands, c.events); err == nil || stored.Events != nil {
				t.Errorf("accepted, or set events: %v", err)
			}
		})
	}
}

// Frames are the one place of a record where other bytes may have the same content. Their spelling
// is still fixed.
func TestDecodeRefusesOtherSpellingsOfFrames(t *testing.T) {
	enc := seal(t, inFormat(1, goldenLarge()))
	record := string(enc.Record)
	frame := base64.StdEncoding.EncodeToString(enc.Events)
	for name, spelled := range map[string]string{
		"without padding":   base64.RawStdEncoding.EncodeToString(enc.Events),
		"URL alphabet":      base64.URLEncoding.EncodeToString(enc.Events),
		"line breaks":       frame[:40] + `\n` + frame[40:],
		"a byte too many":   frame + "A",
		"nothing":           "",
		"an empty frame":    base64.StdEncoding.EncodeToString(compress(nil)),
		"not base64 at all": "!!!!",
	} {
		altered := strings.Replace(record, frame, spelled, 1)
		if _, err := DecodeRecord([]byte(altered)); err == nil && altered != record {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestFrameWithSpareBitsIsRefused(t *testing.T) {
	if raw := fromBase64("AA=="); len(raw) != 1 {
		t.Errorf("read %v", raw)
	}
	for _, spelled := range []string{"AB==", "AAB=", "AA", "AA==\n", "A\nA==", "AA= ="} {
		if raw := fromBase64(spelled); raw != nil {
			t.Errorf("%q: read %v", spelled, raw)
		}
	}
}
