// Package dynamotable is the adapter of the table port on Amazon DynamoDB, or on an emulator of it.
//
// A row is an item with the attributes pk and sk and the row's own, each of its native type, so
// that a person, a Lambda filter or an export reads them as they are. An attribute of a type that
// the port has not, which only a stranger can have written, is an error of the read that names it.
// Tables are named by the deployment's prefix and the schema's name.
//
// Failures are repeated at one layer only. A write is sent once: its callers repeat it and settle
// what happened, and a repetition hidden in here would turn their own success into a failed
// condition. A read is sent up to 3 times, by the SDK's standard retryer. Every call has a deadline
// of 5 s, repetitions included; a shorter one of the caller wins. The port's errors wrap the SDK's,
// so that a caller may still look for a smithy.APIError.
//
// It finds endpoint, region and credentials in the aws.Config alone. CreateTables makes what is
// missing and Check says what is not as the schemas have it; backups, keys and rights of a
// deployment on AWS belong to its CloudFormation template. Next on the walk: stream.
package dynamotable
