package jobs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"passbook/balance"
	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/ops"
	"passbook/creditlimit"
	"passbook/shared/bucket"
	"passbook/shared/consumer"
	"passbook/shared/journal"
	"passbook/shared/platform"
	"passbook/shared/progress"
	"passbook/shared/replay"
	"passbook/shared/stores"
	"passbook/shared/stream"
	"passbook/shared/table"
)

// Models are the read models, by the names of their tables.
var Models = []string{balance.Table, creditlimit.Table}

// ErrParams: the job cannot be done with these parameters; nothing was touched.
var ErrParams = ops.ErrParams

// Resources are the tables and streams of a bank.
func Resources() platform.Resources {
	tables := append(slices.Clone(journal.Schemas), balance.Schema, creditlimit.Schema)
	return platform.Resources{Tables: tables, Streams: []string{deployment.EventStream, deployment.NotificationStream}, Archive: true}
}

// Bank is what the jobs work on.
type Bank struct {
	Config  platform.Config
	Table   table.Table
	Streams stream.Stream
	Bucket  bucket.Bucket
	// Stores are the three as a set that is compared before a job reads the archive.
	Stores stores.Set
	// CreateStream makes a stream that is missing, RenewStream makes one again in the place of the
	// one that is there.
	CreateStream, RenewStream func(ctx context.Context, name string) error
	Journal                   *journal.Reader
	Balance                   *balance.Projector
	CreditLimit               *creditlimit.Projector
	// Log is told what leaves no other trace.
	Log *slog.Logger
	// Exclusive says that no other process can use the stores.
	Exclusive bool
	// Flush has the archiver of this process seal what it holds; nil where the process runs nothing
	// but the job.
	Flush func(ctx context.Context) error
}

// Standing is the bank of an engine on which nothing else runs in this process.
func Standing(config platform.Config, engine *platform.Engine, log *slog.Logger) Bank {
	var tables table.Table = patientTable{engine.Table}
	runtime := consumer.Runtime{
		Stream: config.Stream(deployment.EventStream), Owner: "job", Lease: config.Lease, Exclusive: engine.Exclusive,
		Table: tables, Streams: engine.Streams, Log: log,
	}
	reader, set := journal.NewReader(tables), deployment.Stores(config, engine, log)
	set.Table = tables
	return Bank{
		Config: config, Table: tables, Streams: engine.Streams, Bucket: engine.Bucket, Stores: set, CreateStream: engine.CreateStream,
		RenewStream: engine.RenewStream, Journal: reader, Log: log, Exclusive: engine.Exclusive,
		Balance: balance.NewProjector(balance.Config{Runtime: runtime, Journal: reader, Store: balance.NewStore(tables)}),
		CreditLimit: creditlimit.NewProjector(creditlimit.Config{
			Runtime: runtime, Journal: reader, Store: creditlimit.NewStore(tables), Notifications: config.Stream(deployment.NotificationStream),
		}),
	}
}

// Funcs are the jobs by name.
func (b Bank) Funcs() map[string]ops.Func {
	return map[string]ops.Func{
		"rebuild":    job(b.rebuild),
		"promote":    job(b.promote),
		"discard":    job(b.discard),
		"journal":    job(b.restore),
		"republish":  job(b.republish),
		"quarantine": job(b.quarantine),
		"redrive":    job(b.redrive),
		"clear":      job(b.clear),
		"audit":      job(b.audit),
		"known":      job(b.knows),
		"claim":      job(b.claim),
		"retire":     job(b.retire),
		"stream":     job(b.renew),
		"clock":      job(b.acceptClock),
	}
}

// checked are parameters that can say what is wrong with them.
type checked interface{ check() error }

// checks look at the parameters of the jobs.
var checks = map[string]func(json.RawMessage) error{
	"rebuild": check[RebuildParams], "promote": check[PromoteParams], "discard": check[DiscardParams], "journal": check[JournalParams],
	"republish": check[RepublishParams], "quarantine": check[QuarantineParams], "redrive": check[RedriveParams], "audit": check[AuditParams],
	"clear":  check[ClearParams],
	"claim":  check[ClaimParams],
	"retire": check[RetireParams],
	"stream": check[RenewParams],
	"known":  check[KnownParams],
	"clock":  check[ClockParams],
}

// Check says what is wrong with the parameters of a job, before it begins. Its errors match
// ErrParams.
func Check(name string, text json.RawMessage) error {
	if check := checks[name]; check != nil {
		return check(text)
	}
	return nil
}

func check[P checked](text json.RawMessage) error {
	_, err := parse[P](text)
	return err
}

// parse reads the parameters of a job. Unknown ones are refused.
func parse[P checked](text json.RawMessage) (params P, err error) {
	if len(text) > 0 {
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&params); err != nil && !errors.Is(err, io.EOF) {
			return params, wrong("%s", plainly(err))
		}
	}
	return params, params.check()
}

// plainly says without Go's words what is wrong with a job's JSON.
func plainly(err error) string {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		if kind.Field == "" {
			return "the parameters are one JSON object, not an " + kind.Value
		}
		return fmt.Sprintf("%s cannot be a JSON %s", kind.Field, kind.Value)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return "there is no parameter " + name
	}
	return err.Error()
}

// job makes an ops.Func of a function with parameters of a type.
func job[P checked, R any](do func(ctx context.Context, params P, p *progress.Tracker) (R, error)) ops.Func {
	return func(ctx context.Context, text json.RawMessage, p *progress.Tracker) (any, error) {
		params, err := parse[P](text)
		if err != nil {
			return nil, err
		}
		result, err := do(ctx, params, p)
		if errors.Is(err, replay.ErrDifference) {
			err = fmt.Errorf("%w: %w", ops.ErrDifference, err)
		}
		return result, err
	}
}

// wrong is the error of a parameter.
func wrong(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrParams, fmt.Sprintf(format, args...))
}

// checkModel refuses what is no read model.
func checkModel(model string) error {
	if !slices.Contains(Models, model) {
		return wrong("--model is %s or %s", Models[0], Models[1])
	}
	return nil
}
