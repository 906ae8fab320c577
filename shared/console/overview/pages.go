package overview

import (
	"bytes"
	"embed"
	"encoding/csv"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"passbook/shared/access"
	"passbook/shared/console/client"
	"passbook/shared/console/view"
	"passbook/shared/web"
)

//go:embed templates
var files embed.FS

var templates = view.ParseWith(template.FuncMap{"parent": number}, files, "templates/*.html")

// source is the path of the API that answers both pages.
const source = "/v1/ops/pipeline"

// newest is how many events the Overview shows.
const newest = 5

// Pages makes the pages of this package.
type Pages struct{ kit *view.Kit }

// Routes returns the Overview, which is the console's first page, and the Pipeline.
func Routes(k *view.Kit) []web.Route {
	p := &Pages{k}
	return []web.Route{
		k.Get("/ui/", 0, p.overview),
		k.Get("/ui/pipeline", access.OpsRead, p.pipeline),
		k.Get("/ui/totals.csv", access.AccountsRead, p.totalsFile),
	}
}

// overviewPage is what the Overview shows.
type overviewPage struct {
	Failure       *client.Problem
	Answer        answer
	Drawing       drawing
	State         string
	Summary       string
	Commands      []command
	Events        []event
	Totals        totals
	TotalsFailure *client.Problem
	// EventsFailure stands for the events that could not be read.
	EventsFailure *client.Problem
	// Example makes the first account of an empty bank.
	Example string
	// TotalsBase is where the totals are answered, and Dev says that nobody needs a key.
	TotalsBase string
	Dev        bool
}

// command is a line of the commands a minute.
type command struct {
	Name, PerMinute string
	Bins            []float64
	Most            string
}

// overview shows how the bank is.
func (p *Pages) overview(r *view.Request) (view.Page, error) {
	var data overviewPage
	_, err := r.API.Get(r.Ctx(), source, &data.Answer)
	if data.Failure = p.kit.Failed(r.Ctx(), err); data.Failure == nil {
		data.Drawing = draw(data.Answer)
		data.State, data.Summary = summary(data.Answer)
		c := data.Answer.Commands
		data.Commands = []command{commandOf("accepted", c.Accepted), commandOf("declined", c.Declined), commandOf("refused", c.Refused)}
	}
	_, err = r.API.Get(r.Ctx(), "/v1/totals", &data.Totals)
	data.TotalsFailure = p.kit.Failed(r.Ctx(), err)
	var list events
	_, err = r.API.Get(r.Ctx(), "/v1/events?limit="+strconv.Itoa(newest), &list)
	data.EventsFailure, data.Events = p.kit.Failed(r.Ctx(), err), list.Events
	data.Example = "curl -s " + r.Base(http.MethodPost, "/v1/accounts") + `/v1/accounts -H 'Content-Type: application/json' -H 'Idempotency-Key: open-1' -d '{"account_id":"A-1","currency":"EUR"}'`
	data.TotalsBase, data.Dev = r.Base(http.MethodGet, "/v1/totals"), r.Bearer == ""
	return view.Page{Title: "Overview", Section: "Overview", Templates: templates, Name: "overview", Data: data, Source: source}, nil
}

// totalsFile answers the totals as a file, in minor units.
func (p *Pages) totalsFile(r *view.Request) (view.Page, error) {
	page := view.Page{Title: "Money", Section: "Overview"}
	var all totals
	if _, err := r.API.Get(r.Ctx(), "/v1/totals", &all); err != nil {
		return page, err
	}
	rows := [][]string{{"currency", "accounts", "posted", "held", "drawn", "limit", "as_of"}}
	for _, t := range all.Totals {
		row := []string{t.Currency}
		for _, n := range []int64{t.Accounts, t.Posted, t.Held, t.Drawn, t.Limit} {
			row = append(row, strconv.FormatInt(n, 10))
		}
		if all.AsOf != nil {
			row = append(row, *all.AsOf)
		}
		rows = append(rows, row)
	}
	var file bytes.Buffer
	if err := csv.NewWriter(&file).WriteAll(rows); err != nil {
		return page, fmt.Errorf("write the totals: %w", err)
	}
	r.Response().Header().Set("Content-Disposition", `attachment; filename="totals.csv"`)
	return page, r.Blob(http.StatusOK, "text/csv; charset=utf-8", file.Bytes())
}

func commandOf(name string, o outcome) command {
	c := command{Name: name, PerMinute: "–", Bins: bins(o.History)}
	if o.PerMinute != nil {
		c.PerMinute = view.Count(int64(*o.PerMinute))
	}
	return c
}

// summary returns the state of the whole in a word, and in a sentence.
func summary(a answer) (state, sentence string) {
	state, sentence = "ok", "all well"
	for _, item := range a.Attention {
		if state == "ok" || item.Severity == "bad" {
			state = item.Severity
		}
	}
	if n := len(a.Attention); n > 0 {
		sentence = plural(n, "thing") + " to look at"
	}
	if a.Audit == nil {
		return state, sentence + " · no audit is known"
	}
	at, err := time.Parse(time.RFC3339Nano, a.Audit.At)
	if err == nil {
		sentence += " · audit " + view.Age(at) + " ago, " + a.Audit.State
	}
	return state, sentence
}

// pipelinePage is what the page Pipeline shows.
type pipelinePage struct {
	Failure   *client.Problem
	Answer    answer
	Shards    []shardRow
	Flows     []flowRow
	Consumers []consumer
}

// shardRow is a shard with its place in the tree of its ancestors.
type shardRow struct {
	place
	Hashes    template.HTML
	RateText  string
	ShareText string
	LagText   string
}

// flowRow is a service, the journal or the stream.
type flowRow struct {
	box
	P99 string
}

// pipeline shows the parts of the pipeline one by one.
func (p *Pages) pipeline(r *view.Request) (view.Page, error) {
	var data pipelinePage
	_, err := r.API.Get(r.Ctx(), source, &data.Answer)
	data.Failure = p.kit.Failed(r.Ctx(), err)
	a := data.Answer
	for _, s := range treeOf(a.Stream.Shards) {
		row := shardRow{place: s, Hashes: hashes(s.shard), RateText: rate(s.Rate), ShareText: "–", LagText: lag(s.BehindSeconds)}
		if s.Share != nil {
			row.ShareText = strconv.Itoa(int(*s.Share*100+.5)) + " %"
		}
		data.Shards = append(data.Shards, row)
	}
	a.Journal.Name, a.Stream.Name = "journal", "stream"
	for _, f := range append(a.Services, a.Journal, a.Stream.flow) {
		data.Flows = append(data.Flows, flowRow{boxOf(f, ""), seconds(f.P99)})
	}
	data.Consumers = a.Consumers
	return view.Page{Title: "Pipeline", Section: "Pipeline", Templates: templates, Name: "pipeline", Data: data, Source: source}, nil
}

// Page returns the address of what there is to know about it.
func (a attention) Page() string { return "/ui/attention?" + url.Values{"id": {a.ID}}.Encode() }

// Lasts returns how long it lasts by now, empty where that is not known.
func (a attention) Lasts() string {
	since, err := time.Parse(time.RFC3339Nano, a.Since)
	if err != nil {
		return ""
	}
	return view.Age(since)
}

// Rates returns the consumer's rate for people.
func (c consumer) Rates() string { return rate(c.flow.Rate) }

// Lag returns the consumer's lag for people.
func (c consumer) Lag() string { return lag(c.BehindSeconds) }

// Bins returns the consumer's history as a sparkline.
func (c consumer) Bins() []float64 { return bins(c.History) }

// Lag returns the lag on the shard for people.
func (s position) Lag() string { return lag(s.BehindSeconds) }

// Number returns the shard's number.
func (s position) Number() string { return number(s.Shard) }

// MiB returns the resident memory for people.
func (s process) MiB() string { return view.Count(s.ResidentBytes>>20) + " MiB" }
