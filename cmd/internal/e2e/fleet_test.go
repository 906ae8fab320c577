package e2e

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"passbook/shared/stream"
	"passbook/shared/table"
)

// services are the programs of a fleet, in the order in which they are started.
var services = []string{"withdraw", "credit", "balance", "creditlimit", "archiver"}

// instances is how many of each service there are.
const instances = 2

// errDiffers is the end of a job that found a difference.
var errDiffers = errors.New("a difference was found")

// usualGrace is how long an entry may be on its way to the archive: the age of a segment, and some.
const usualGrace = 30 * time.Second

// fleet is a deployment of the services.
type fleet interface {
	// start starts an instance and waits until it is ready.
	start(t *testing.T, service string, n int) *instance
	// stores returns the ports without an instance's connection, and the name of the stream of
	// events.
	stores() (table.Table, stream.Stream, string)
	// split, merge and scale change the stream's shards.
	split(ctx context.Context, shard string) error
	merge(ctx context.Context, a, b string) error
	// scale doubles the open shards to so many.
	scale(ctx context.Context, shards int) error
	// audit, rebuild and promote are the jobs; nil is exit code 0, errDiffers 3. An entry younger
	// than grace may be on its way.
	audit(t *testing.T, grace time.Duration) error
	rebuild(t *testing.T, model string) error
	promote(t *testing.T, model string) error
}

// instance is one running process of a service, or what stands for it.
type instance struct {
	service string
	// name is the instance's among the holders of leases.
	name string
	// base is http://host:port.
	base string
	// kill ends it as a power cut would; drain as SIGTERM does, and waits.
	kill, drain func()
}

// nameOf returns the name of an instance.
func nameOf(service string, n int) string { return service + "-" + strconv.Itoa(n) }

// startAll starts both instances of each service.
func startAll(t *testing.T, f fleet, b *balancer) {
	t.Helper()
	for _, service := range services {
		for n := range instances {
			b.add(f.start(t, service, n))
		}
	}
}
