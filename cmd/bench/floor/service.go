package floor

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

//go:embed schema.sql
var schema string

const (
	// poolSize is how many connections to PostgreSQL the service has: ten a core of a small
	// machine.
	poolSize = 20
	// callTimeout bounds one request, maxBody its body.
	callTimeout = 10 * time.Second
	maxBody     = 4 << 10
	// drain bounds the end of the service.
	drain = 10 * time.Second
	// uniqueViolation is PostgreSQL's code of a key that another transaction just used.
	uniqueViolation = "23505"
)

// service answers the routes.
type service struct {
	pool *pgxpool.Pool
	lean bool
}

// Prepare makes the tables and opens the accounts "B-000000" to the nth, which are as bench names
// them, each with funds. What exists stays.
func Prepare(ctx context.Context, dsn string, n int, funds int64) error {
	c, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	defer c.Close(context.WithoutCancel(ctx))
	var made bool
	if err := c.QueryRow(ctx, "select to_regclass('accounts') is not null").Scan(&made); err != nil {
		return fmt.Errorf("look for the tables: %w", err)
	}
	if !made {
		if _, err := c.Exec(ctx, schema); err != nil {
			return fmt.Errorf("make the tables: %w", err)
		}
	}
	_, err = c.Exec(ctx, `insert into accounts select 'B-' || lpad(n::text, 6, '0'), $2, 0 from generate_series(0, $1::int - 1) n
		on conflict do nothing`, n, funds)
	if err == nil {
		_, err = c.Exec(ctx, "vacuum analyze accounts")
	}
	if err != nil {
		return fmt.Errorf("open the accounts: %w", err)
	}
	return nil
}

// Serve answers on a listener until ctx ends; lean commands have no idempotency key.
func Serve(ctx context.Context, l net.Listener, dsn string, lean bool) error {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return err
	}
	config.MaxConns = poolSize
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	defer pool.Close()
	s := &service{pool: pool, lean: lean}
	server := &http.Server{Handler: s.routes(), ReadHeaderTimeout: callTimeout}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	return server.Shutdown(ctx)
}

// routes returns the handler of all routes. Their paths and bodies are the bank's.
func (s *service) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/accounts/{id}/credits", s.command("credited"))
	mux.HandleFunc("POST /v1/accounts/{id}/withdrawals", s.command("debited"))
	mux.HandleFunc("GET /v1/accounts/{id}/balance", s.balance)
	return mux
}

// request is the body of a command.
type request struct {
	Amount    int64  `json:"amount"`
	Currency  string `json:"currency"`
	Reference string `json:"reference"`
}

// answer is what a command or a read is answered with.
type answer struct {
	AccountID string `json:"account_id"`
	Version   int64  `json:"version"`
	Balance   int64  `json:"balance"`
}

// command returns the handler of a kind of command.
func (s *service) command(kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), callTimeout)
		defer cancel()
		var in request
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&in)
		key := r.Header.Get("Idempotency-Key")
		if err != nil || in.Amount <= 0 || in.Currency != "EUR" || key == "" {
			reply(w, http.StatusBadRequest, map[string]string{"error": "an amount above 0 in EUR and an Idempotency-Key are needed"})
			return
		}
		out, repeated, err := s.apply(ctx, key, r.PathValue("id"), kind, in)
		if failed, ok := errors.AsType[*pgconn.PgError](err); ok && failed.Code == uniqueViolation {
			out, repeated, err = s.apply(ctx, key, r.PathValue("id"), kind, in) // the key's first command has just ended
		}
		if repeated {
			w.Header().Set("Idempotency-Replayed", "true")
		}
		finish(w, http.StatusCreated, out, err)
	}
}

// apply runs a command in one transaction.
func (s *service) apply(ctx context.Context, key, id, kind string, in request) (out answer, repeated bool, err error) {
	out.AccountID = id
	var row pgx.Row
	if s.lean {
		row = s.pool.QueryRow(ctx, "select o_version, o_balance, o_repeated from apply_lean($1, $2, $3, $4)", id, kind, in.Amount, in.Reference)
	} else {
		row = s.pool.QueryRow(ctx, "select o_version, o_balance, o_repeated from apply($1, $2, $3, $4, $5)", key, id, kind, in.Amount, in.Reference)
	}
	return out, repeated, row.Scan(&out.Version, &out.Balance, &repeated)
}

// balance answers with the account's row.
func (s *service) balance(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), callTimeout)
	defer cancel()
	out := answer{AccountID: r.PathValue("id")}
	err := s.pool.QueryRow(ctx, "select version, balance from accounts where id = $1", out.AccountID).Scan(&out.Version, &out.Balance)
	finish(w, http.StatusOK, out, err)
}

// finish answers with what was found, or why nothing was.
func finish(w http.ResponseWriter, status int, out answer, err error) {
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		reply(w, http.StatusUnprocessableEntity, map[string]string{"error": "no such account, or not enough money"})
	case err != nil:
		reply(w, http.StatusInternalServerError, map[string]string{"error": err.Error()})
	default:
		reply(w, status, out)
	}
}

// reply writes an answer of JSON.
func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// Listen opens the listener of the service.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return l, nil
}
