package scenario

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
)

// refusals counts the lines of bulk that were refused, by the code of the problem.
type refusals struct {
	mu    sync.Mutex
	codes map[string]int
}

// add counts a line by its answer.
func (r *refusals) add(answer []byte) {
	_, rest, _ := bytes.Cut(answer, []byte(`"type":"/problems/`))
	code, _, found := bytes.Cut(rest, []byte(`"`))
	if !found {
		code = []byte("no code")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.codes == nil {
		r.codes = map[string]int{}
	}
	r.codes[string(code)]++
}

// print writes the counts, of a contender's round, and begins again.
func (r *refusals) print(w io.Writer, of string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, code := range slices.Sorted(maps.Keys(r.codes)) {
		fmt.Fprintf(w, "bench: %s: %d lines refused with %s\n", of, r.codes[code], code)
	}
	r.codes = nil
}
