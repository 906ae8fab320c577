package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/consumer"
	"passbook/shared/journal"
	"passbook/shared/readmodel"
	"passbook/shared/table"
	"passbook/shared/web"
)

// maxBlocked bounds the blocked accounts that are told of per consumer; the quarantine job lists
// them all.
const maxBlocked = 100

// Consumers says whose positions are told.
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

// Route serves them.
func (cs Consumers) Route() web.Route {
	return web.Route{Method: http.MethodGet, Path: "/v1/consumers", Handler: func(c echo.Context) error {
		ctx := c.Request().Context()
		names, err := cs.names(ctx)
		if err != nil {
			return Unavailable(err)
		}
		var j web.JSON
		j.Begin()
		j.BeginList("consumers")
		for _, name := range names {
			if err := cs.render(ctx, &j, name); err != nil {
				return Unavailable(err)
			}
		}
		j.EndList()
		j.End()
		web.Reply(c, http.StatusOK, j)
		return nil
	}}
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

func (cs Consumers) render(ctx context.Context, j *web.JSON, name string) error {
	shards, err := consumer.Status(ctx, cs.Table, cs.Stream, name)
	if err != nil {
		return fmt.Errorf("status of %s: %w", name, err)
	}
	blocked, _, err := readmodel.Quarantine(ctx, cs.Table, name, "")
	if err != nil {
		return fmt.Errorf("quarantine of %s: %w", name, err)
	}
	j.Begin()
	j.String("name", name)
	j.String("stream", cs.Stream)
	j.BeginList("shards")
	for _, s := range shards {
		j.Begin()
		j.String("shard", s.Shard)
		j.String("owner", s.Owner)
		j.String("position", s.Checkpoint)
		j.Seconds("behind_seconds", s.Lag(time.Now(), cs.Lease))
		j.OptTime("as_of", s.At.Truncate(time.Microsecond))
		if s.Ended {
			j.Bool("ended", true)
		}
		j.OptInt("holes", int64(s.Holes))
		j.End()
	}
	j.EndList()
	j.BeginList("blocked")
	for _, q := range blocked[:min(len(blocked), maxBlocked)] {
		if err := cs.renderBlocked(ctx, j, q); err != nil {
			return err
		}
	}
	j.EndList()
	j.End()
	return nil
}

// renderBlocked tells of an account that was set aside, and how many versions it is behind its head
// by now; or of a record that names none.
func (cs Consumers) renderBlocked(ctx context.Context, j *web.JSON, q readmodel.Quarantined) error {
	j.Begin()
	if q.Account.ID != "" {
		head, err := cs.Journal.Head(ctx, q.Account)
		if err != nil {
			return fmt.Errorf("head of %s: %w", q.Account.ID, err)
		}
		j.String("account_id", q.Account.ID)
		j.OptInt("blocked_at_version", q.Version)
		j.Int("behind_versions", max(head.State.Version-q.Version+1, 0))
	} else {
		j.String("record", q.ID)
	}
	j.String("cause", q.Cause)
	j.End()
	return nil
}
