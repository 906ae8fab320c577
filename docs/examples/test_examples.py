"""Tests of the examples on the records that Passbook's own tests keep: ./python.sh -m unittest -v test_examples"""
import base64, contextlib, glob, hashlib, io, json, os, pathlib, re, sys, types, unittest
import botocore.session, botocore.validate, zstandard

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
os.environ.update(TABLE="balances", AWS_REGION="eu-central-1", AWS_DEFAULT_REGION="eu-central-1")
import lambda_handler, lambda_local, record

ARN = "arn:aws:kinesis:eu-central-1:123456789012:stream/passbook-events"


def kept():
    """kept returns the records that package event keeps for each format and encoding."""
    names = glob.glob(os.path.join(here, "../../shared/event/testdata/*/record*.json"))
    return {os.path.relpath(name, here): pathlib.Path(name).read_bytes() for name in names}


def second(types, first=7, account="A-1", posted=500):
    """second returns a record of format 2 with one event for each type, as far as filters and handlers look at it."""
    events = [{"version": first + i, "type": t, "schema": 1, "command": 0, "effective_at": "2026-11-29",
               "after": {"posted": posted + i, "held": 0, "limit": 0}, "data": {}} for i, t in enumerate(types)]
    return json.dumps({
        "format": 2, "tenant": "main", "account_id": account, "first": first, "last": first + len(types) - 1, "currency": "EUR",
        "recorded_at": "2026-11-29T08:00:00.000000Z", "prev": "p", "hash": "h", "mac": "1:m", "types": list(dict.fromkeys(types)),
        "commands": [{"first": first, "last": first + len(types) - 1, "status": 201}], "events": events}).encode()


def blocks(document, heading):
    """blocks returns the JSON blocks of a section."""
    return [json.loads(block) for block in code(document, heading, "json")]


def code(document, heading, language):
    """code returns the blocks of a section in a language."""
    text = pathlib.Path(here, "..", document).read_text()
    section = re.split(r"\n#+ ", text.split(f"# {heading}\n", 1)[1], maxsplit=1)[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.S)


class Records(unittest.TestCase):
    def test_hashes_are_right(self):
        self.assertGreaterEqual(len(kept()), 2)
        for name, data in kept().items():
            self.assertTrue(record.intact(data), name)

    def test_a_change_is_found(self):
        for name, data in kept().items():
            for old, new in ((b'"account_id":"A', b'"account_id":"B'), (b'"currency":"EUR"', b'"currency":"USD"'), (b'"recorded_at":"2026', b'"recorded_at":"2025')):
                self.assertIn(old, data)
                self.assertFalse(record.intact(data.replace(old, new, 1)), name)
            if b'"enc"' not in data:
                self.assertFalse(record.intact(data.replace(b'"amount":', b'"amount":1', 1)), name)

    def test_the_check_of_the_guide_works(self):
        guide = {"base64": base64, "hashlib": hashlib, "json": json}
        exec(code("stream.md", "Check a record", "python")[0], guide)
        for name, data in kept().items():
            if b'"enc"' not in data:
                self.assertTrue(guide["intact"](data), name)
                self.assertFalse(guide["intact"](data.replace(b'"amount":', b'"amount":1', 1)), name)

    def test_types_of_other_events_are_found(self):
        for name, data in kept().items():
            if b'"types":["' in data:
                self.assertFalse(record.intact(data.replace(b'"types":["', b'"types":["AccountClosed","', 1)), name)

    def test_what_is_no_record_is_skipped(self):
        good = second(["MoneyCredited"])
        for data in (b"not an entry", b"", b"[]", b"{}", b"\xff", b'{"format":3}', b'{"format":1,"enc":"zstd","commands":"x","events":"y"}',
                     good.replace(b'"format": 2', b'"format": 3'), good.replace(b'"last": 7', b'"last": 8'), good.replace(b'"posted": 500', b'"posted": "500"')):
            with contextlib.redirect_stderr(io.StringIO()) as said:
                self.assertIsNone(record.decode(data), data)
            self.assertIn("skipped", said.getvalue())

    def test_what_a_forger_puts_on_the_stream_is_skipped(self):
        def forged(at=(), **fields):
            made = json.loads(second(["MoneyCredited"], first=1000))
            place = made
            for name in at:
                place = place[name]
            place.update(fields)
            return json.dumps(made).encode()

        event, after = ("events", 0), ("events", 0, "after")
        self.assertIsNotNone(record.decode(forged()))
        for data in (
            forged(first=1000, last=999, events=[]), forged(last=10**10), forged(first=-10**10), forged(first=True, last=True),
            forged(first=10**50, last=10**50, events=[json.loads(forged())["events"][0] | {"version": 10**50}]),
            forged(first=10**12, last=10**12, events=[json.loads(forged())["events"][0] | {"version": 10**12}]),
            forged(event, version=1000.0), forged(after, posted=10**50), forged(after, held=2**53), forged(after, limit=-2**53),
            forged(after, posted=True), forged(after, posted=1.5), forged(after, posted=float("nan")),
            forged(account_id="A" * 4000), forged(account_id="A-1\n"), forged(account_id=""), forged(tenant="m" * 33), forged(tenant="a#b"),
            forged(currency="EU"), forged(currency=["E", "U", "R"]), forged(recorded_at="now"), forged(hash=7),
            forged(event, type=["MoneyCredited"]), forged(event, command=1), forged(event, command=-1), forged(commands={}), forged(commands=[7]),
            forged(("commands", 0), correlation_id={}), forged(event, data={"kind": "\ud800"}), forged(event, data=float("inf")),
        ):
            with contextlib.redirect_stderr(io.StringIO()) as said:
                self.assertIsNone(record.decode(data), data[:200])
                self.assertFalse(record.intact(data), data[:200])
            self.assertIn("skipped", said.getvalue())

    def test_a_record_that_no_writer_wrote_is_not_intact(self):
        self.assertFalse(record.intact(second(["MoneyCredited"])))

    def test_a_frame_is_not_larger_than_a_record(self):
        def framed(data, **options):
            return base64.b64encode(zstandard.ZstdCompressor(**options).compress(data)).decode()

        self.assertEqual(record.frame(framed(b"[]", write_content_size=False)), b"[]")
        named = bytes.fromhex("28b52ffd") + b"\xe0" + (1 << 42).to_bytes(8, "little") + b"\x01\x00\x00"  # one empty block
        for text in (framed(bytes(1 << 24)), framed(bytes(1 << 24), write_content_size=False), base64.b64encode(named).decode()):
            with self.assertRaises((ValueError, zstandard.ZstdError)):
                record.frame(text)

    def test_the_cloudevent_of_the_guide_is_that_of_the_record(self):
        example = json.dumps(blocks("formats.md", "Record")[0]).encode()
        self.assertEqual(list(record.cloudevents(record.decode(example), ARN)), blocks("stream.md", "CloudEvents"))


class Filter(unittest.TestCase):
    def test_passes_what_moves_money(self):
        for types in (["MoneyCredited"], ["HoldCaptured", "MoneyWithdrawn"], ["WithdrawalDeclined", "TransactionReversed"]):
            self.assertTrue(lambda_local.passes(second(types)), types)

    def test_drops_the_rest(self):
        for types in (["AccountOpened"], ["WithdrawalDeclined", "HoldPlaced"], ["CreditLimitChanged"]):
            self.assertFalse(lambda_local.passes(second(types)), types)
        self.assertFalse(lambda_local.passes(b"not an entry"))

    def test_passes_every_record_of_format_1(self):
        for name, data in kept().items():
            if b'"format":1' in data:
                self.assertTrue(lambda_local.passes(data), name)

    def test_the_patterns_of_the_guide_are_patterns(self):
        first, later = second(["AccountOpened"], first=1), second(["MoneyCredited"], first=1001)
        want = {"opened": (True, False), "after 1000": (False, True)}
        for name, pattern in zip(want, blocks("stream.md", "Filter")[1:], strict=True):
            got = tuple(lambda_local.matches_event(pattern, {"data": json.loads(data)}) for data in (first, later))
            self.assertEqual(got, want[name], name)

    def test_the_mapping_is_what_lambda_takes(self):
        shape = botocore.session.get_session().get_service_model("lambda").operation_model("CreateEventSourceMapping").input_shape
        self.assertEqual(botocore.validate.ParamValidator().validate(lambda_local.mapping, shape).generate_report(), "")
        self.assertEqual(blocks("stream.md", "Filter")[0], lambda_local.mapping["FilterCriteria"])


class Refused(Exception):
    pass


class Table:
    """Table is a table that replaces a row by one of a greater version only, and may fail."""
    meta = types.SimpleNamespace(client=types.SimpleNamespace(exceptions=types.SimpleNamespace(ConditionalCheckFailedException=Refused)))

    def __init__(self):
        self.rows, self.fail = {}, False

    def put_item(self, Item, ConditionExpression, ExpressionAttributeValues):
        if self.fail:
            raise RuntimeError("throttled")
        if Item["account"] in self.rows and not self.rows[Item["account"]]["version"] < ExpressionAttributeValues[":v"]:
            raise Refused
        self.rows[Item["account"]] = Item


class Handler(unittest.TestCase):
    def setUp(self):
        self.table = lambda_handler.table = Table()

    def handle(self, *records):
        lambda_handler.handler({"Records": [{"kinesis": {"data": base64.b64encode(data).decode()}} for data in records]}, None)

    def test_keeps_the_greatest_version(self):
        earlier, later = second(["MoneyCredited"], 7, posted=500), second(["MoneyWithdrawn"], 8, posted=300)
        self.handle(later, earlier)
        self.handle(earlier)
        self.assertEqual(self.table.rows, {"main#A-1": {"account": "main#A-1", "version": 8, "posted": 300, "currency": "EUR"}})

    def test_skips_what_is_no_record(self):
        with contextlib.redirect_stderr(io.StringIO()):
            self.handle(b"not an entry", second(["MoneyCredited"]))
        self.assertEqual(len(self.table.rows), 1)

    def test_fails_where_the_table_does_so_that_lambda_repeats(self):
        self.table.fail = True
        with self.assertRaises(RuntimeError):
            self.handle(second(["MoneyCredited"]))


if __name__ == "__main__":
    unittest.main()
