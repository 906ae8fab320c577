package sim

import (
	"math/rand/v2"
	"sync/atomic"
)

// weather is how likely what goes wrong is, per mille of the calls.
type weather struct {
	refused, failed, lost int
	// slow and stuck are the ways of a call that take some, or all, of the time that its caller
	// has.
	slow, stuck int
	// torn is the records of a batch that are drawn alone.
	torn int
	// late is the writes that arrive after their callers gave them up.
	late int
}

// faults is what goes wrong in a run, until it is calm.
type faults struct{ weather atomic.Pointer[weather] }

// drawFaults draws how bad the weather of a run is.
func drawFaults(r *rand.Rand) *faults {
	w := &weather{slow: r.IntN(80), stuck: r.IntN(8), torn: r.IntN(150)}
	if r.IntN(8) != 0 { // some runs have power cuts only
		w.refused, w.failed, w.lost = r.IntN(40), r.IntN(40), r.IntN(60)
		w.late = r.IntN(25)
	}
	f := &faults{}
	f.weather.Store(w)
	return f
}

func (f *faults) now() weather { return *f.weather.Load() }

// calm ends all faults.
func (f *faults) calm() { f.weather.Store(&weather{}) }

// fate draws what becomes of a call.
func (f *faults) fate(r *rand.Rand) fate {
	w := f.now()
	switch n := r.IntN(1000); {
	case n < w.refused:
		return refused
	case n < w.refused+w.failed:
		return failed
	case n < w.refused+w.failed+w.lost:
		return lost
	}
	return answered
}
