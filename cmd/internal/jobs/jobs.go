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
	"time"

	"passbook/balance"
	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/ops"
	"passbook/creditlimit"
	"passbook/shared/bucket"
	"passbook/shared/consumer"
	"passbook/shared/journal"
	"passbook/shared/keywrap"
	"passbook/shared/opslog"
	"passbook/shared/platform"
	"passbook/shared/progress"
	"passbook/shared/replay"
	"passbook/shared/stores"
	"passbook/shared/stream"
	"passbook/shared/table"
	"passbook/shared/webhook/delivery"
)

// Models are the read models, by the names of their tables.
var Models = deployment.ReadModels

// ErrParams means that a job cannot be done with its parameters. Nothing was changed.
var ErrParams = ops.ErrParams

// Resources returns the tables and streams of a bank. On AWS it may be without webhooks.
func Resources() platform.Resources {
	tables := slices.Concat(journal.Schemas, balance.Schemas, []table.Schema{creditlimit.Schema, delivery.OptionalSchema})
	return platform.Resources{Tables: tables, Streams: []string{deployment.EventStream, deployment.NotificationStream}, Archive: true}
}

// Everything returns Resources with every table that a bank can have.
func Everything() platform.Resources {
	all := Resources()
	for i := range all.Tables {
		all.Tables[i].Optional = false
	}
	return all
}

// Bank is what the jobs work on.
type Bank struct {
	Config  platform.Config
	Table   table.Table
	Streams stream.Stream
	Bucket  bucket.Bucket
	// Keys unwraps the bank's data keys.
	Keys keywrap.Wrapper
	// Stores are the three as a set that is compared before a job reads the archive.
	Stores stores.Set
	// CreateStream creates a stream that is missing, RenewStream deletes a stream and creates it
	// again.
	CreateStream, RenewStream func(ctx context.Context, name string) error
	// RaiseFormat marks the stores so that programs of an older release refuse them.
	RaiseFormat func(ctx context.Context) error
	// Snapshot takes a copy of a data directory's stores.
	Snapshot    func(ctx context.Context) (*platform.Snapshot, error)
	Journal     *journal.Reader
	Balance     *balance.Projector
	CreditLimit *creditlimit.Projector
	// Log gets what leaves no other trace.
	Log *slog.Logger
	// Exclusive says that no other process can use the stores.
	Exclusive bool
	// Flush makes the archiver of this process seal its open segments; nil if the process runs
	// nothing but the job.
	Flush func(ctx context.Context) error
	// AppendLog adds what is archived to the signed log of this process; nil as Flush.
	AppendLog func(ctx context.Context) error
	// BackedUp is called with when a backup began that is finished; it may be nil.
	BackedUp func(at time.Time)
	// Version is that of the program.
	Version string
}

// NewBank makes the bank of an engine on which nothing else runs in this process.
func NewBank(config platform.Config, engine *platform.Engine, log *slog.Logger) Bank {
	var tables table.Table = throttledTable{engine.Table}
	runtime := consumer.Runtime{
		Stream: config.Stream(deployment.EventStream), Owner: "job", Lease: config.Lease, Exclusive: engine.Exclusive,
		Table: tables, Streams: engine.Streams, Log: log,
	}
	reader, set := journal.NewReader(tables), deployment.Stores(config, engine, log)
	set.Table = tables
	return Bank{
		Config: config, Table: tables, Streams: engine.Streams, Bucket: engine.Bucket, Keys: engine.Keys, Stores: set, CreateStream: engine.CreateStream,
		RenewStream: engine.RenewStream, RaiseFormat: engine.RaiseFormat, Snapshot: engine.Snapshot, Journal: reader, Log: log, Exclusive: engine.Exclusive,
		Balance: balance.NewProjector(balance.Config{
			Runtime: runtime, Journal: reader, Store: balance.NewStore(tables, 0), NoEventIndex: !config.IndexesEvents(),
		}),
		CreditLimit: creditlimit.NewProjector(creditlimit.Config{
			Runtime: runtime, Journal: reader, Store: creditlimit.NewStore(tables, 0), Notifications: config.Stream(deployment.NotificationStream),
		}),
	}
}

// parameters are those of a kind of job. Further methods are optional: about returns the tenant
// that the job is about, inLog returns the parameters as the operators' log has them, and onlyLooks
// marks a job that shows what is there, and is not in the log.
type parameters interface {
	// check reports what is wrong with them.
	check() error
	// changes reports whether the job changes anything. It does not begin then unless it is a row
	// in the operators' log; a dry run or an audit begins without one too.
	changes() bool
}

// look is embedded in the parameters of a job that shows what is there.
type look struct{}

func (look) changes() bool { return false }

func (look) onlyLooks() {}

// kind is a kind of job.
type kind struct {
	// check reports what is wrong with the parameters of such a job.
	check func(json.RawMessage) error
	// action returns what the operators' log has of such a job, nil if nothing, and whether the job
	// changes anything.
	action func(json.RawMessage) (*opslog.Action, bool)
	// on makes the job of a bank.
	on func(Bank) ops.Func
}

// kinds are all jobs by name.
var kinds = map[string]kind{
	"rebuild":     kindOf(Bank.rebuild),
	"promote":     kindOf(Bank.promote),
	"discard":     kindOf(Bank.discard),
	"journal":     kindOf(Bank.restore),
	"republish":   kindOf(Bank.republish),
	"quarantine":  kindOf(Bank.quarantine),
	"redrive":     kindOf(Bank.redrive),
	"clear":       kindOf(Bank.clear),
	"audit":       kindOf(Bank.audit),
	"coverage":    kindOf(Bank.coverage),
	"known":       kindOf(Bank.reportEvidence),
	"states":      kindOf(Bank.states),
	"claim":       kindOf(Bank.claim),
	"archive-log": kindOf(Bank.archiveLog),
	"seal-day":    kindOf(Bank.sealDay),
	"retire":      kindOf(Bank.retire),
	"stream":      kindOf(Bank.renew),
	"clock":       kindOf(Bank.acceptClock),
	"rotate":      kindOf(Bank.rotate),
	"upgrade":     kindOf(Bank.upgrade),
	"backup":      kindOf(Bank.backup),
	"key-create":  kindOf(Bank.createKey),
	"key-list":    kindOf(Bank.listKeys),
	"key-revoke":  kindOf(Bank.revokeKey),
	"actor-erase": kindOf(Bank.eraseActor),
	"log":         kindOf(Bank.log),
}

// kindOf makes the kind of job that do carries out, with parameters of a type.
func kindOf[P parameters, R any](do func(b Bank, ctx context.Context, params P, p *progress.Tracker) (R, error)) kind {
	return kind{
		check: func(text json.RawMessage) error {
			_, err := parse[P](text)
			return err
		},
		action: actionOf[P],
		on: func(b Bank) ops.Func {
			return func(ctx context.Context, text json.RawMessage, p *progress.Tracker) (any, error) {
				params, err := parse[P](text)
				if err != nil {
					return nil, err
				}
				result, err := do(b, ctx, params, p)
				if errors.Is(err, replay.ErrDifference) {
					err = matching{err, ops.ErrDifference}
				}
				return result, err
			}
		},
	}
}

// Funcs returns the jobs of the bank by name.
func (b Bank) Funcs() map[string]ops.Func {
	funcs := map[string]ops.Func{}
	for name, k := range kinds {
		funcs[name] = b.record(name, k)
	}
	return funcs
}

// Check reports what is wrong with a request for a job, before it begins, or nil. Its errors match
// ErrParams.
func Check(asked ops.Request) error {
	if err := ops.CheckReason(asked.Reason); err != nil {
		return err
	}
	if k, known := kinds[asked.Job]; known {
		return k.check(asked.Params)
	}
	return nil
}

// parse reads the parameters of a job. Unknown ones are refused.
func parse[P parameters](text json.RawMessage) (params P, err error) {
	if len(text) > 0 {
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&params); err != nil && !errors.Is(err, io.EOF) {
			return params, wrong("%s", explainJSON(err))
		}
	}
	return params, params.check()
}

// explainJSON returns what is wrong with a job's JSON, without the names of Go types.
func explainJSON(err error) string {
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

// wrong makes the error of a parameter.
func wrong(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrParams, fmt.Sprintf(format, args...))
}

// checkModel refuses every name that is no read model's.
func checkModel(model string) error {
	if !slices.Contains(Models, model) {
		return wrong("--model must be %s or %s", Models[0], Models[1])
	}
	return nil
}
