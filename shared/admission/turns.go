package admission

import "container/list"

// turns are the pieces of patient work that wait: each caller's in their order, and one of each
// caller after the other, so that many of one caller do not delay the few of another.
type turns struct {
	callers list.List // of *line, the next one in front
	lines   map[Caller]*list.Element
	n       int // all that wait
}

// line is what waits of one caller. It has at least one turn.
type line struct {
	who   Caller
	turns list.List // of *turn
}

// turn is one piece of work that waits. come is closed when it is admitted.
type turn struct {
	who  Caller
	come chan struct{}
	at   *list.Element
}

func newTurns() turns { return turns{lines: map[Caller]*list.Element{}} }

// add lets a piece of work wait.
func (t *turns) add(who Caller) *turn {
	of := t.lines[who]
	if of == nil {
		of = t.callers.PushBack(&line{who: who})
		t.lines[who] = of
	}
	added := &turn{who: who, come: make(chan struct{})}
	added.at = of.Value.(*line).turns.PushBack(added)
	t.n++
	return added
}

// next removes the piece of work whose turn it is, and returns it. One MUST wait.
func (t *turns) next() *turn {
	of := t.callers.Front()
	next := of.Value.(*line).turns.Front().Value.(*turn)
	t.callers.MoveToBack(of)
	t.remove(next)
	return next
}

// remove removes a piece of work that waits.
func (t *turns) remove(r *turn) {
	of := t.lines[r.who]
	waiting := &of.Value.(*line).turns
	waiting.Remove(r.at)
	if waiting.Len() == 0 {
		t.callers.Remove(of)
		delete(t.lines, r.who)
	}
	t.n--
}
