package balance

import (
	"context"
	"fmt"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/readmodel"
	"passbook/shared/table"
)

// Table is the name of the read model and of its table.
const Table = "balance"

const (
	indexHolders = "holders"
	holdersPK    = "hk"
)

// Schema is the table of the rows, for whoever creates it.
var Schema = table.Schema{Name: Table, Indexes: []table.Index{
	{Name: indexHolders, PK: holdersPK, SK: "pk"},
	readmodel.IndexDue(),
}}

// model is the read model as package consumer works it.
var model = readmodel.Model[account.State]{Name: Table, Fold: Fold, After: After, Encode: encode, Decode: decode}

// encode adds the state to a row: columns to be read by people and queries, the indexes, and the
// state itself.
func encode(attrs table.Map, generation int64, a event.Account, s account.State) {
	attrs["currency"] = table.S(s.Currency)
	attrs["status"] = table.S(s.Status)
	attrs["frozen"] = table.S(s.Frozen)
	attrs["posted"] = table.N(s.Posted)
	attrs["held"] = table.N(s.Held)
	attrs["limit"] = table.N(s.Limit)
	attrs["available"] = table.N(s.Available())
	attrs["state"] = table.S(account.AppendState(nil, s))
	if s.HolderRef != "" {
		attrs[holdersPK] = table.S(holderKey(generation, a.Tenant, s.HolderRef))
	}
	readmodel.SetDue(attrs, generation, a, s.NextDue())
}

func decode(attrs table.Map) (account.State, error) {
	return account.ParseState([]byte(attrs.Text("state")))
}

func holderKey(generation int64, tenant, holder string) string {
	return fmt.Sprintf("g%d#%s#%s", generation, tenant, holder)
}

// Projector follows the stream and keeps the rows.
type Projector struct{ config Config }

// NewProjector makes a projector. It does nothing before Run.
func NewProjector(c Config) *Projector { return &Projector{config: c} }

// Run projects every generation that there is, until ctx ends; then it hands its shards over.
func (p *Projector) Run(ctx context.Context) error {
	return readmodel.Follow(ctx, readmodel.FollowConfig[account.State]{
		Runtime: p.config.Runtime, RowBytes: p.config.RowBytes, Metrics: p.config.Metrics, Rows: p.config.Store.rows, Journal: p.config.Journal,
	})
}

// Projection is the projection of one generation, for a rebuild to feed and for a redrive.
func (p *Projector) Projection(ctx context.Context, generation int64) (*readmodel.Projection[account.State], error) {
	return readmodel.OpenProjection(ctx, readmodel.ProjectionConfig[account.State]{
		Generation: generation, Rows: p.config.Store.rows, Journal: p.config.Journal,
		RowBytes: p.config.RowBytes, Metrics: p.config.Metrics, Log: p.config.Runtime.Log,
	})
}
