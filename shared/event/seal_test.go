package event

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestSealRefuses(t *testing.T) {
	for _, c := range []struct {
		name, field string
		change      func(e *Entry)
	}{
		{"no format", "format", func(e *Entry) { e.Format = 0 }},
		{"no tenant", "tenant", func(e *Entry) { e.Tenant = "" }},
		{"version 0", "first", func(e *Entry) { e.First = 0 }},
		{"prev at version 1", "prev", func(e *Entry) { e.First = 1 }},
		{"no events", "events", func(e *Entry) { e.Events = nil }},
		{"no commands", "commands", func(e *Entry) { e.Commands = nil }},
		{"currency of another length", "currency", func(e *Entry) { e.Currency = "EURO" }},
		{"event in another currency", "events", func(e *Entry) { e.Events[0].Currency = "USD" }},
		{"event at another time", "events", func(e *Entry) { e.Events[0].RecordedAt = sampleDate }},
		{"event of another version", "events", func(e *Entry) { e.Events[0].Version = 4 }},
		{"event of another command", "events", func(e *Entry) { e.Events[0].Command = 1 }},
		{"event of no body", "events[0].type", func(e *Entry) { e.Events[0].Body = nil }},
		{"schema 0", "events[0].schema", func(e *Entry) { e.Events[0].Schema = 0 }},
		{"data of another body", "events[0].data", func(e *Entry) { e.Events[0].Data = New(AccountUnfrozen{}).Data }},
		{"value date with a time", "events[0].effective_at", func(e *Entry) { e.Events[0].EffectiveAt = sampleTime }},
		{"time in nanoseconds", "recorded_at", func(e *Entry) { e.RecordedAt = e.RecordedAt.Add(time.Nanosecond) }},
		{"time in another zone", "recorded_at", func(e *Entry) { e.RecordedAt = e.RecordedAt.In(time.FixedZone("CET", 3600)) }},
		{"posted out of range", "events[0].after.posted", func(e *Entry) { e.Events[0].After.Posted = 1 << 53 }},
		{"held below 0", "events[0].after.held", func(e *Entry) { e.Events[0].After.Held = -1 }},
		{"key that is too long", "commands[0].key", func(e *Entry) { e.Commands[0].Key = strings.Repeat("k", 256) }},
		{"key that is not UTF-8", "commands[0].key", func(e *Entry) { e.Commands[0].Key = "\xff" }},
		{"actor that is too long", "commands[0].actor", func(e *Entry) { e.Commands[0].Actor.Plain = strings.Repeat("a", 65) }},
		{"actor both plain and sealed", "commands[0].actor", func(e *Entry) { e.Commands[0].Actor.Sealed = "k:x" }},
		{"range that is not the entry's", "commands", func(e *Entry) { e.Commands[0].Last = 4 }},
		{"status", "commands[0].status", func(e *Entry) { e.Commands[0].Status = 409 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := single()
			c.change(e)
			if _, err := Seal(e, testKeys); err == nil || !strings.Contains(err.Error(), " "+c.field+": ") {
				t.Errorf("%v, want an error that names %s", err, c.field)
			}
			if err := e.Verify(); err == nil {
				t.Error("Verify accepts it")
			}
		})
	}
}

func TestSealFillsDataAndHash(t *testing.T) {
	want := single()
	seal(t, want)
	e := single()
	e.Events[0].Data = nil
	seal(t, e)
	if !reflect.DeepEqual(e, want) {
		t.Errorf("%+v, want %+v", e, want)
	}
}

func TestSealBounds(t *testing.T) {
	e := single()
	e.State = make([]byte, MaxEntryBytes)
	if _, err := Seal(e, testKeys); !errors.Is(err, ErrTooLarge) {
		t.Errorf("state of %d bytes: %v, want ErrTooLarge", len(e.State), err)
	}
	e.State = make([]byte, MaxEntryBytes-len(seal(t, single()).Record))
	if _, err := Seal(e, testKeys); err != nil {
		t.Errorf("just fits: %v", err)
	}
	var commands [][]Body
	for range MaxCommands {
		commands = append(commands, []Body{AccountUnfrozen{}})
	}
	if _, err := Seal(entryOf(1, commands...), testKeys); err != nil {
		t.Errorf("%d commands: %v", MaxCommands, err)
	}
	if _, err := Seal(entryOf(1, append(commands, []Body{AccountUnfrozen{}})...), testKeys); err == nil {
		t.Errorf("%d commands: accepted", MaxCommands+1)
	}
}

// A single-command entry with a key of up to 40 bytes and a reference of up to 32 costs one write
// unit with its state.
func TestSingleCommandEntryIsUnder1KB(t *testing.T) {
	e := entryOf(123456, []Body{MoneyWithdrawn{
		Amount: 1234567, Kind: KindCash, Reference: Text{Plain: strings.Repeat("r", 32)}, FromOwn: 1000000, FromCredit: 234567,
	}})
	e.AccountID = strings.Repeat("a", 26)
	e.Commands[0].Key = strings.Repeat("k", 40)
	if size := len(seal(t, e).Record); size > 1024-200 {
		t.Errorf("%d bytes, which leaves less than 200 for the state", size)
	}
}

func TestNewPanicsOnABrokenBody(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("New made an event of amount 0")
		}
	}()
	New(MoneyCredited{Kind: KindDeposit})
}

// What was sealed is what is read, whatever the fields hold.
func TestSealDecodeProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEntry(t)
		enc, err := Seal(e, testKeys)
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeRecord(enc.Record)
		if err != nil {
			t.Fatalf("%v: %s", err, enc.Record)
		}
		if !reflect.DeepEqual(got, e) {
			t.Fatalf("read %+v\nwant %+v", got, e)
		}
		if err := got.Verify(); err != nil {
			t.Fatal(err)
		}
	})
}

func drawEntry(t *rapid.T) *Entry {
	var commands [][]Body
	for range rapid.IntRange(1, 8).Draw(t, "commands") {
		commands = append(commands, rapid.SliceOfN(rapid.Custom(drawBody), 1, 4).Draw(t, "bodies"))
	}
	e := entryOf(rapid.Int64Range(1, 1<<30).Draw(t, "first"), commands...)
	for i := range e.Commands {
		e.Commands[i].Key = rapid.StringN(0, 40, 200).Draw(t, "key")
		e.Commands[i].Actor = drawText(t)
	}
	return e
}

func drawBody(t *rapid.T) Body {
	amount := rapid.Int64Range(1, 1<<53-1).Draw(t, "amount")
	own := rapid.Int64Range(0, amount).Draw(t, "own")
	switch rapid.IntRange(0, 4).Draw(t, "body") {
	case 0:
		return MoneyCredited{Amount: amount, Kind: rapid.SampledFrom(creditKinds).Draw(t, "kind"), Reference: drawText(t)}
	case 1:
		return MoneyWithdrawn{Amount: amount, Kind: rapid.SampledFrom(withdrawKinds).Draw(t, "kind"), FromOwn: own, FromCredit: amount - own}
	case 2:
		return HoldPlaced{Amount: amount, ExpiresAt: time.UnixMicro(rapid.Int64Range(0, 253402300799999999).Draw(t, "at")).UTC()}
	case 3:
		return TransactionReversed{OriginalTransactionID: TransactionID(amount % 1e9), Direction: DirectionDebit, Amount: amount, Reason: drawText(t)}
	default:
		return rapid.SampledFrom(append(full(), sparse()...)).Draw(t, "sample")
	}
}

func drawText(t *rapid.T) Text {
	plain := rapid.StringN(0, 16, MaxActorBytes).Draw(t, "text")
	if plain != "" && rapid.Bool().Draw(t, "sealed") {
		return Text{Sealed: plain}
	}
	return Text{Plain: plain}
}

func ExampleEntry_Causation() {
	e := entryOf(7,
		[]Body{HoldReleased{HoldID: "h3", Amount: 5, Reason: ReasonExpired}, MoneyCredited{Amount: 1, Kind: KindDeposit}},
		[]Body{MoneyCredited{Amount: 1, Kind: KindTransferIn, Contra: "B-2:9"}},
	)
	e.Commands[1].Key = ""
	for _, v := range e.Events {
		fmt.Println(v.Body.Type(), "by", e.Causation(v))
	}
	// Output:
	// HoldReleased by A-1:3
	// MoneyCredited by key-0001-abcdef
	// MoneyCredited by B-2:9
}

// What an entry's row in the journal has besides is not on the stream, and does not count for the
// size of its record.
func TestPublishedIsTheRecordOfTheEntry(t *testing.T) {
	written := single()
	want, err := Seal(written, testKeys)
	if err != nil {
		t.Fatal(err)
	}
	read := *written
	read.Writer, read.N, read.State = "w", 7, []byte(strings.Repeat("s", MaxEntryBytes))
	bare, enc, err := read.Published()
	if err != nil {
		t.Fatal(err)
	}
	if string(enc.Record) != string(want.Record) {
		t.Errorf("record %s, want %s", enc.Record, want.Record)
	}
	if bare.Writer != "" || bare.N != 0 || bare.State != nil || bare.Hash != written.Hash {
		t.Errorf("not the bare entry: %+v", bare)
	}
	if read.Writer != "w" || read.N != 7 || read.State == nil {
		t.Error("the entry itself was changed")
	}
}
