package pipeline

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/api"
	"passbook/shared/consumer"
	"passbook/shared/journal"
	"passbook/shared/readmodel"
	"passbook/shared/readmodel/quarantined"
	"passbook/shared/table"
	"passbook/shared/web"
)

// maxBlocked bounds the quarantined accounts in the answer for each consumer; the quarantine job
// lists them all.
const maxBlocked = 100

// Consumers serves where the consumers of the stream are.
type Consumers struct {
	Table   table.Table
	Journal *journal.Reader
	// Stream is the stream's name, with the deployment's prefix.
	Stream string
	// Lease is how long a silent reader keeps its shards.
	Lease time.Duration
	// Models are read models, of which each generation that there is has a consumer. Names are
	// further consumers.
	Models, Names []string
}

// ConsumerList answers where the consumers of the stream are.
type ConsumerList struct {
	Consumers []ConsumerStatus `json:"consumers"`
}

// ConsumerStatus is where one consumer is.
type ConsumerStatus struct {
	Name   string        `json:"name"`
	Stream string        `json:"stream"`
	Shards []ShardStatus `json:"shards"`
	// Blocked are at most maxBlocked of what it has quarantined: the caller's tenant's accounts,
	// and for operators of all tenants those of all, and records that name none.
	Blocked []Blocked `json:"blocked"`
}

// ShardStatus is where a consumer is in a shard.
type ShardStatus struct {
	Shard    string `json:"shard"`
	Owner    string `json:"owner"`
	Position string `json:"position"`
	// Epoch rises with every write of the lease, by which its owner shows that it lives.
	Epoch int64 `json:"epoch,omitempty"`
	// BehindSeconds is how far it is behind the newest record.
	BehindSeconds api.Seconds `json:"behind_seconds"`
	AsOf          api.Time    `json:"as_of,omitzero"`
	// Ended says that all of a closed shard has been read.
	Ended bool `json:"ended,omitempty"`
	// Holes are ranges of the shard that it possibly missed. HoleSince is when the oldest was
	// found, and HoleAccounts counts the accounts that were compared with the journal since.
	Holes        int      `json:"holes,omitempty"`
	HoleSince    api.Time `json:"hole_since,omitzero"`
	HoleAccounts int64    `json:"hole_accounts,omitempty"`
}

// Blocked is an account that a consumer has quarantined, or a record that names none.
type Blocked struct {
	// Tenant is the account's, for operators of all tenants.
	Tenant           string `json:"tenant,omitempty"`
	AccountID        string `json:"account_id,omitempty"`
	BlockedAtVersion int64  `json:"blocked_at_version,omitempty"`
	// BehindVersions is how many versions the account is behind its head; nil for a record.
	BehindVersions *int64 `json:"behind_versions,omitempty"`
	Record         string `json:"record,omitempty"`
	Cause          string `json:"cause"`
	// Since is when it was set apart.
	Since api.Time `json:"since,omitzero"`
}

// Route returns the route that serves them.
func (cs Consumers) Route() web.Route {
	return web.Route{Method: http.MethodGet, Path: "/v1/consumers", Scopes: access.OpsRead, Handler: func(c echo.Context) error {
		if err := web.ParseQuery(c).Problem(); err != nil {
			return err
		}
		ctx := c.Request().Context()
		list, err := cs.List(ctx, access.From(ctx))
		if err != nil {
			return api.Unavailable(err)
		}
		return web.ReplyJSON(c, http.StatusOK, ConsumerList{Consumers: list})
	}}
}

// List reads where the consumers are, as a principal may see it.
func (cs Consumers) List(ctx context.Context, by *access.Principal) ([]ConsumerStatus, error) {
	names, err := cs.names(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]ConsumerStatus, len(names))
	for i, name := range names {
		if list[i], err = cs.status(ctx, name, by); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (cs Consumers) names(ctx context.Context) ([]string, error) {
	names := append([]string(nil), cs.Names...)
	for _, model := range cs.Models {
		live, candidate, err := readmodel.Generations(ctx, cs.Table, model)
		if err != nil {
			return nil, err
		}
		names = append(names, readmodel.Name(model, live))
		if candidate != 0 {
			names = append(names, readmodel.Name(model, candidate))
		}
	}
	return names, nil
}

// status reads where one consumer is, as a principal may see it.
func (cs Consumers) status(ctx context.Context, name string, by *access.Principal) (status ConsumerStatus, err error) {
	shards, err := consumer.Status(ctx, cs.Table, cs.Stream, name)
	if err != nil {
		return status, fmt.Errorf("status of %s: %w", name, err)
	}
	quarantined, err := cs.quarantined(ctx, name, by)
	if err != nil {
		return status, fmt.Errorf("quarantine of %s: %w", name, err)
	}
	status = ConsumerStatus{Name: name, Stream: cs.Stream, Shards: make([]ShardStatus, len(shards)), Blocked: make([]Blocked, len(quarantined))}
	for i, s := range shards {
		status.Shards[i] = ShardStatus{
			Shard: s.Shard, Owner: s.Owner, Position: s.Checkpoint, Epoch: s.Epoch, BehindSeconds: api.Seconds(s.Lag(time.Now(), cs.Lease).Seconds()),
			AsOf: api.Time{Time: s.At.Truncate(time.Microsecond)}, Ended: s.Ended, Holes: s.Holes,
		}
	}
	if err := cs.holes(ctx, name, status.Shards); err != nil {
		return status, err
	}
	for i, q := range quarantined {
		if status.Blocked[i], err = cs.blocked(ctx, q); err != nil {
			return status, err
		}
		if by.AllTenants {
			status.Blocked[i].Tenant = q.Account.Tenant
		}
	}
	return status, nil
}

// holes adds to shards with open holes since when they have them. Few have any, so that the holes
// are read once more only then.
func (cs Consumers) holes(ctx context.Context, name string, shards []ShardStatus) error {
	if !slices.ContainsFunc(shards, func(s ShardStatus) bool { return s.Holes > 0 }) {
		return nil
	}
	holes, err := consumer.Holes(ctx, cs.Table, cs.Stream, name)
	if err != nil {
		return fmt.Errorf("holes of %s: %w", name, err)
	}
	for i := range shards {
		for _, h := range holes {
			if h.Shard != shards[i].Shard || !h.HealedAt.IsZero() {
				continue
			}
			if at := shards[i].HoleSince.Time; at.IsZero() || h.FoundAt.Before(at) {
				shards[i].HoleSince = api.Time{Time: h.FoundAt.UTC().Truncate(time.Microsecond)}
			}
			shards[i].HoleAccounts += h.Accounts
		}
	}
	return nil
}

// quarantined returns at most maxBlocked of what a consumer has in quarantine and a principal may
// see.
func (cs Consumers) quarantined(ctx context.Context, name string, by *access.Principal) ([]quarantined.Item, error) {
	if !by.AllTenants {
		return quarantined.Of(ctx, cs.Table, name, by.Tenant, maxBlocked)
	}
	list, _, err := quarantined.Page(ctx, cs.Table, name, "")
	return list[:min(len(list), maxBlocked)], err
}

// blocked reads how many versions a quarantined account is behind its head by now.
func (cs Consumers) blocked(ctx context.Context, q quarantined.Item) (Blocked, error) {
	if q.Account.ID == "" {
		return Blocked{Record: q.ID, Cause: q.Cause, Since: api.Time{Time: q.At.UTC()}}, nil
	}
	head, err := cs.Journal.Head(ctx, q.Account)
	if err != nil {
		return Blocked{}, fmt.Errorf("head of %s: %w", q.Account, err)
	}
	behind := max(head.State.Version-q.Version+1, 0)
	return Blocked{AccountID: q.Account.ID, BlockedAtVersion: q.Version, BehindVersions: &behind, Cause: q.Cause, Since: api.Time{Time: q.At.UTC()}}, nil
}
