// Package profile keeps which banks a person calls: named settings in one file of the user's
// configuration directory.
//
// It promises that the file is for its owner alone, since it may have keys: it is written with mode
// 0600, as a whole, and one that others may read is refused. It does not encrypt. Walk: Load ->
// File.Set -> File.Save; Resolve for where a setting is from. Next on the walk: teller.
package profile
