#!/usr/bin/env python3
"""lambda_local.py STREAM: calls lambda_handler as Lambda would for event-source-mapping.json, where Lambda itself is not at hand.

It reads each shard from its oldest record to its tip, filters with the matcher by which LocalStack does it for Lambda, and calls the
handler with batches of Lambda's shape. Every batch is delivered twice, as Lambda may. It prints how many records it read and how
many passed the filter."""
import base64, json, pathlib, sys
import boto3
from localstack.utils.event_matcher import matches_event
from lambda_handler import handler

mapping = json.loads(pathlib.Path(__file__).with_name("event-source-mapping.json").read_text())
patterns = [json.loads(f["Pattern"]) for f in mapping["FilterCriteria"]["Filters"]]


def passes(data):
    """passes reports whether a record's data passes the filter. With a pattern for JSON, Lambda drops what is not JSON."""
    try:
        return any(matches_event(pattern, {"data": json.loads(data)}) for pattern in patterns)
    except ValueError:
        return False


def shaped(shard, arn, record):
    """shaped returns a record in the shape in which Lambda gives it to a function."""
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0", "partitionKey": record["PartitionKey"], "sequenceNumber": record["SequenceNumber"],
            "data": base64.b64encode(record["Data"]).decode(),
            "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"].timestamp(),
        },
        "eventSource": "aws:kinesis", "eventVersion": "1.0", "eventID": f'{shard}:{record["SequenceNumber"]}',
        "eventName": "aws:kinesis:record", "eventSourceARN": arn, "awsRegion": arn.split(":")[3],
        "invokeIdentityArn": "arn:aws:iam::123456789012:role/passbook-balances",
    }


def records(kinesis, stream, shard):
    """records yields the records of a shard up to its tip."""
    iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType=mapping["StartingPosition"])["ShardIterator"]
    while iterator:
        answer = kinesis.get_records(ShardIterator=iterator)
        yield from answer["Records"]
        iterator = answer.get("NextShardIterator") if answer["MillisBehindLatest"] or answer["Records"] else None


def main(stream):
    kinesis, read, passed = boto3.client("kinesis"), 0, 0
    arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    for page in kinesis.get_paginator("list_shards").paginate(StreamName=stream):
        for shard in page["Shards"]:
            every = list(records(kinesis, stream, shard["ShardId"]))
            chosen = [shaped(shard["ShardId"], arn, r) for r in every if passes(r["Data"])]
            for i in range(0, len(chosen), mapping["BatchSize"]):
                for _ in range(2):
                    handler({"Records": chosen[i:i + mapping["BatchSize"]]}, None)
            read, passed = read + len(every), passed + len(chosen)
    print(json.dumps({"read": read, "passed": passed}))


if __name__ == "__main__":
    main(sys.argv[1])
