package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
)

// LogOptions configures the log of a program.
type LogOptions struct {
	// Level is debug, info, warn or error; empty is info.
	Level string
	// Format is text or json; empty is text.
	Format string
}

// NewLogger makes the logger of a program. A warning or an error that is repeated is logged at
// growing intervals. It fails on a level or a format that does not exist.
func NewLogger(w io.Writer, o LogOptions) (*slog.Logger, error) {
	var level slog.Level
	if o.Level != "" {
		if err := level.UnmarshalText([]byte(o.Level)); err != nil {
			return nil, fmt.Errorf("log level %q: use debug, info, warn or error", o.Level)
		}
	}
	options := &slog.HandlerOptions{Level: level}
	switch o.Format {
	case "", "text":
		return slog.New(newThrottle(correlated{slog.NewTextHandler(w, options)})), nil
	case "json":
		return slog.New(newThrottle(correlated{slog.NewJSONHandler(w, options)})), nil
	}
	return nil, fmt.Errorf("log format %q: use text or json", o.Format)
}

// CorrelationKey is the key of the correlation id in a context. A type that embeds a context
// may answer it with a string.
type CorrelationKey struct{}

// WithCorrelation returns a context whose log lines have the correlation id.
func WithCorrelation(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, CorrelationKey{}, id)
}

// Correlation returns the correlation id of a context, empty if it has none.
func Correlation(ctx context.Context) string {
	id, _ := ctx.Value(CorrelationKey{}).(string)
	return id
}

// SpanKey is the key of the span in a context, which shared/telemetry/trace makes.
type SpanKey struct{}

// span names a span in the log.
type span interface {
	IDs() (trace, span string)
}

// correlated adds the context's correlation id, and the ids of its span, to each line.
type correlated struct{ slog.Handler }

// Handle adds the ids to the line.
func (h correlated) Handle(ctx context.Context, r slog.Record) error {
	if id := Correlation(ctx); id != "" {
		r.AddAttrs(slog.String("correlation_id", id))
	}
	if s, ok := ctx.Value(SpanKey{}).(span); ok {
		if traceID, spanID := s.IDs(); traceID != "" {
			r.AddAttrs(slog.String("trace_id", traceID), slog.String("span_id", spanID))
		}
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs returns a handler that adds the ids too.
func (h correlated) WithAttrs(attrs []slog.Attr) slog.Handler {
	return correlated{h.Handler.WithAttrs(attrs)}
}

// WithGroup returns a handler that adds the ids too.
func (h correlated) WithGroup(name string) slog.Handler {
	return correlated{h.Handler.WithGroup(name)}
}
