package web

import (
	"bytes"
	"log/slog"
)

// netLog gives what net/http says to the log: that no connection can be taken is a warning, what one client did wrong is for those
// who look for it.
type netLog struct{ out *slog.Logger }

// Write logs one line.
func (l netLog) Write(line []byte) (int, error) {
	text := string(bytes.TrimSpace(line))
	if bytes.HasPrefix(line, []byte("http: Accept error")) {
		l.out.Warn("connections cannot be accepted; raise the limit of open files (ulimit -n) if that is the cause", "error", text)
	} else {
		l.out.Debug(text)
	}
	return len(line), nil
}
