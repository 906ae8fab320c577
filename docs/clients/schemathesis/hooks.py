"""What a schema cannot express of the contract, for schemathesis: only what the words of the contract exclude is left out."""
import json
import re

import schemathesis
from schemathesis import GenerationMode

LINES = "application/x-ndjson"


@schemathesis.serializer(LINES)
def as_lines(context, value):
    """A bulk request has one command a line; here it has one line."""
    return value if isinstance(value, bytes) else json.dumps(value).encode() + b"\n"


@schemathesis.deserializer(LINES)
def first_line(context, response):
    return json.loads(response.content.splitlines()[0])


@schemathesis.hook
def before_call(context, case, kwargs):
    """A request that is meant to be valid has one of at, version and min_version, wait with min_version only, to not before from, no
    cursor, as only the page before has one, and an If-Match of the contract's pattern, which schemathesis passes over in a header
    with quotes. It waits for a version that every account has: for any other the answer is 503 after the whole wait, of up to 30 s. An interval of
    versions begins before it ends, and is given without an interval of times. A webhook has an address that leads somewhere, the
    name of a type, a description without control characters, and begins at a time that has been."""
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    query, headers = case.query or {}, case.headers or {}
    query.pop("cursor", None)
    headers.pop("Last-Event-ID", None)
    for name in [name for name in ("at", "version", "min_version") if name in query][1:]:
        del query[name]
    if "min_version" not in query:
        query.pop("wait", None)
    else:
        query["min_version"] = 1
    if "from" in query and "to" in query:
        query["to"] = query["from"]
    if "from_version" in query and "to_version" in query:
        query["to_version"] = query["from_version"]
    if "from" in query or "to" in query:
        query.pop("from_version", None)
        query.pop("to_version", None)
    if case.path.startswith("/v1/webhooks") and isinstance(case.body, dict):
        known = {"url": "https://example.com/passbook", "types": ["MoneyCredited"], "description": "payroll", "from": "earliest"}
        case.body.update({name: value for name, value in known.items() if name in case.body})
        if "account_id" not in case.body:
            case.body.pop("from_version", None)
    if case.path.endswith("/explain"):  # only a decline has its own amount
        query.setdefault("amount", 1)
        case.query = query
    if case.path == "/v1/ops/quarantine":  # an id is an account's, or a record's of one consumer
        query.pop("id", None)
    if not re.fullmatch(r'"[1-9][0-9]{0,11}"', headers.get("If-Match", "")):
        headers.pop("If-Match", None)
