package archived

// Bound makes a page read at most so many rows.
func (x *Events) Bound(rows int64) { x.rows = rows }

// Occupy takes all places for pages.
func (x *Events) Occupy() {
	for range atOnce {
		x.slots <- struct{}{}
	}
}
