package creditlimit

import (
	"context"

	"passbook/shared/event"
	"passbook/shared/readmodel"
	"passbook/shared/table"
)

// Table is the name of the read model and of its table.
const Table = "creditlimit"

// Schema is the table of the rows, for whoever creates it.
var Schema = table.Schema{Name: Table}

// model is the read model as package consumer works it.
var model = readmodel.Model[State]{
	Name: Table, Fold: Fold, Settle: Settle, After: After, Encode: encode, Decode: decode, Crossings: crossings, Message: message,
}

// encode adds the state to a row. What is derived is there for people and queries, and is not read
// back.
func encode(attrs table.Map, _ int64, _ event.Account, s State) {
	attrs["status"] = table.S(s.Status)
	attrs["currency"] = table.S(s.Currency)
	attrs["posted"] = table.N(s.Posted)
	attrs["held"] = table.N(s.Held)
	attrs["limit"] = table.N(s.Limit)
	attrs["limit_version"] = table.N(s.LimitVersion)
	attrs["expires_at"] = table.Time(s.ExpiresAt)
	attrs["peak"] = table.N(s.Peak)
	attrs["peak_version"] = table.N(s.PeakVersion)
	attrs["declines"] = table.N(s.Declines)
	attrs["band"] = table.N(s.Band)
	attrs["drawn"] = table.N(s.Drawn())
	attrs["reserved"] = table.N(s.Reserved())
	attrs["available_credit"] = table.N(s.AvailableCredit())
	attrs["over_limit"] = table.N(s.OverLimit())
	if bps, ok := s.UtilisationBps(); ok {
		attrs["utilisation_bps"] = table.N(bps)
	}
}

func decode(a table.Map) (State, error) {
	return State{
		Status: a.Text("status"), Currency: a.Text("currency"),
		Posted: a.Number("posted"), Held: a.Number("held"), Limit: a.Number("limit"),
		LimitVersion: a.Number("limit_version"), ExpiresAt: a.Time("expires_at"),
		Peak: a.Number("peak"), PeakVersion: a.Number("peak_version"), Declines: a.Number("declines"), Band: a.Number("band"),
	}, nil
}

// Projector follows the stream, keeps the rows and sends the crossings.
type Projector struct{ config Config }

// NewProjector makes a projector. It does nothing before Run.
func NewProjector(c Config) *Projector { return &Projector{config: c} }

func (p *Projector) outbox() readmodel.Outbox {
	return readmodel.Outbox{Streams: p.config.Runtime.Streams, Stream: p.config.Notifications}
}

// Run projects every generation that there is, until ctx ends; then it hands its shards over.
func (p *Projector) Run(ctx context.Context) error {
	return readmodel.Follow(ctx, readmodel.FollowConfig[State]{
		Runtime: p.config.Runtime, RowBytes: p.config.RowBytes, Metrics: p.config.Metrics, Rows: p.config.Store.rows, Journal: p.config.Journal, Outbox: p.outbox(),
	})
}

// Projection is the projection of one generation, for a rebuild to feed, silently, and for a
// redrive.
func (p *Projector) Projection(ctx context.Context, generation int64) (*readmodel.Projection[State], error) {
	return readmodel.OpenProjection(ctx, readmodel.ProjectionConfig[State]{
		Generation: generation, Rows: p.config.Store.rows, Journal: p.config.Journal, Outbox: p.outbox(),
		RowBytes: p.config.RowBytes, Metrics: p.config.Metrics, Log: p.config.Runtime.Log,
	})
}
