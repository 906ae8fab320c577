// Package schemas has the JSON Schemas (2020-12) of what other programs read from the streams: the
// record of an entry, the notification, and the CloudEvent that an event maps to.
//
// It promises that every record that Passbook writes is valid, which tests of the packages that
// write records check with schematest, and that a record with a field, a type or a word that is not
// in docs/formats.md is not. It cannot promise more than a schema can express: hash, mac and the
// order of versions are checked by package event alone, and no program of Passbook reads by these
// schemas.
//
// The schemas refer to each other by relative references, so that they resolve as files of this
// directory and as served under /schemas/ beside /asyncapi.json.
package schemas
