package telemetry

import (
	"context"
	"log"
	"log/slog"
	"strings"
)

// ServerErrors returns the ErrorLog of an http.Server, by the name of its listener. A failure to
// accept connections is a warning, a panic an error. What a single caller did, such as a broken
// handshake, is only for debugging.
func ServerErrors(to *slog.Logger, listener string) *log.Logger {
	return log.New(serverErrors{to.With("listener", listener)}, "", 0)
}

// serverErrors logs the lines of an http.Server.
type serverErrors struct{ to *slog.Logger }

// Write logs one line.
func (e serverErrors) Write(line []byte) (int, error) {
	text, level, what := strings.TrimSpace(string(line)), slog.LevelDebug, "a connection failed"
	switch {
	case strings.Contains(text, "Accept error"):
		level, what = slog.LevelWarn, "no connection can be accepted; raise the limit of open files (ulimit -n), or open fewer connections"
	case strings.Contains(text, "panic serving"):
		level, what = slog.LevelError, "a handler panicked"
	}
	e.to.Log(context.Background(), level, what, "error", text)
	return len(line), nil
}
