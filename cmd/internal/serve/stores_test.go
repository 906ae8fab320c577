package serve

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"passbook/cmd/internal/jobs"
	"passbook/shared/bucket"
	"passbook/shared/platform"
	"passbook/shared/stores"
)

// Writers that do not see the archive begin once the archiver, or bank resources, has tied the
// tables to it, and not before.
func TestWritersWaitForTheArchivesOwner(t *testing.T) {
	config, err := platform.FromEnv([]string{"PASSBOOK_DATA=" + t.TempDir(), "PASSBOOK_LISTEN=127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	engine, err := platform.Open(t.Context(), config, jobs.Resources(), log)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	start := func(s Service, b bucket.Bucket) error {
		p, err := OpenOn(t.Context(), s, "test", config, engine.Through(engine.Table, engine.Streams, b), log)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		return p.close(ctx)
	}
	for _, step := range []struct {
		service Service
		bucket  bucket.Bucket
		refused bool
	}{
		{Credit, nil, true}, {Withdraw, nil, true}, {Balance, nil, false}, {Archiver, engine.Bucket, false}, {Credit, nil, false}, {Withdraw, nil, false},
	} {
		err := start(step.service, step.bucket)
		var d *stores.Disagreement
		if errors.As(err, &d) != step.refused || !step.refused && err != nil {
			t.Errorf("%s: %v", step.service.Name, err)
		}
	}
}
