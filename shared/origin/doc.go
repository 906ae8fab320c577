// Package origin proves that an entry was written by its bank: it holds the bank's data keys, the
// format of its entries, and the heads of what was written before there were keys.
//
// It promises that a program signs and checks with keys that it unwrapped once; that a new key is
// signed with only when every reader that looks once a second knows it; that an entry without a
// valid mac becomes ErrForeign and nothing else; and that a failure to find out is an error to be
// repeated and never a verdict. It does not promise to stop a program whose role may unwrap the
// key: that one can sign anything.
//
// Walk: Open -> Keeper.Run -> Keeper.Sign -> Keeper.Check. Next on the walk: journal, whose entries
// are signed.
package origin
