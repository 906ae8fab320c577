// Package stores compares the stores of a bank with one another before a program works on them.
//
// It promises that no program mixes two banks, and that none continues from a store that was lost,
// or restored from an older copy, without anyone noticing. An archive has an owner: owner.json at
// its root names the bank, and a row of the control table names the same one. Both are written
// once, in a bucket that is proven empty; later only by the bank that is proven to own the archive,
// or by Claim, because a person says so. A journal that lacks what the archive has is never written
// to.
//
// The error is a Disagreement: what is wrong, in one line, and the command that resolves it.
// Programs end with exit code 5 then and have changed nothing. A check takes a few calls for each
// shard, with any size of the archive.
//
// The content of the stores is compared by audit. Next on the walk: archive, whose segments are
// checked here.
package stores
