package programs

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"passbook/cmd/internal/programs/archiver"
	"passbook/cmd/internal/programs/balance"
	"passbook/cmd/internal/programs/credit"
	"passbook/cmd/internal/programs/withdraw"
	"passbook/cmd/internal/programtest"
	"passbook/cmd/internal/serve"
	"passbook/shared/bucket"
	"passbook/shared/stores"
)

// Writers that do not see the archive begin once the archiver, or bank resources, has tied the
// tables to it, and not before.
func TestWritersWaitForTheArchivesOwner(t *testing.T) {
	config, engine := deploy(t, "127.0.0.1:0")
	defer engine.Close()
	log := slog.New(slog.DiscardHandler)
	start := func(program serve.Program, b bucket.Bucket) error {
		p, err := serve.OpenOn(t.Context(), program, "test", config, programtest.Share(engine, engine.Table, engine.Streams, b), log)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		return p.Close(ctx)
	}
	for _, step := range []struct {
		program serve.Program
		bucket  bucket.Bucket
		refused bool
	}{
		{credit.Program, nil, true}, {withdraw.Program, nil, true}, {balance.Program, nil, false}, {archiver.Program, engine.Bucket, false},
		{credit.Program, nil, false}, {withdraw.Program, nil, false},
	} {
		err := start(step.program, step.bucket)
		var d *stores.Disagreement
		if errors.As(err, &d) != step.refused || !step.refused && err != nil {
			t.Errorf("%s: %v", step.program.Name, err)
		}
	}
}
