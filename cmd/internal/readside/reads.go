package readside

import (
	"os"
	"runtime"

	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/serve"
	"passbook/shared/derived"
	"passbook/shared/derived/archived"
	"passbook/shared/journal"
	"passbook/shared/opsread"
	"passbook/shared/origin"
	"passbook/shared/platform"
	"passbook/shared/web"
)

// Reads returns the routes of what operators read, for a process with consumers.
func Reads(p *serve.Process, history *journal.Reader) []web.Route {
	reads := &opsread.Reads{
		Table: p.Engine.Table, Journal: history, Stream: p.Stream(), Lease: p.Config.Lease,
		Models: deployment.ReadModels, Consumers: []string{deployment.Archiver}, Process: describe(p), LastUsed: p.KeyLastUsed,
	}
	return reads.Routes()
}

// ArchiveReads returns the routes of what operators read of the archive, for a process that has it.
func ArchiveReads(p *serve.Process, keeper *origin.Keeper) []web.Route {
	reads := &opsread.Reads{Table: p.Engine.Table, Bucket: p.Engine.Bucket, Bank: keeper.Bank()}
	return reads.ArchiveRoutes()
}

// Archived returns the events of the archive, nil for a process that does not have it.
func Archived(p *serve.Process, keeper *origin.Keeper) derived.Archive {
	if p.Engine.Bucket == nil {
		return nil
	}
	return archived.New(archived.Config{Bucket: p.Engine.Bucket, Bank: keeper.Bank(), Origin: keeper})
}

// describe returns what an operator sees of the process.
func describe(p *serve.Process) opsread.Process {
	m := p.Memory
	about := opsread.Process{Service: p.Name, Version: p.Version, Go: runtime.Version(), Settings: []opsread.Setting{}, Budgets: []opsread.Budget{
		{Name: "limit, from " + m.From, Bytes: int64(m.Limit)}, {Name: "Go runtime", Bytes: int64(m.Heap)}, {Name: "block cache of the tables", Bytes: int64(m.Cache)},
		{Name: "memtable, one of three", Bytes: int64(m.MemTable)}, {Name: "rows that the tables remember", Bytes: int64(m.Stored)}, {Name: "rows of each projection", Bytes: int64(m.Rows)},
		{Name: "entries that wait for the stream", Bytes: int64(m.Waiting)}, {Name: "open segment of a shard", Bytes: int64(m.Segment)},
	}}
	for _, s := range platform.Settings(p.Config, os.Environ()) {
		about.Settings = append(about.Settings, opsread.Setting(s))
	}
	if space := p.Engine.Space; space != nil {
		about.Space = func() (free, floor int64) { return int64(space.Free()), int64(space.Floor()) }
	}
	return about
}
