package embedded

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
)

// engineLog is the logger of Pebble: messages go to the debug log, and a fatal one ends the
// process.
type engineLog struct {
	log   *slog.Logger
	fatal func(cause string)
}

// Infof logs a message of Pebble at debug level.
func (e engineLog) Infof(format string, args ...any) {
	if e.log != nil {
		e.log.Debug(fmt.Sprintf(format, args...))
	}
}

// Errorf logs a message of Pebble at debug level: Pebble repeats the failed work by itself.
func (e engineLog) Errorf(format string, args ...any) { e.Infof(format, args...) }

// Fatalf ends the process at once with one line on standard error. Pebble calls it, on any
// goroutine, after a write to its log or manifest failed: the state on disk is unknown then, and
// the process MUST NOT answer anything more.
func (e engineLog) Fatalf(format string, args ...any) {
	cause, _, _ := strings.Cut(fmt.Sprintf(format, args...), "\n")
	if e.fatal != nil {
		e.fatal(cause)
	}
	// No deferred call may run: some would answer and others write.
	fmt.Fprintf(os.Stderr, "the data directory cannot be written, so the program ends at once: %s; free space or repair the device, and start again: "+
		"nothing that was acknowledged is lost\n", cause)
	os.Exit(1)
}
