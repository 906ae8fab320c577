package cli

import (
	"encoding/json"
	"errors"
	"io"
)

// JobFlags are the flags of every job.
type JobFlags struct {
	StoreFlags
	ReasonFlag
	DryRun bool `name:"dry-run" help:"Only print what it would do."`
	JSON   bool `name:"json" help:"The result as JSON."`
	Yes    bool `name:"yes" help:"Do not ask."`
}

// ReasonFlag is a flag of every job that changes something.
type ReasonFlag struct {
	Reason string `name:"reason" placeholder:"TEXT" help:"Why, for the operators' log (140 characters)."`
}

// Show writes a result, as JSON or as text, and returns err. A job that found a difference has a
// result beside its error; after any other error there is nothing to write.
func Show(t *Terminal, asJSON bool, result any, err error, text func(w io.Writer)) error {
	var f *Failure
	if err != nil && !(errors.As(err, &f) && f.Code == ExitDifference) {
		return err
	}
	if asJSON {
		encoder := json.NewEncoder(t.Out)
		encoder.SetIndent("", "  ")
		return errors.Join(err, encoder.Encode(result))
	}
	text(t.Out)
	return err
}

// OneTenant is the flag of jobs about one account.
type OneTenant struct {
	Tenant string `name:"tenant" placeholder:"TENANT" help:"The account's tenant [main]."`
}

// OnlyTenant is the flag of jobs about many accounts.
type OnlyTenant struct {
	Tenant string `name:"tenant" placeholder:"TENANT" help:"Only this tenant's accounts."`
}
