package opsread

import (
	"context"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/api"
	"passbook/shared/readmodel"
	"passbook/shared/readmodel/quarantined"
	"passbook/shared/web"
)

// maxQuarantined bounds what the answer lists for each consumer.
const maxQuarantined = 500

// Quarantine is what the consumers have in quarantine.
type Quarantine struct {
	Quarantined []Quarantined `json:"quarantined"`
	// More says that a consumer has more than is listed.
	More bool `json:"more"`
}

// Quarantined is an account, or a record that names none, that a consumer cannot process.
type Quarantined struct {
	Consumer  string `json:"consumer"`
	ID        string `json:"id"`
	Tenant    string `json:"tenant,omitempty"`
	AccountID string `json:"account_id,omitempty"`
	// Version is the first event that the consumer lacks, and Behind how many follow up to the
	// head of the journal, itself included.
	Version int64    `json:"version,omitempty"`
	Behind  *int64   `json:"behind_versions,omitempty"`
	Cause   string   `json:"cause"`
	At      api.Time `json:"at"`
	// Shard and Sequence are where the record was read; absent where it came from the journal.
	Shard    string `json:"shard,omitempty"`
	Sequence string `json:"sequence,omitempty"`
	Size     int64  `json:"size"`
	// Data is the record's bytes, where one is asked for by its id.
	Data []byte `json:"data,omitempty"`
}

// quarantine answers with what is in quarantine: the caller's tenant's accounts, and for operators
// of all tenants those of all, and records that name none.
func (r *Reads) quarantine(c echo.Context) error {
	q := web.ParseQuery(c)
	name, id := q.String("consumer", 64), q.String("id", 1024)
	if err := q.Problem(); err != nil {
		return err
	}
	ctx := c.Request().Context()
	by := access.From(ctx)
	if id != "" && !by.Scopes.Has(access.AccountsRead) { // a record says what happened on an account
		return web.MissingScope(access.OpsRead | access.AccountsRead)
	}
	names, err := r.quarantining(ctx)
	if err != nil {
		return api.Unavailable(err)
	}
	answer := Quarantine{Quarantined: []Quarantined{}}
	for _, n := range names {
		if name != "" && n != name {
			continue
		}
		if err := r.addQuarantine(ctx, &answer, n, id, by); err != nil {
			return api.Unavailable(fmt.Errorf("quarantine of %s: %w", n, err))
		}
	}
	return web.ReplyJSON(c, http.StatusOK, answer)
}

// quarantining returns the names of all consumers that have a quarantine.
func (r *Reads) quarantining(ctx context.Context) ([]string, error) {
	names := append([]string(nil), r.Consumers...)
	for _, model := range r.Models {
		g, err := readmodel.LoadGenerations(ctx, r.Table, model)
		if err != nil {
			return nil, err
		}
		for _, generation := range []int64{g.Live, g.Candidate, g.Previous} {
			if generation > 0 {
				names = append(names, readmodel.Name(model, generation))
			}
		}
	}
	return names, nil
}

// addQuarantine adds what a consumer has in quarantine and a principal may see; with an id only
// that, with its data.
func (r *Reads) addQuarantine(ctx context.Context, to *Quarantine, name, id string, by *access.Principal) error {
	list, more, err := r.inQuarantine(ctx, name, by)
	if err != nil {
		return err
	}
	to.More = to.More || more
	for _, q := range list {
		if id != "" && q.ID != id {
			continue
		}
		s := Quarantined{
			Consumer: name, ID: q.ID, Tenant: q.Account.Tenant, AccountID: q.Account.ID, Version: q.Version, Cause: q.Cause, At: micros(q.At),
			Shard: q.Shard, Sequence: q.Sequence, Size: q.Size,
		}
		if id != "" {
			s.Data = q.Data
		}
		if q.Account.ID != "" {
			head, err := r.Journal.Head(ctx, q.Account)
			if err != nil {
				return fmt.Errorf("head of %s: %w", q.Account, err)
			}
			behind := max(head.State.Version-q.Version+1, 0)
			s.Behind = &behind
		}
		to.Quarantined = append(to.Quarantined, s)
	}
	return nil
}

// inQuarantine returns at most maxQuarantined of what a consumer has in quarantine and a principal
// may see, and whether there is more.
func (r *Reads) inQuarantine(ctx context.Context, name string, by *access.Principal) (list []quarantined.Item, more bool, err error) {
	if !by.AllTenants {
		list, err = quarantined.Of(ctx, r.Table, name, by.Tenant, maxQuarantined+1)
	} else {
		for next := ""; ; {
			var page []quarantined.Item
			if page, next, err = quarantined.Page(ctx, r.Table, name, next); err != nil {
				return nil, false, err
			}
			if list = append(list, page...); next == "" || len(list) > maxQuarantined {
				break
			}
		}
	}
	return list[:min(len(list), maxQuarantined)], len(list) > maxQuarantined, err
}
