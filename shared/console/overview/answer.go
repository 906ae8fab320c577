package overview

import "passbook/shared/console/view"

// answer is what the pages show of GET /v1/ops/pipeline.
type answer struct {
	AsOf        string `json:"as_of"`
	Environment struct{ Store, Place, Program, Version string }
	Services    []flow
	Journal     flow
	Stream      stream
	Consumers   []consumer
	Archive     struct {
		flow
		BehindSeconds *float64 `json:"behind_seconds"`
		CompleteTo    *string  `json:"complete_to"`
	}
	Commands    struct{ Accepted, Declined, Refused outcome }
	Writers     []writer
	Generations []generations
	Processes   []process
	Disk        *struct {
		FreeBytes  int64 `json:"free_bytes"`
		FloorBytes int64 `json:"floor_bytes"`
	}
	Audit *struct {
		At, State string
		ExitCode  *int `json:"exit_code"`
	}
	Attention []attention `json:"needs_attention"`
}

// flow is how much passes a part of the pipeline.
type flow struct {
	Name      string
	State     string
	Rate      *float64
	P99       *float64 `json:"p99_seconds"`
	History   []*float64
	LastError *struct{ What, At string } `json:"last_error"`
}

type stream struct {
	flow
	Shards []shard
}

type shard struct {
	ID            string
	FirstHash     string `json:"first_hash"`
	LastHash      string `json:"last_hash"`
	Parents       []string
	Closed        bool
	Rate, Share   *float64
	BehindSeconds float64 `json:"behind_seconds"`
}

type consumer struct {
	flow
	Model         string
	Live          bool
	BehindSeconds float64 `json:"behind_seconds"`
	Holes         int
	Blocked       []blocked
	Shards        []position
}

type blocked struct {
	AccountID string `json:"account_id"`
	Version   int64  `json:"blocked_at_version"`
	Record    string
	Cause     string
}

// position is where a consumer is in a shard.
type position struct {
	Shard, Owner, Position string
	Epoch                  int64
	BehindSeconds          float64 `json:"behind_seconds"`
	AsOf                   string  `json:"as_of"`
	Ended                  bool
	Holes                  int
}

type outcome struct {
	PerMinute *float64 `json:"per_minute"`
	History   []*float64
}

type writer struct {
	ID, State string
	Epoch     int64
	Published int64
	Format    int
	Began     string
	Passes    int
}

type generations struct {
	Model                                            string
	Live, Candidate, Promoting, Previous, Discarding int64
}

type process struct {
	Name, Instance, Address, Version, Error string
	Up, Ended                               bool
	StartedAt                               string `json:"started_at"`
	SeenAt                                  string `json:"seen_at"`
	ResidentBytes                           int64  `json:"resident_bytes"`
}

type attention struct {
	ID, Kind, Severity, Subject, What, Cause, Since string
}

// events are what the page shows of GET /v1/events.
type events struct{ Events []event }

type event struct {
	AccountID     string `json:"account_id"`
	Version       int64
	Type          string
	RecordedAt    string `json:"recorded_at"`
	CorrelationID string `json:"correlation_id"`
	Actor         string
	Currency      string
	Amount        *int64
	After         struct{ Posted, Held, Limit int64 }
	Data          struct {
		view.EventData
		Amount int64
	}
}

// What returns the event in words.
func (e event) What() string { return view.EventTitle(e.Type, e.Data.EventData) }

// Moves returns the amount with the sign of what it does to the balance, 0 if it does nothing.
func (e event) Moves() int64 {
	if e.Amount == nil {
		return 0
	}
	return view.EventMoves(e.Type, e.Data.EventData, *e.Amount)
}

// Declined returns the amount of a decline, 0 for other events.
func (e event) Declined() int64 {
	if e.Type == "WithdrawalDeclined" {
		return e.Data.Amount
	}
	return 0
}

// totals are what the page shows of GET /v1/totals.
type totals struct {
	Totals []struct {
		Currency                             string
		Accounts, Posted, Held, Drawn, Limit int64
	}
	AsOf *string `json:"as_of"`
}
