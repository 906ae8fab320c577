package pipeline

import (
	"strings"
	"time"

	"passbook/shared/api"
	"passbook/shared/monitor"
	"passbook/shared/readmodel"
	"passbook/shared/webhook/delivery"
)

// From when on a consumer's lag needs a person's attention, in seconds.
const (
	lagWarn = 5
	lagBad  = 60
)

// consumers joins where the consumers are with their flows. A bank may do without what sends to
// webhooks: it is left out until it has read a shard.
func (p *Pipeline) consumers(statuses []ConsumerStatus, generations []Model) []Consumer {
	list := make([]Consumer, 0, len(statuses))
	for _, s := range statuses {
		if s.Name == delivery.Consumer && len(s.Shards) == 0 {
			continue
		}
		rate := monitor.Figure{Kind: monitor.Applied, Of: s.Name}
		if s.Name == p.config.Archiver {
			rate = monitor.Figure{Kind: monitor.Archived}
		}
		c := Consumer{
			Name: s.Name, Model: s.Name, Live: true, Shards: s.Shards, Blocked: s.Blocked,
			Flow: flow(p.config.Monitor, rate, monitor.Figure{}, monitor.Figure{Kind: monitor.Failures, Of: s.Name}),
		}
		if model, _, is := strings.Cut(s.Name, "@"); is {
			c.Model, c.Live = model, false
			for _, g := range generations {
				c.Live = c.Live || g.Model == model && readmodel.Name(model, g.Live) == s.Name
			}
		}
		for _, on := range s.Shards {
			c.BehindSeconds = max(c.BehindSeconds, on.BehindSeconds)
			c.Holes += on.Holes
		}
		list = append(list, c)
	}
	return list
}

// archive returns up to when everything is archived: what the archiver has not read, and what it
// has in open segments, is missing.
func (p *Pipeline) archive(consumers []Consumer, now time.Time) Archive {
	m := p.config.Monitor
	a := Archive{Flow: flow(m, monitor.Figure{Kind: monitor.Archived}, monitor.Figure{}, monitor.Figure{})}
	open, is := m.Gauge(monitor.Figure{Kind: monitor.OpenSegment})
	if !is {
		return a
	}
	for _, c := range consumers {
		if c.Name == p.config.Archiver {
			behind := api.Seconds(max(open, float64(c.BehindSeconds)))
			to := api.Time{Time: now.Add(-time.Duration(float64(behind) * float64(time.Second))).UTC().Truncate(time.Microsecond)}
			a.BehindSeconds, a.CompleteTo = &behind, &to
		}
	}
	return a
}

// judge gives each part its state.
func (p *Pipeline) judge(a *Answer) {
	for i := range a.Services {
		switch s := &a.Services[i]; {
		case p.lacks(s.Name, a.Processes):
			s.State = stateBad
		case s.LastError != nil:
			s.State = stateWarn
		}
	}
	for i := range a.Consumers {
		c := &a.Consumers[i]
		switch {
		case p.lacks(c.Model, a.Processes) || len(c.Blocked) > 0 || c.BehindSeconds >= lagBad:
			c.State = stateBad
		case c.Holes > 0 || c.BehindSeconds >= lagWarn || unowned(*c):
			c.State = stateWarn
		}
	}
	for i := range a.Stream.Shards {
		if a.Stream.Shards[i].BehindSeconds >= lagWarn {
			a.Stream.State = stateWarn
		}
	}
	switch {
	case p.lacks(p.config.Archiver, a.Processes):
		a.Archive.State = stateBad
	case a.Archive.BehindSeconds != nil && p.late(*a.Archive.BehindSeconds):
		a.Archive.State = stateWarn
	}
	if a.Disk != nil && a.Disk.FreeBytes < a.Disk.FloorBytes {
		a.Journal.State = stateBad
	}
}

// late reports whether the archive is further behind than open segments explain.
func (p *Pipeline) late(behind api.Seconds) bool {
	return float64(behind) > 3*p.config.SegmentAge.Seconds()
}

// unowned reports whether nobody reads a shard that is not at its end.
func unowned(c Consumer) bool {
	for _, on := range c.Shards {
		if on.Owner == "" && !on.Ended {
			return true
		}
	}
	return false
}
