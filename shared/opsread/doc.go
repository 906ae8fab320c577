// Package opsread serves what operators read of a bank: its archive, its quarantine, the
// generations of its read models, its API keys, and the settings of a process.
//
// It promises that nothing here changes the bank, except that a download of a segment is first an
// action in the operators' log; that what belongs to a tenant is shown to that tenant's operators
// and to those of all tenants; and that what concerns the whole bank, such as segments, whose rows
// are of all tenants, is refused to an operator of one. Of a key neither the secret nor its sum is
// shown. It does not promise that a page of the archive is cheap: it reads the footer of every
// segment, at most once in planAge.
//
// Walk: Reads.Routes -> archive.go, segments.go, totals.go, download.go; quarantine.go,
// generations.go, keys.go, settings.go. Next on the walk: archive.
package opsread
