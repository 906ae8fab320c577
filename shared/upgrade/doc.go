// Package upgrade switches a bank to the newest entry format, while it serves.
//
// It promises that nothing is switched while a program runs that could not read or write the newer
// format; that no entry which was ever acknowledged becomes foreign by it; and that a procedure
// that was ended at any moment is completed by the same command. It never switches back.
//
// The steps, each of which is read from the stores and not remembered: every live program declares
// the format; the data key exists; the bank's row names the format; every writer has followed, so
// that no entry of the older format is committed any more; the last such entry of each account is
// listed in a signed manifest; the bank's row names the manifest, and from then on an entry of the
// older format counts only if it is one of those or before them.
//
// It does not promise that a process that was cut off from the tables and was not ended, above all
// one of an older release, never commits one more entry when it reaches them again. Such an entry
// stays in the journal, audit names it, and the same command adds it to the manifest.
//
// Walk: Run -> programs.behind -> programs.await -> takeManifest. Next on the walk: origin, which
// checks entries by the manifest.
package upgrade
