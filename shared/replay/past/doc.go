// Package past folds the accounts of an archive up to a time or a version, in the order in which
// their entries come.
//
// It keeps a state for each account, about 1 KB, and the few entries that came before the ones that
// they follow. It promises that a state was folded from entries that follow one another by version
// and hash from version 1 on, with nothing else read beside them but repeats of the newest. An
// account of which anything else was read, or that needs more than its last entries to be judged,
// is odd: its whole history has to be read. If there are more accounts than fit in memory, it keeps
// a part of them, and the others are for another pass.
//
// It neither reads nor reports. Walk: NewPass -> Pass.Keeps -> Pass.Add -> Pass.Each. Next on the
// walk: replay.
package past
