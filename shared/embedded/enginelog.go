package embedded

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
)

// engineLog is where Pebble speaks: at debug level, and once, at its end, for all to hear.
type engineLog struct {
	log   *slog.Logger
	fatal func(cause string)
}

// Infof keeps Pebble's own words at debug level.
func (e engineLog) Infof(format string, args ...any) {
	if e.log != nil {
		e.log.Debug(fmt.Sprintf(format, args...))
	}
}

// Errorf is Infof: what Pebble repeats by itself is no error of ours yet.
func (e engineLog) Errorf(format string, args ...any) { e.Infof(format, args...) }

// Fatalf is Pebble's last word, after a write to its log or manifest failed: what is on disk is no
// longer known, and the process MUST NOT answer anything more. It ends at once, in whichever
// goroutine, with one line.
func (e engineLog) Fatalf(format string, args ...any) {
	cause, _, _ := strings.Cut(fmt.Sprintf(format, args...), "\n")
	if e.fatal != nil {
		e.fatal(cause)
	}
	// No deferred call may run: some would answer, others write.
	fmt.Fprintf(os.Stderr, "the data directory cannot be written, so the program ends at once: %s; make room or mend the device, and start again: "+
		"what was acknowledged is there\n", cause)
	os.Exit(1)
}
