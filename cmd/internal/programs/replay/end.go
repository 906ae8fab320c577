package replay

import (
	"fmt"
	"io"
	"time"

	"passbook/cmd/internal/jobs"
	"passbook/shared/archive"
)

// endFlags are those of the jobs that read the archive to its end.
type endFlags struct {
	RequireEnd bool `name:"require-end" help:"Begin only if every shard's end is proven."`
	Verbose    bool `name:"verbose" help:"Also print the end of each shard."`
}

func (f endFlags) proving() jobs.Proving { return jobs.Proving{RequireEnd: f.RequireEnd} }

// showExtent prints how far the archive goes: the first line of every job that reads it.
func (f endFlags) showExtent(w io.Writer, x archive.Extent) {
	fmt.Fprintln(w, x)
	if !f.Verbose {
		return
	}
	for _, e := range x.Ends {
		bound := "proven"
		if !e.Proven {
			bound = "not proven"
		}
		fmt.Fprintf(w, "  %s: complete up to %s, ends at sequence %s, %s\n", e.Shard, e.CompleteUpTo.Format(time.RFC3339Nano), e.Last, bound)
	}
}
