#!/usr/bin/env python3
"""Reads records of Passbook's stream of events: docs/stream.md.

record.py STREAM_ARN: reads records from standard input, one a line, checks the hash of each, and prints its events as CloudEvents.
It ends with 1 if a hash is wrong."""
import base64, hashlib, json, sys


def decode(data):
    """decode returns a record with its lists, or None for what is not a record that this consumer knows. Who may put on the
    stream may put anything there, so the rest is logged and skipped, and never stops a consumer."""
    try:
        record = json.loads(data)
        if record["format"] not in (1, 2):
            raise ValueError(f'format {record["format"]} is newer than this program')
        if "enc" in record:
            record |= {name: json.loads(frame(record[name])) for name in ("commands", "events")}
        if not all(isinstance(record[name], str) for name in ("tenant", "account_id", "currency", "recorded_at", "hash")):
            raise ValueError("a field is not a text")
        if [event["version"] for event in record["events"]] != list(range(record["first"], record["last"] + 1)):
            raise ValueError("its versions are not first to last")
        if not all(isinstance(event["after"][name], int) for event in record["events"] for name in ("posted", "held", "limit")):
            raise ValueError("an amount is not an integer")
        return record
    except Exception as fault:  # what raises another error is no record either
        print(f"skipped {data[:80]!r}: {fault!r}", file=sys.stderr)
        return None


def frame(text):
    """frame returns what is in a zstd frame in base64. Only records over 4 KB of format 1, and of banks that run with
    --stream-encoding zstd, have such."""
    import zstandard  # pip install zstandard
    return zstandard.ZstdDecompressor().decompress(base64.b64decode(text), max_output_size=1 << 20)


def hashed(data):
    """hashed returns the bytes that a record's hash covers: the record without the fields from hash to commands, not compressed."""
    record, head = json.loads(data), data[:data.index(b',"hash":"')]
    if "enc" not in record:
        return head + data[data.index(b',"commands":['):]
    return head + b',"commands":' + frame(record["commands"]) + b',"events":' + frame(record["events"]) + b"}"


def intact(data):
    """intact reports whether a record, as the bytes that the stream gave, has the hash that it names and the types of its events."""
    record = decode(data)
    digest = base64.urlsafe_b64encode(hashlib.sha256(hashed(data)).digest()).rstrip(b"=").decode()
    types = list(dict.fromkeys(event["type"] for event in record["events"]))
    return digest == record["hash"] and record.get("types", types) == types


def cloudevents(record, stream_arn):
    """cloudevents yields each event of a decoded record as a CloudEvent 1.0."""
    account = f'{record["tenant"]}#{record["account_id"]}'
    for event in record["events"]:
        command = record["commands"][event["command"]]
        mapped = {
            "specversion": "1.0", "id": f'{record["account_id"]}:{event["version"]}', "source": f'{stream_arn}/{record["tenant"]}',
            "type": f'passbook.{event["type"]}.v{event["schema"]}', "subject": record["account_id"], "time": record["recorded_at"],
            "datacontenttype": "application/json", "partitionkey": account, "sequence": f'{event["version"]:012}',
            "correlationid": command.get("correlation_id"), "currency": record["currency"], "data": event,
        }
        yield {name: value for name, value in mapped.items() if value is not None}


if __name__ == "__main__":
    wrong = 0
    for line in sys.stdin.buffer:
        data = line.rstrip(b"\n")
        record = decode(data)
        if record is None:
            continue
        if not intact(data):
            wrong += 1
            print(f'{record["account_id"]} v{record["first"]}: the record does not have the hash that it names', file=sys.stderr)
            continue
        for event in cloudevents(record, sys.argv[1]):
            print(json.dumps(event, separators=(",", ":"), ensure_ascii=False))
    sys.exit(wrong > 0)
