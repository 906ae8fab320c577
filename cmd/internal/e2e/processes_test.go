package e2e

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/jobs"
	"passbook/cmd/internal/programtest"
	"passbook/shared/awstest"
	"passbook/shared/stream"
	"passbook/shared/stream/kinesisstream"
	"passbook/shared/table"
	"passbook/shared/table/dynamotable"
)

// processes is a fleet of the real programs on an AWS endpoint.
type processes struct {
	environ []string
	prefix  string
	tables  *dynamotable.Table
	streams *kinesisstream.Stream
	// through gives an instance another endpoint, such as a proxy; nil for none.
	through func(service string, n int) string
	// program gives an instance the program of another release; nil for today's.
	program func(service string, n int) string
}

// newProcesses creates the resources of a separate deployment. Without an endpoint the test is left
// out.
func newProcesses(t *testing.T, shards int) *processes {
	t.Helper()
	return newProcessesBy(t, "bank", shards)
}

// newProcessesBy does so with the bank program of a release.
func newProcessesBy(t *testing.T, bank string, shards int) *processes {
	t.Helper()
	c, prefix := awstest.Config(t), awstest.Prefix(t)
	cleanUp(t, c, prefix)
	tables, err := dynamotable.New(c, prefix, jobs.Resources().Tables...)
	if err != nil {
		t.Fatal(err)
	}
	f := &processes{prefix: prefix, tables: tables, streams: kinesisstream.New(c)}
	f.environ = []string{
		"AWS_ENDPOINT_URL=" + awstest.Endpoint(t), "AWS_REGION=" + c.Region, "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ACCESS_KEY_ID=" + cmp.Or(os.Getenv("AWS_ACCESS_KEY_ID"), "test"), "AWS_SECRET_ACCESS_KEY=" + cmp.Or(os.Getenv("AWS_SECRET_ACCESS_KEY"), "test"),
		"PASSBOOK_STORE=aws", "PASSBOOK_PREFIX=" + prefix, "PASSBOOK_BUCKET=" + prefix + "archive", fmt.Sprintf("PASSBOOK_SHARDS=%d", shards),
		"PASSBOOK_LISTEN=127.0.0.1:0", "PASSBOOK_SEGMENT_AGE=15s", "PASSBOOK_DRAIN_DELAY=2s", "PASSBOOK_LOG_LEVEL=warn",
	}
	made := programtest.Run(t, "", f.environ, bank, "resources")
	if made.Code != 0 {
		t.Fatalf("bank resources: %d\n%s%s", made.Code, made.Out, made.ErrOut)
	}
	return f
}

func (f *processes) start(t *testing.T, service string, n int) *instance {
	t.Helper()
	environ := append(f.environ[:len(f.environ):len(f.environ)], "PASSBOOK_INSTANCE="+nameOf(service, n))
	if f.through != nil {
		if endpoint := f.through(service, n); endpoint != "" {
			environ = append(environ, "AWS_ENDPOINT_URL="+endpoint)
		}
	}
	program := service
	if f.program != nil {
		program = f.program(service, n)
	}
	s := programtest.Start(t, environ, program)
	return &instance{service: service, name: nameOf(service, n), base: s.Base, kill: s.Kill, drain: s.Terminate}
}

func (f *processes) stores() (table.Table, stream.Stream, string) {
	return f.tables, f.streams, f.prefix + deployment.EventStream
}

func (f *processes) split(ctx context.Context, shard string) error {
	return f.streams.Split(ctx, f.prefix+deployment.EventStream, shard)
}

func (f *processes) merge(ctx context.Context, a, b string) error {
	return f.streams.Merge(ctx, f.prefix+deployment.EventStream, a, b)
}

func (f *processes) scale(ctx context.Context, shards int) error {
	return f.streams.UpdateShardCount(ctx, f.prefix+deployment.EventStream, shards)
}

func (f *processes) audit(t *testing.T, grace time.Duration) error {
	t.Helper()
	return f.job(t, "audit", "--grace", grace.String())
}

func (f *processes) rebuild(t *testing.T, model string) error {
	return f.job(t, "replay", "rebuild", "--model", model)
}

func (f *processes) promote(t *testing.T, model string) error {
	return f.job(t, "replay", "promote", "--model", model)
}

// job runs a program to its end.
func (f *processes) job(t *testing.T, name string, args ...string) error {
	t.Helper()
	got := programtest.Run(t, "", f.environ, name, args...)
	if got.Code == 3 {
		return fmt.Errorf("%w: %s %q\n%s%s", errDiffers, name, args, got.Out, got.ErrOut)
	}
	if got.Code != 0 {
		return fmt.Errorf("%s %q: exit code %d\n%s%s", name, args, got.Code, got.Out, got.ErrOut)
	}
	t.Logf("%s %q: %s", name, args, got.Out)
	return nil
}
