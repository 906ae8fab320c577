// Package stores holds the stores of a bank against one another before a program works on them.
//
// It promises that no program mixes two banks, and that none goes on from a store that was lost, or
// put back from an older copy, as if nothing had happened. An archive has an owner: owner.json at
// its root names the bank, and a row of the control table names the same one. Both are written
// once, in a bucket that is proven empty; later only by the bank that proves to be the archive's,
// or by Claim, on a person's word. A journal that lacks what the archive holds is never written to.
//
// Each answer is a Disagreement: what is wrong, in one line, and the command that ends it. Programs
// end with 5 then and have changed nothing. A check costs a few calls for each shard, however large
// the archive is.
//
// What is inside the stores is audit's to compare. Next on the walk: archive, whose segments these
// are.
package stores
