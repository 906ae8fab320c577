package segment_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"testing"

	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/segment"
)

// commands returns a history like a bank's: each command is a separate entry. It has its own
// idempotency key, hash of the request and reference, and the correlation id of the bulk request of
// a hundred lines that brought it.
func commands(accounts, entries int) []*event.Entry {
	random := rand.New(rand.NewPCG(1, 2))
	var single []*event.Entry
	correlation := ""
	for _, e := range archivetest.Bank(1, accounts, entries) {
		for _, c := range e.Commands {
			n := len(single)
			one := *e
			one.First, one.Last = c.First, c.Last
			var request [16]byte
			for i := range request {
				request[i] = byte(random.Uint32())
			}
			if n%100 == 0 {
				correlation = fmt.Sprintf("%016x", random.Uint64())
			}
			c.CorrelationID = correlation
			c.Key, c.Request = fmt.Sprintf("%s-%d", e.AccountID, n), base64.RawURLEncoding.EncodeToString(request[:])
			one.Commands, one.Events = []event.Command{c}, nil
			for _, ev := range e.Events[c.First-e.First : c.Last-e.First+1] {
				ev.Command = 0
				if b, is := ev.Body.(event.MoneyCredited); is {
					b.Reference.Plain = fmt.Sprintf("ref %d", n)
					again := event.New(b)
					ev.Body, ev.Data, ev.Schema = again.Body, again.Data, again.Schema
				}
				one.Events = append(one.Events, ev)
			}
			single = append(single, &one)
		}
	}
	return archivetest.Signed(single)
}

// What a segment costs to store is part of the format's promise. The bytes are the same in every
// run.
func TestFormat2_SizeOfAnEvent(t *testing.T) {
	const most, mostWithoutMac = 110, 95
	sealed := seal(t, archivetest.Records(commands(500, 10_000)), segment.Link{})
	macs := int64(0)
	for _, group := range open(t, sealed).Metadata().RowGroups {
		for _, chunk := range group.Columns {
			if chunk.MetaData.PathInSchema[0] == "mac" {
				macs += chunk.MetaData.TotalCompressedSize
			}
		}
	}
	size := float64(len(sealed.Data)) / float64(sealed.Footer.Rows)
	without := float64(int64(len(sealed.Data))-macs) / float64(sealed.Footer.Rows)
	t.Logf("%.1f bytes an event, %.1f without its mac", size, without)
	if size > most || without > mostWithoutMac {
		t.Errorf("an event has %.1f bytes, %.1f without the mac; the targets are %d and %d", size, without, most, mostWithoutMac)
	}
}
