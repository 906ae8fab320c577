#!/usr/bin/env python3
"""consumer.py STREAM STATE [--once]: keeps the balance of every account in STATE, a JSON file, from a stream of events.

`after` of an account's greatest version is its balance, so records that come twice or out of order do no harm, and everything
that was read after STATE was written may be read again. --once ends at the tip of the stream."""
import json, os, sys, time
import boto3
from record import decode

stream, path, once = sys.argv[1], sys.argv[2], "--once" in sys.argv
kinesis = boto3.client("kinesis")
state = json.load(open(path)) if os.path.exists(path) else {"positions": {}, "accounts": {}}
iterators = {}
while True:
    for page in kinesis.get_paginator("list_shards").paginate(StreamName=stream):
        for shard in (s["ShardId"] for s in page["Shards"] if s["ShardId"] not in iterators):
            after = state["positions"].get(shard)
            start = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": after} if after else {"ShardIteratorType": "TRIM_HORIZON"}
            iterators[shard] = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard, **start)["ShardIterator"]
    behind = False
    for shard in (s for s, iterator in iterators.items() if iterator):  # one that is None was read to the end of its shard
        answer = kinesis.get_records(ShardIterator=iterators[shard])
        for record in filter(None, (decode(r["Data"]) for r in answer["Records"])):
            known = state["accounts"].setdefault(f'{record["tenant"]}#{record["account_id"]}', {"version": 0})
            if record["last"] > known["version"]:
                known.update(record["events"][-1]["after"], version=record["last"], currency=record["currency"])
        state["positions"].update({shard: r["SequenceNumber"] for r in answer["Records"][-1:]})
        iterators[shard] = answer.get("NextShardIterator")
        behind = behind or bool(iterators[shard]) and answer["MillisBehindLatest"] > 0
    json.dump(state, open(path + ".new", "w"))
    os.replace(path + ".new", path)
    if once and not behind:
        break
    time.sleep(0 if behind else 5)  # a shard takes five reads a second, of all its readers together
