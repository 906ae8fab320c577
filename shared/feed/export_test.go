package feed

// LimitPast bounds the memory for batches of past records of a feed that serves nobody yet.
func (f *Feed) LimitPast(bytes int64) { f.past = newMemory(bytes, f.past.wait) }
