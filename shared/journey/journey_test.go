package journey

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/access"
	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/api/apitest"
	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/segment"
	"passbook/shared/storetest"
	"passbook/shared/stream"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/web"
)

const events = "test-events"

// outbox puts each entry on the stream before the command is answered.
type outbox struct{ streams stream.Stream }

func (o outbox) Publish(all ...journal.Committed) {
	for _, c := range all {
		if _, err := o.streams.Put(context.Background(), events, []stream.Record{{PartitionKey: c.Account.String(), Data: c.Record}}); err != nil {
			panic(err)
		}
	}
}
func (outbox) Full() bool                      { return false }
func (outbox) Pace(event.Account, func()) bool { return false }

// bank is a journal, a stream and an archive with the journeys on them.
type bank struct {
	t       *testing.T
	journal *journal.Journal
	streams stream.Stream
	bucket  bucket.Bucket
	client  *apitest.Client
	row     int64 // of the model
}

func serve(t *testing.T) *bank {
	t.Helper()
	memory := storetest.Memory(t, pebblestream.Options{Shards: 2}, journal.Schemas...)
	b := &bank{t: t, streams: memory.Streams}
	if err := b.streams.(interface {
		CreateStream(ctx context.Context, name string, shards int) error
	}).CreateStream(t.Context(), events, 2); err != nil {
		t.Fatal(err)
	}
	var err error
	if b.journal, err = journal.Open(t.Context(), journal.Config{Table: memory.Table, Outbox: outbox{b.streams}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := b.journal.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	if b.bucket, err = dirbucket.New(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	journeys := New(Config{
		Journal: b.journal.Reader, Stream: events, Streams: b.streams, Bucket: b.bucket, Log: slog.New(slog.DiscardHandler),
		Models: []Model{{Name: "test", Row: func(context.Context, event.Account) (int64, time.Time, error) { return b.row, time.Unix(1, 0), nil }}},
	})
	server := api.New(api.Config{Web: web.Config{Service: "balance", Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()}})
	server.Mount(journeys.Route())
	b.client = apitest.New(t, server.Handler())
	return b
}

// commit commits a command of an account.
func (b *bank) commit(id, key string, do func(d *account.Draft)) *event.Entry {
	b.t.Helper()
	r, err := b.journal.Execute(b.t.Context(), journal.Command{
		Account: event.Account{Tenant: access.MainTenant, ID: id}, Key: key, Request: journal.RequestHash("test", id, nil), CorrelationID: "c-" + key,
		Actor: event.Text{Plain: "key:1"}, Status: 201,
		Decide: func(s account.State, now time.Time) account.Decision {
			d := account.NewDraft(s, now)
			do(d)
			return d.Decision()
		},
	})
	if err != nil || r.Rejection != nil {
		b.t.Fatalf("%v %+v", err, r.Rejection)
	}
	return r.Entry
}

func open(d *account.Draft)   { d.Open("EUR", event.AccountOpened{Exponent: 2}) }
func credit(d *account.Draft) { d.Credit(event.MoneyCredited{Amount: 5, Kind: "deposit"}, d.Today()) }

func (b *bank) journey(version int) Journey {
	b.t.Helper()
	r := b.client.Get(fmt.Sprintf("/v1/accounts/A-1/events/%d/journey", version))
	if r.Status != 200 {
		b.t.Fatalf("%d %s", r.Status, r.Body)
	}
	return apitest.Decode[Journey](b.t, r)
}

// archive seals everything on the stream into segments.
func (b *bank) archive() {
	b.t.Helper()
	ctx := b.t.Context()
	created, err := b.streams.Created(ctx, events)
	if err != nil {
		b.t.Fatal(err)
	}
	shards, err := b.streams.Shards(ctx, events)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, shard := range shards {
		iterator, err := b.streams.Iterator(ctx, events, shard.ID, stream.Position{Where: stream.TrimHorizon})
		if err != nil {
			b.t.Fatal(err)
		}
		batch, err := b.streams.Get(ctx, iterator, 1000)
		if err != nil {
			b.t.Fatal(err)
		}
		w := segment.NewWriter(1, "", segment.Source{Stream: events, Created: created, Shard: shard.ID}, segment.Link{})
		for _, r := range batch.Records {
			e, err := event.DecodeRecord(r.Data)
			if err == nil {
				err = w.Append(segment.Record{Sequence: r.Sequence, Arrived: r.Arrived.Truncate(time.Microsecond), Entry: e})
			}
			if err != nil {
				b.t.Fatal(err)
			}
		}
		if w.Empty() {
			continue
		}
		sealed, err := w.Seal()
		if err == nil {
			err = b.bucket.Create(ctx, sealed.Key, sealed.Data)
		}
		if err != nil {
			b.t.Fatal(err)
		}
	}
}

func TestJourneyOfAnEvent(t *testing.T) {
	b := serve(t)
	b.commit("A-1", "open", open)
	b.commit("A-2", "open", open)
	b.commit("A-1", "k2", credit)
	entry := b.commit("A-1", "k3", func(d *account.Draft) { credit(d); credit(d) })
	b.row = 3

	j := b.journey(4)
	if j.EventID != "A-1:4" || j.DecidedOn != 2 || j.Type != "MoneyCredited" || j.Version != 4 {
		t.Errorf("%+v", j)
	}
	if r := j.Request; r.Actor.Plain != "key:1" || r.IdempotencyKey != "k3" || r.CorrelationID != "c-k3" || r.First != 3 || r.Last != 4 || r.Status != 201 {
		t.Errorf("request: %+v", j.Request)
	}
	if sum := sha256.Sum256([]byte(j.Entry.Hashed)); base64.RawURLEncoding.EncodeToString(sum[:]) != j.Entry.Hash || j.Entry.Hash != entry.Hash.String() {
		t.Errorf("the text does not have the hash: %+v", j.Entry)
	}
	if j.Entry.Prev != b.journey(2).Entry.Hash || b.journey(1).Entry.Prev != "" {
		t.Errorf("prev: %+v", j.Entry)
	}
	if len(j.Models) != 1 || j.Models[0].Folded || j.Models[0].Version != 3 || !b.journey(3).Models[0].Folded {
		t.Errorf("models: %+v", j.Models)
	}
	if j.Stream == nil || j.Stream.Shard == "" || j.Stream.Sequence == "" || j.Archive != nil {
		t.Fatalf("before it is archived: %+v %+v", j.Stream, j.Archive)
	}

	b.archive()
	later := b.journey(4)
	if later.Stream == nil || later.Stream.Shard != j.Stream.Shard || later.Stream.Sequence != j.Stream.Sequence {
		t.Errorf("the archive has %+v, the stream %+v", later.Stream, j.Stream)
	}
	if later.Archive == nil || later.Archive.Rows < 4 || later.Archive.Bytes == 0 {
		t.Fatalf("archived: %+v", later.Archive)
	}
	if before := b.journey(3).Archive; before.Object != later.Archive.Object || before.Row != later.Archive.Row-1 {
		t.Errorf("rows %+v and %+v", before, later.Archive)
	}
}

func TestRefusedJourneys(t *testing.T) {
	b := serve(t)
	b.commit("A-1", "open", open)
	for path, want := range map[string]string{
		"/v1/accounts/A-1/events/2/journey":     "404 version-not-found []",
		"/v1/accounts/A-1/events/0/journey":     "400 validation-failed [/version out-of-range]",
		"/v1/accounts/A-1/events/x/journey":     "400 validation-failed [/version out-of-range]",
		"/v1/accounts/A-9/events/1/journey":     "404 account-not-found []",
		"/v1/accounts/A-1/events/1/journey?x=1": "400 validation-failed [/x unknown-field]",
	} {
		r := b.client.Get(path)
		if got := fmt.Sprint(r.Status, " ", r.Code(), " ", r.Errors()); got != want {
			t.Errorf("%s: %s, not %s", path, got, want)
		}
	}
}
