package lines

import "sync/atomic"

// Most is the most lines of a request that are in progress or wait for a line before them. While
// more than four requests run, later ones have fewer, but at least: a line takes up to 4 KB.
const (
	Most  = 4096
	least = 256
)

// Windows shares lines in progress out among the requests of a server.
type Windows struct{ open atomic.Int64 }

// Open returns the window of one more request, which MUST Close it.
func Open[T any](w *Windows) *Window[T] { return NewWindow[T](share(w.open.Add(1))) }

// Close ends a window.
func (w *Windows) Close() { w.open.Add(-1) }

// share returns how many lines the window of a request has, the last of so many.
func share(open int64) int { return min(max(4*Most/int(open), least), Most) }
