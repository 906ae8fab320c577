// Package dynamotable is the adapter of the table port on Amazon DynamoDB, or on an emulator of it.
//
// A row is an item with the attributes pk and sk and those of the row, each of its native type, so
// that a person, a Lambda filter or an export can read them. An attribute of a type that the port
// does not have, which only another program can have written, fails the read with an error that
// names it. The name of a table is the deployment's prefix and the name of the schema.
//
// Calls are repeated in one layer only. A write is sent once: its callers repeat it and find out
// what happened, and a repetition hidden in here would turn their own success into a failed
// condition. A read is sent up to 3 times, by the SDK's standard retryer. Every call has a deadline
// of 5 s, repetitions included; a shorter one of the caller wins. The port's errors wrap those of
// the SDK, so that a caller can still look for a smithy.APIError.
//
// Endpoint, region and credentials come from the aws.Config alone. CreateTables creates missing
// tables, and Check reports how tables differ from their schemas. Backups, encryption keys and
// permissions of a deployment on AWS belong to its CloudFormation template.
//
// Next on the walk: stream.
package dynamotable
