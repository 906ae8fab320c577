#!/usr/bin/env python3
"""Reads records of Passbook's stream of events: docs/stream.md.

record.py STREAM_ARN: reads records from standard input, one a line, checks the hash of each, and prints its events as CloudEvents.
It ends with 1 if a hash is wrong."""
import base64, hashlib, json, re, sys


def decode(data):
    """decode returns a record with its lists, or None for what is not a record that this consumer knows. Who may put on the
    stream may put anything there, so the rest is logged and skipped, and never stops a consumer."""
    try:
        record = json.loads(data)
        if record["format"] not in (1, 2):
            raise ValueError(f'format {record["format"]} is newer than this program')
        if "enc" in record:
            record |= {name: json.loads(frame(record[name])) for name in ("commands", "events")}
        check(record)
        return record
    except Exception as fault:  # what raises another error is no record either
        print(f"skipped {data[:80]!r}: {fault!r}", file=sys.stderr)
        return None


# FORMS has what a field of a record matches, as shared/api/schemas/entry.json has it.
FORMS = {
    "tenant": "[a-z0-9][a-z0-9-]{0,31}", "account_id": "[A-Za-z0-9][A-Za-z0-9._-]{0,63}", "currency": "[A-Z]{3}", "hash": "[A-Za-z0-9_-]+",
    "recorded_at": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z",
}


def check(record):
    """check raises ValueError if a consumer could not use a field of a record that it reads: a number, above all, that a database
    does not take. The hash does not help against that, since anybody can compute one."""
    for name, form in FORMS.items():
        if not re.fullmatch(form, record[name]):
            raise ValueError(f"{name} has another form")
    first, last, events, commands = (record[name] for name in ("first", "last", "events", "commands"))
    if not (whole(first) and whole(last) and 0 < first <= last <= 999999999999 and last - first + 1 == len(events)):
        raise ValueError("first and last are not the versions of its events")
    for version, event in enumerate(events, first):
        if not (whole(event["version"]) and event["version"] == version):
            raise ValueError("its versions are not first to last")
        if not all(whole(event["after"][name]) for name in ("posted", "held", "limit")):
            raise ValueError("an amount is not an integer of at most 53 bits")
        if not (isinstance(event["type"], str) and whole(event["schema"]) and whole(event["command"]) and 0 <= event["command"] < len(commands)):
            raise ValueError("an event has no type, schema or command")
        if not isinstance(commands[event["command"]].get("correlation_id", ""), str):
            raise ValueError("a correlation_id is not a text")
    json.dumps(record, ensure_ascii=False, allow_nan=False).encode()  # no half of a surrogate pair, and no Infinity


def whole(value):
    """whole reports whether a value is an integer that is in the range of Passbook's; true is an int to Python, and not here."""
    return type(value) is int and abs(value) < 1 << 53


def frame(text):
    """frame returns what is in a zstd frame in base64, at most 256 KB: 100 bytes can name terabytes. Only records over 4 KB of
    format 1, and of banks that run with --stream-encoding zstd, have such."""
    import zstandard  # pip install zstandard
    data, most = base64.b64decode(text), 256 << 10
    size = zstandard.get_frame_parameters(data).content_size
    if size > most and size != zstandard.CONTENTSIZE_UNKNOWN:
        raise ValueError(f"a frame of {size} bytes")
    return zstandard.ZstdDecompressor(max_window_size=most).decompress(data, max_output_size=most)


def hashed(data):
    """hashed returns the bytes that a record's hash covers: the record without the fields from hash to commands, not compressed."""
    record, head = json.loads(data), data[:data.index(b',"hash":"')]
    if "enc" not in record:
        return head + data[data.index(b',"commands":['):]
    return head + b',"commands":' + frame(record["commands"]) + b',"events":' + frame(record["events"]) + b"}"


def intact(data):
    """intact reports whether a record, as the bytes that the stream gave, has the hash that it names and the types of its events."""
    record = decode(data)
    if record is None:
        return False
    try:
        digest = base64.urlsafe_b64encode(hashlib.sha256(hashed(data)).digest()).rstrip(b"=").decode()
    except ValueError:  # fields in another order or with spaces: no writer of Passbook's
        return False
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
