package opsread

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/api"
	"passbook/shared/consumer"
	"passbook/shared/readmodel"
	"passbook/shared/web"
)

// The roles of a generation.
const (
	// Live is the one whose rows readers get.
	Live = "live"
	// Candidate is being rebuilt.
	Candidate = "candidate"
	// Promoting is the candidate while it is about to become live.
	Promoting = "promoting"
	// Previous was live before, and is kept up to date.
	Previous = "previous"
	// Discarding is the one whose rows are being deleted.
	Discarding = "discarding"
)

// Generations are the generations of all read models.
type Generations struct {
	Models []ModelGenerations `json:"models"`
}

// ModelGenerations are the generations of a read model, the live one first.
type ModelGenerations struct {
	Model       string       `json:"model"`
	Generations []Generation `json:"generations"`
}

// Generation is one generation of a read model.
type Generation struct {
	Generation int64  `json:"generation"`
	Role       string `json:"role"`
	Consumer   string `json:"consumer"`
	Shards     int    `json:"shards"`
	// BehindSeconds is that of the shard that is most behind; absent while it has none.
	BehindSeconds *api.Seconds `json:"behind_seconds,omitempty"`
	// Holes are ranges of shards that it possibly missed.
	Holes int `json:"holes"`
}

// generations answers with the generations of the read models.
func (r *Reads) generations(c echo.Context) error {
	if err := web.ParseQuery(c).Problem(); err != nil {
		return err
	}
	ctx := c.Request().Context()
	answer := Generations{Models: []ModelGenerations{}}
	for _, model := range r.Models {
		of, err := r.generationsOf(ctx, model)
		if err != nil {
			return api.Unavailable(fmt.Errorf("generations of %s: %w", model, err))
		}
		answer.Models = append(answer.Models, of)
	}
	return web.ReplyJSON(c, http.StatusOK, answer)
}

// generationsOf returns the generations of a model.
func (r *Reads) generationsOf(ctx context.Context, model string) (answer ModelGenerations, err error) {
	answer = ModelGenerations{Model: model, Generations: []Generation{}}
	set, err := readmodel.LoadGenerations(ctx, r.Table, model)
	if err != nil {
		return answer, err
	}
	candidate := Candidate
	if set.Promoting != 0 {
		candidate = Promoting
	}
	for _, g := range []Generation{
		{Generation: set.Live, Role: Live}, {Generation: set.Candidate, Role: candidate}, {Generation: set.Previous, Role: Previous},
		{Generation: set.Discarding, Role: Discarding},
	} {
		if g.Generation == 0 || g.Role == Discarding && (g.Generation == set.Candidate || g.Generation == set.Previous) {
			continue
		}
		g.Consumer = readmodel.Name(model, g.Generation)
		shards, err := consumer.Status(ctx, r.Table, r.Stream, g.Consumer)
		if err != nil {
			return answer, err
		}
		g.Shards = len(shards)
		for _, s := range shards {
			g.Holes += s.Holes
			if lag := api.Seconds(s.Lag(time.Now(), r.Lease).Seconds()); g.BehindSeconds == nil || lag > *g.BehindSeconds {
				g.BehindSeconds = &lag
			}
		}
		answer.Generations = append(answer.Generations, g)
	}
	return answer, nil
}
