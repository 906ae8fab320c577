package pipeline

import (
	"cmp"
	"fmt"
	"slices"
)

// attention lists what a person should look at, the worst first.
func (p *Pipeline) attention(a Answer, trouble error) []Attention {
	list := []Attention{}
	for _, c := range a.Consumers {
		list = append(list, ofConsumer(c)...)
	}
	if a.Archive.BehindSeconds != nil && p.late(*a.Archive.BehindSeconds) {
		list = append(list, Attention{
			Kind: "archive", Severity: stateWarn, Subject: "archive", What: fmt.Sprintf("The archive is %.0f s behind", float64(*a.Archive.BehindSeconds)),
			Cause: "segments are not sealed in time; the archiver's log says which step fails", Command: "curl -s '.../readyz?verbose'", Page: "/ui/archive",
		})
	}
	if d := a.Disk; d != nil && d.FreeBytes < d.FloorBytes*2 {
		one := Attention{
			Kind: "disk", Severity: stateWarn, Subject: "disk", What: fmt.Sprintf("%d MiB are free on the volume of the data", d.FreeBytes>>20),
			Cause: fmt.Sprintf("commands are refused below %d MiB", d.FloorBytes>>20), Command: "df -h", Page: "/ui/operators",
		}
		if d.FreeBytes < d.FloorBytes {
			one.Severity = stateBad
		}
		list = append(list, one)
	}
	for _, w := range a.Processes {
		if !w.Up {
			list = append(list, Attention{Kind: "process", Severity: stateBad, Subject: w.Name, What: w.Name + " cannot be read", Cause: w.Error, Since: w.SeenAt, Command: "curl -s '.../readyz?verbose'", Page: "/ui/pipeline"})
		}
	}
	if trouble != nil {
		list = append(list, Attention{Kind: "processes", Severity: stateWarn, Subject: "processes", What: "The list of processes cannot be read", Cause: trouble.Error(), Command: "curl -s '.../readyz?verbose'", Page: "/ui/pipeline"})
	}
	if u := a.Audit; u != nil && u.ExitCode != nil && *u.ExitCode != 0 {
		list = append(list, Attention{Kind: "audit", Severity: stateBad, Subject: "audit", What: "The last audit did not end well", Cause: fmt.Sprintf("it %s with exit code %d", u.State, *u.ExitCode), Since: u.At, Command: "audit", Page: "/ui/audit"})
	}
	// bad, warn
	slices.SortStableFunc(list, func(x, y Attention) int { return cmp.Compare(x.Severity, y.Severity) })
	return list
}

// ofConsumer lists what a person should look at of one consumer.
func ofConsumer(c Consumer) (list []Attention) {
	for _, b := range c.Blocked {
		one := Attention{Kind: "blocked", Severity: stateBad, Subject: b.AccountID, What: fmt.Sprintf("quarantined by %s at version %d", c.Name, b.BlockedAtVersion), Cause: b.Cause, Command: "bank quarantine list", Page: "/ui/quarantine"}
		if b.AccountID == "" {
			one.Subject, one.What = b.Record, "a record is quarantined by "+c.Name
		}
		list = append(list, one)
	}
	for _, on := range c.Shards {
		if on.BehindSeconds >= lagWarn && !on.Ended {
			list = append(list, lagging(c, on))
		}
		if on.Holes > 0 {
			list = append(list, Attention{
				Kind: "hole", Severity: stateWarn, Subject: on.Shard, What: fmt.Sprintf("%s missed records of %s", c.Name, on.Shard),
				Cause: "they were gone before they were read; it is healed from the journal", Command: "curl -s .../v1/consumers", Page: "/ui/pipeline",
			})
		}
	}
	return list
}

// lagging returns the item for a shard on which a consumer is behind.
func lagging(c Consumer, on ShardStatus) Attention {
	one := Attention{
		Kind: "lag", Severity: stateWarn, Subject: on.Shard, What: fmt.Sprintf("%s is %.0f s behind on %s", c.Name, float64(on.BehindSeconds), on.Shard),
		Cause: "records come faster than they are processed", Command: "curl -s .../v1/consumers", Page: "/ui/pipeline",
	}
	if on.BehindSeconds >= lagBad {
		one.Severity = stateBad
	}
	switch {
	case on.Owner == "":
		one.Cause = "nobody has the lease of the shard"
	case c.LastError != nil:
		one.Cause = c.LastError.What
	}
	return one
}
