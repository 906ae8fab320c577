// Package versions checks that the entries of an archive follow one another: of each account every
// version from 1 to its newest, in one chain of hashes.
//
// It knows neither where the entries are read nor who signed them. They may come late and again, as
// they do in an archive. It keeps a version and a hash for each account, and the entries that are
// out of turn; where that is too much it has the archive read once more for each part of the
// accounts. Next on the walk: audit.
package versions
