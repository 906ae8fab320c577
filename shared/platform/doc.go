// Package platform chooses the stores that a program runs on: it reads the configuration, opens the
// adapters of the three ports, and prepares their resources. The embedded engine creates missing
// resources; on AWS they are only checked, and created by a command for that.
//
// It promises that a wrong setting is reported before any store is touched, by the name of its flag
// and its variable; that Open opens everything or nothing; and that stores which cannot be used are
// reported as an UnusableError: what is wrong and what to do, one line each. It is the only package
// that imports adapters, so everything else is written once for the embedded engine, LocalStack and
// AWS.
//
// It knows nothing of accounts: the schemas and the names of streams come from the programs.
//
// Walk: FromEnv -> Config.Validate -> Open -> Admin.Prepare; then cmd/internal/serve.
package platform
