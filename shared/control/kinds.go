package control

import "passbook/shared/table"

// Name is the name of the control table.
const Name = "control"

// Schema describes the control table.
var Schema = table.Schema{Name: Name}

// The fixed sort keys: that of the bank's own row, that of the progress of a job that counts its
// parts of the accounts, that of the count of changes of the API keys, and that of the archive's
// log.
const (
	BankKey    = "-"
	PassesKey  = "passes"
	ChangesKey = "-"
	LogKey     = "-"
)

// FeedReader is the fixed sort key of the lease of Feeds.
const FeedReader = "reader"

// Writers returns the writers of the journal, one row each, by writer id. A writer whose entries
// are all on the stream for good has no row.
//
//	key      writer / <writer id>
//	version  epoch N, which rises with every heartbeat
//	others   state S live or draining; published N; format N, the newest entry format that the
//	         program writes, and writes N, the one that it writes (both absent: 1); of a live one
//	         address S and secret S, if it takes commands from others; of a draining one began N,
//	         pass N, sent S
//	written  by the writer itself (package writer), and by who drains it (package publisher)
//	read     by the other writers, who forward commands to it, by publisher's Drainer, and by bank
//	         upgrade
func Writers(t table.Table) Rows { return Rows{t, "writer", "epoch"} }

// Bank returns the row that ties the tables to their archive, at BankKey.
//
//	key      bank / -
//	version  id S, the bank's random id
//	others   since S
//	written  by the first program that finds none, and by bank archive claim (package stores)
//	read     by every program at its start, and once a second while it runs (package origin)
//
// From entry format 2 on its layout is another, of which programs from before refuse to start:
//
//	version  rev N
//	others   bank S, since S, format N, key N, key_since S; heads S once the switch is complete
//	written  also by bank upgrade and bank rotate-key (packages upgrade and origin)
func Bank(t table.Table) Rows { return BankAt(t, 0) }

// BankAt returns Bank for a write over the row of a revision, which is 0 in the layout of format 1.
func BankAt(t table.Table, rev int64) Rows {
	if rev == 0 {
		return Rows{t, "bank", "id"}
	}
	return Rows{t, "bank", "rev"}
}

// Keys returns the bank's data keys, one row each, by key id.
//
//	key      key / <key id>
//	version  since S: a row is written once
//	others   wrapped B, by the key of package keywrap
//	written  when the bank begins, at its upgrade, and by bank rotate-key (package origin)
//	read     by every program at its start, and when the bank's row names a newer one
func Keys(t table.Table) Rows { return Rows{t, "key", "since"} }

// APIKeys returns the keys with which callers of the HTTP API say who they are, by key id, and at
// ChangesKey a row that counts their changes. It is raised in the transaction that changes a key,
// and sorts before all keys.
//
//	key      apikey / <key id>, apikey / -
//	version  rev N: of a key 1, and 2 once it is revoked; at ChangesKey the number of changes
//	others   of a key: sum B, SHA-256 of its secret; tenant S, scopes L, all_tenants BOOL, name S,
//	         created S, created_by S, expires S, revoked S
//	written  by bank key create and revoke, and by the first start of bank serve (package apikey)
//	read     the count by every process with --auth apikey once a second, and all rows when it has
//	         changed
func APIKeys(t table.Table) Rows { return Rows{t, "apikey", "rev"} }

// Actors returns the persons behind actors, by actor, of all tenants. Entries have only the actor,
// which says nothing about its person.
//
//	key      actor / <tenant>#<actor>
//	version  rev N
//	others   name S and since S; or erased S, once the name was erased for good
//	written  by every process with --auth oidc that sees a token of the person, and by bank actor
//	         erase (package persons)
//	read     for those who may know the names
func Actors(t table.Table) Rows { return Rows{t, "actor", "rev"} }

// AcceptedTimes returns the accounts whose time a person accepted although it is far ahead of the
// clocks, by AcceptedTimeKey. They share the partition of the bank's row.
//
//	key      bank / clock#<tenant>#<account id>
//	version  until S, the time that was accepted
//	written  by bank clock accept (journal.Reader.AcceptTime)
//	read     by a writer that decides on such an account
func AcceptedTimes(t table.Table) Rows { return Rows{t, "bank", "until"} }

// AcceptedTimeKey returns the sort key of an account among AcceptedTimes.
func AcceptedTimeKey(account string) string { return "clock#" + account }

// Leases returns a consumer's leases on the shards of a stream, by shard id. Checkpoint and renewal
// are one write.
//
//	key      lease#<stream>#<consumer> / <shard id>
//	version  epoch N, which rises with every write
//	others   owner S, claim S, created N, checkpoint S, first_hash S, last_hash S, begun S,
//	         caught_up S, behind_ms N, at S; format N, the newest entry format that the owner's
//	         program reads (absent: 1); position S, the checkpoint from format 2 on
//	written  by the consumer's workers (package consumer) and by bank upgrade; removed with its
//	         generation
//	read     by the consumer's workers, by /v1/consumers, by stores and by bank upgrade
func Leases(t table.Table, stream, consumer string) Rows {
	return Rows{t, "lease#" + stream + "#" + consumer, "epoch"}
}

// Holes returns the parts of shards that were gone before a consumer read them, open and healed.
//
//	key      hole#<stream>#<consumer> / <shard id>#<stream created>#<checkpoint or ->#<begun>
//	version  epoch N
//	others   shard S, after S, cause S, found_at S, healed_at S, accounts N, first_hash S,
//	         last_hash S, healer S, digit N, page S, failed L
//	written  by the worker that finds the hole, and by the one that heals it (package consumer)
//	read     by the consumer's workers, and by /v1/consumers
func Holes(t table.Table, stream, consumer string) Rows {
	return Rows{t, "hole#" + stream + "#" + consumer, "epoch"}
}

// Quarantine returns the accounts and records that a consumer cannot process, by account, or by
// stream, shard and sequence number of a record that names no account.
//
//	key      quarantine#<consumer> / <tenant>#<account id>, or <stream>#<shard id>#<sequence>
//	version  id S, which is the sort key: a row is replaced whole, and only where it is
//	others   version N, cause S, at S, stream S, shard S, sequence S, data B, size N, tenant S,
//	         account_id S
//	written  by the consumer; removed by a redrive, and by bank quarantine
//	read     by the consumer, by bank quarantine, /v1/consumers and
//	         /v1/ops/quarantine
func Quarantine(t table.Table, consumer string) Rows {
	return Rows{t, "quarantine#" + consumer, "id"}
}

// Generations returns the generations of the read models, one row each, by model.
//
//	key      generation / <model>
//	version  rev N
//	others   live N, candidate N, promoting N, previous N, discarding N, last N
//	written  by replay rebuild, promote and discard
//	read     by the consumers' supervisors and by every reader of the model
func Generations(t table.Table) Rows { return Rows{t, "generation", "rev"} }

// Processes returns the processes of the services that run, and where the console reaches
// them.
//
//	key      process / <service>#<instance>
//	version  epoch N, which rises with every heartbeat
//	others   version S, started S, host S, api S; metrics S, if it has such a listener; key N and
//	         mac B, from entry format 2 on: which data key signs the row, and with what
//	written  by the process itself, which removes it at its end; one that died has its row removed
//	         by the others (package discovery)
//	read     by the console
func Processes(t table.Table) Rows { return Rows{t, "process", "epoch"} }

// Progress returns how far a job over the archive came that does one part of the accounts after the
// other. A rebuild of an older release has a row for each source beside it, which nothing reads.
//
//	key      replay#<job> / passes
//	version  rev N
//	others   plan S and passes N
//	written  by the job (package replay); those of a rebuild are removed with the generation
//	read     by the job when it begins again
func Progress(t table.Table, job string) Rows { return Rows{t, "replay#" + job, "rev"} }

// OpsLog returns the operators' log: what people have had done to the bank, a row for each job that
// changes something, by an id that sorts by time.
//
//	key      opslog / <job id>
//	version  rev N: 1 when the job begins, 2 when it has ended
//	others   job S, actor S, tenant S, reason S, params S, at S; state S, ended_at S, exit_code N
//	         and error S once it has ended
//	written  by the job, before anything else and at its end (package opslog); removed by a later
//	         job when it is 400 days old
//	read     by /v1/ops/log and by bank log
func OpsLog(t table.Table) Rows { return Rows{t, "opslog", "rev"} }

// Feeds returns who reads a stream for feeds: at FeedReader the lease of the process that reads it
// as the consumers do, and the registered consumers of enhanced fan-out, by name.
//
//	key      feed#<stream> / reader, or feed-<unique>
//	version  epoch N, which rises while its process lives
//	others   owner S
//	written  by the processes that serve feeds, where the stream does not report arrivals (package
//	         tip); removed by them, and by the others once it does not rise
//	read     by the same
func Feeds(t table.Table, stream string) Rows { return Rows{t, "feed#" + stream, "epoch"} }

// Webhooks returns the endpoints to which events are sent, by id, and at ChangesKey a row that
// counts their changes. It is raised in the transaction that changes an endpoint.
//
//	key      webhook / <endpoint id>, webhook / -
//	version  rev N: of an endpoint the number of its changes; at ChangesKey that of all
//	others   of an endpoint: tenant S, url S, description S, types L, accounts L, state S active,
//	         paused or removed, cause S, since S, backfilled S, created S, created_by S,
//	         filtered S, and secrets L, each a map of id S, created S, expires S and wrapped B,
//	         by the key of package keywrap
//	written  by the processes that serve /v1/webhooks, and by those that send events (packages
//	         webhook and delivery), which remove the row of one that was removed
//	read     by the same: the count with every batch of the stream, and all rows when it has changed
func Webhooks(t table.Table) Rows { return Rows{t, "webhook", "rev"} }

// ArchiveLog returns the row of the archive's signed log, at LogKey.
//
//	key      archivelog / -
//	version  rev N, which rises with every write
//	others   owner S; size N, root S and at S; before N, the size without the newest leaves, and
//	         leaves S, their texts
//	written  by one archiver's process at a time (package archivelog): to add leaves, and as its
//	         lease
//	read     by the same
func ArchiveLog(t table.Table) Rows { return Rows{t, "archivelog", "rev"} }
