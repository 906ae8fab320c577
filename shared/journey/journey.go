package journey

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"passbook/shared/access"
	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/readmodel"
	"passbook/shared/stream"
	"passbook/shared/telemetry/trace"
	"passbook/shared/web"
)

// Path is the journey's.
const Path = "/v1/accounts/{account_id}/events/{version}/journey"

// Config configures Journeys. Journal, Stream and Streams are required.
type Config struct {
	Journal *journal.Reader
	// Stream is the stream of events, with the deployment's prefix.
	Stream  string
	Streams stream.Stream
	// Bucket has the archive. A process that may not read it has nil.
	Bucket bucket.Bucket
	// Models are the read models whose rows the process can read.
	Models []Model
	// Log gets what kept a part from being found; nil is slog.Default.
	Log *slog.Logger
}

// Model is a read model with its rows.
type Model struct {
	Name string
	// Row returns the version of an account's row and when it was written.
	Row func(ctx context.Context, of event.Account) (version int64, projectedAt time.Time, err error)
}

// ModelOf returns a model whose rows get reads. An account without a row is at version 0.
func ModelOf[S any](name string, get func(ctx context.Context, of event.Account) (readmodel.Row[S], error)) Model {
	return Model{Name: name, Row: func(ctx context.Context, of event.Account) (int64, time.Time, error) {
		row, err := get(ctx, of)
		if errors.Is(err, readmodel.ErrNoRow) || errors.Is(err, readmodel.ErrBehind) {
			err = nil
		}
		return row.Version, row.ProjectedAt, err
	}}
}

// Journeys serves journeys. It may be used concurrently.
type Journeys struct {
	config Config
	// reads bounds the reads of the stream, which shares its limits with the consumers, and opened
	// the segments in memory.
	reads  *rate.Limiter
	opened chan struct{}
}

// New returns Journeys.
func New(c Config) *Journeys {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &Journeys{config: c, reads: rate.NewLimiter(rate.Every(time.Second), 4), opened: make(chan struct{}, 1)}
}

// Route returns the route.
func (j *Journeys) Route() web.Route {
	return web.Route{Method: http.MethodGet, Path: Path, Scopes: access.AccountsRead, Handler: j.serve}
}

func (j *Journeys) serve(c echo.Context) error {
	of, err := api.PathAccount(c)
	if err != nil {
		return err
	}
	version, err := strconv.ParseInt(c.Param("version"), 10, 64)
	if err != nil || version < 1 || version > event.MaxVersion {
		return web.InvalidForm("version", account.FieldOutOfRange, "a version, from 1")
	}
	if err := web.ParseQuery(c).Problem(); err != nil {
		return err
	}
	ctx := c.Request().Context()
	head, err := api.ExistingHead(ctx, j.config.Journal, of)
	if err != nil {
		return err
	}
	if version > head.State.Version {
		return web.Refuse(api.VersionNotFound).Of(of.ID, head.State.Version)
	}
	ev, entry, err := j.config.Journal.Event(ctx, of, version)
	if err != nil {
		return api.Unavailable(err)
	}
	answer, err := journeyOf(of, ev, entry)
	if err != nil {
		return err
	}
	j.follow(ctx, of, ev, entry, &answer)
	return web.ReplyJSON(c, http.StatusOK, answer)
}

// journeyOf returns what the journal knows.
func journeyOf(of event.Account, ev event.Event, entry *event.Entry) (Journey, error) {
	hashed, err := entry.Hashed()
	if err != nil {
		return Journey{}, fmt.Errorf("journey of %s: %w", of.EventID(ev.Version), err)
	}
	command := entry.Commands[ev.Command]
	return Journey{
		EventID: of.EventID(ev.Version), AccountID: of.ID, Version: ev.Version, Type: ev.Body.Type(),
		Request: Request{
			Actor: command.Actor, IdempotencyKey: command.Key, CorrelationID: command.CorrelationID,
			First: command.First, Last: command.Last, Status: command.Status,
		},
		DecidedOn: command.First - 1,
		Entry: Entry{
			First: entry.First, Last: entry.Last, RecordedAt: api.Time{Time: entry.RecordedAt}, Commands: len(entry.Commands), Format: entry.Format,
			TraceID: trace.TraceID(entry.Hash), Hash: entry.Hash.String(), Prev: prevOf(entry), Signed: entry.Signed() && !entry.MAC.IsZero(), Writer: entry.Writer, Hashed: string(hashed),
		},
		Models: []Projected{},
	}, nil
}

// prevOf returns the hash of the entry before, empty at version 1.
func prevOf(e *event.Entry) string {
	if e.Prev.IsZero() {
		return ""
	}
	return e.Prev.String()
}

// followMost bounds the search for where the event went.
const followMost = 5 * time.Second

// follow adds where the event went, as far as it can be found. The log says why a part is missing.
func (j *Journeys) follow(ctx context.Context, of event.Account, ev event.Event, entry *event.Entry, answer *Journey) {
	ctx, cancel := context.WithTimeout(ctx, followMost)
	defer cancel()
	failed := func(what string, err error) {
		if err != nil {
			j.config.Log.WarnContext(ctx, "a part of an event's journey could not be found", "part", what, "event", of.EventID(ev.Version), "error", err)
		}
	}
	answer.Models = make([]Projected, len(j.config.Models))
	var models errgroup.Group
	for i, model := range j.config.Models {
		models.Go(func() error {
			version, at, err := model.Row(ctx, of)
			failed(model.Name, err)
			answer.Models[i] = Projected{Name: model.Name, Folded: version >= ev.Version, Version: version, ProjectedAt: api.Time{Time: at}}
			return nil
		})
	}
	found, err := j.archived(ctx, of, ev, entry)
	failed("archive", err)
	if found == nil {
		record, err := j.streamed(ctx, of, entry)
		failed("stream", err)
		answer.Stream = record
	} else {
		answer.Stream, answer.Archive = &found.record, &found.row
	}
	_ = models.Wait() // none returns an error
}
