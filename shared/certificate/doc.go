// Package certificate keeps the TLS certificate of a listener and follows its files: when they are
// replaced, connections that are made from then on get the new certificate.
//
// It promises that a pair of files which cannot be used never replaces one that can: the last good
// one is served on, and the log says why. The files are compared by content, so a mounted secret
// that changes behind a symbolic link is noticed too.
//
// It does not renew certificates; what renews them needs no signal to the process. It speaks TLS
// 1.2 and later, and HTTP/1.1 only: net/http's own refusals in HTTP/2 could not be made problem
// documents.
//
// Walk: Open -> Pair.Config; Pair.Run -> Pair.reload. Next on the walk: listener.
package certificate
