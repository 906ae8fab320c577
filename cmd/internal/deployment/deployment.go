package deployment

import (
	"log/slog"

	"passbook/shared/platform"
	"passbook/shared/stores"
)

// The names of a deployment's streams, without its prefix, and of the consumer that archives.
const (
	EventStream        = "events"
	NotificationStream = platform.NotificationStream
	Archiver           = "archiver"
)

// ReadModels are the names of the read models.
var ReadModels = []string{"balance", "creditlimit"}

// Stores returns the stores of an engine as a set that can be compared with one another.
func Stores(config platform.Config, engine *platform.Engine, log *slog.Logger) stores.Set {
	return stores.Set{
		Table: engine.Table, Streams: engine.Streams, Bucket: engine.Bucket, Keys: engine.Keys, Stream: config.Stream(EventStream), Archiver: Archiver,
		OneDatabase: engine.Exclusive, Log: log,
	}
}
