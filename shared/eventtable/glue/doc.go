// Package glue points a table of the Glue Data Catalog to the newest version of the events table,
// so that Athena and other engines find it.
//
// The versions and what they mean are those of the bucket: a commit is the creation of an object
// there, and Glue gets it afterwards. So a crash between the two leaves Glue at the version
// before, which the next run corrects, and no commit depends on Glue. The price is that nobody else
// may commit through Glue: a version that is not one of the bucket's is an error.
//
// Only the program compact links this package, as it does iceberg. Next on the walk: cmd/compact.
package glue
