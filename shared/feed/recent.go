package feed

import "sync"

// recent keeps a value for each of the most recently used keys: at least half as many as its bound.
type recent[V any] struct {
	mu         sync.Mutex
	most       int
	young, old map[string]V
	// forgot says that a key was dropped.
	forgot bool
}

func newRecent[V any](most int) *recent[V] { return &recent[V]{most: most, young: map[string]V{}} }

// get returns the value of a key, and keeps it longer.
func (r *recent[V]) get(key string) (V, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.young[key]
	if !ok {
		if v, ok = r.old[key]; ok {
			r.keep(key, v)
		}
	}
	return v, ok
}

// put sets the value of a key.
func (r *recent[V]) put(key string, v V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keep(key, v)
}

func (r *recent[V]) keep(key string, v V) {
	if _, there := r.young[key]; !there && len(r.young) >= r.most/2 {
		r.forgot = r.forgot || len(r.old) > 0
		r.young, r.old = map[string]V{}, r.young
	}
	r.young[key] = v
}
