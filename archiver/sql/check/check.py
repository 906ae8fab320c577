"""The queries beside the API: check.py PROGRAMS SCRATCH ACCOUNTS OLD NAME=PYTHON...

It opens accounts at a bank and moves their money; kills the bank and reshards its stream in the middle of that; lets another tenant work
on accounts of the same ids; puts the whole history on the stream again; and then compares what the six queries say in each engine with what the API says, account by account and line by
line. It does the same with a small bank that was upgraded from format 1, whose directory is in the file OLD. Every other reader opens
every segment. NAME is duckdb, spark33, spark35, iceberg or iceberg-spark, PYTHON the interpreter that has it; the last two are asked about
the events table that compact makes of each archive.
"""

import concurrent.futures
import datetime
import json
import os
import subprocess
import sys
import tarfile
import threading
import time

from answers import Answers
from bank import PATIENCE, Bank
from load import Load

HERE = os.path.dirname(os.path.abspath(__file__))
CONNECTIONS = 4
ENGINE_SECONDS = 600
LOOKS = 6  # how often the positions of the consumers have to be found equal and unchanged
TRIES = 5  # a busy machine may be too slow for a command's deadline
OPENS = {"spark33": ["balance-now"]}  # what an engine is asked that is here to show that it opens the archive
OF_TABLE = ["iceberg", "iceberg-spark"]  # what is asked about the events table
SHOWN = 5  # differences of a query that are printed

began = time.monotonic()


def say(text):
    print(f"{time.monotonic() - began:6.1f} s  {text}", flush=True)


# --- the bank's days ---


class Round:
    """The commands of a round on several connections. It is sent until each has an answer; what was answered before is answered again."""

    def __init__(self, bank, commands):
        self.bank, self.commands = bank, list(commands)
        self.answered, self.open, self.kill_at = 0, 0, None
        self.ids, self.lock, self.killing = {}, threading.Lock(), threading.Event()

    def answer(self, part, result):
        command = part[result["line"] - 1]
        retryable = result.get("problem", {}).get("retryable", False)
        if not retryable and result["status"] not in (200, 201, 409, 422):
            raise SystemExit(f"{command} was answered {result}")
        with self.lock:
            self.answered += 1
            self.open += retryable
            if self.answered == self.kill_at:
                self.killing.set()
            if "account_id" in command and "result" in result:
                self.ids.setdefault(command["account_id"], {})[command["op"]] = result["result"].get("hold_id") or result["result"].get("transaction_id")

    def send(self, parts):
        """Send all parts, and return whether each was answered to its end."""
        with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
            sent = [pool.submit(self.bank.bulk, part, lambda r, part=part: self.answer(part, r)) for part in parts]
            if self.kill_at:
                while not self.killing.wait(0.05) and not all(s.done() for s in sent):
                    pass
                self.bank.kill()
            failed = [s for s in sent if s.exception()]
        for s in failed:
            if not isinstance(s.exception(), OSError):
                raise s.exception()
        return not failed

    def run(self, kill_at):
        """Kill the bank when so many commands are answered, start it again, and send everything until all are answered for good."""
        shares = {}
        for c in self.commands:
            shares.setdefault(int((c.get("account_id") or c["from"])[2:]) % CONNECTIONS, []).append(c)
        self.kill_at = kill_at
        yield self.send(list(shares.values()))
        self.bank.start()
        self.kill_at = None
        for _ in range(TRIES):
            self.open = 0
            if not self.send(list(shares.values())):
                raise SystemExit(f"the bank ended by itself:\n{self.bank.tail()}")
            if not self.open:
                return
        raise SystemExit(f"{self.open} commands have no final answer after {TRIES} tries:\n{self.bank.tail()}")


def work(bank, load):
    """Send the three rounds, and return an instant in the middle of the second."""
    ids, middle = {}, None
    for number, commands in enumerate((load.first, load.second, load.third), 1):
        sent = Round(bank, commands(ids))
        for _ in sent.run(kill_at=len(sent.commands) // 3):
            say(f"round {number}: {len(sent.commands)} commands, killed after {sent.answered} answers")
            if number < 3:
                say("  " + reshard(bank))
            middle = middle or datetime.datetime.now(datetime.timezone.utc) if number == 2 else middle
        ids = sent.ids
    return middle


def reshard(bank):
    """Split and merge shards of the stream while no program has it open."""
    env = {**os.environ, "PASSBOOK_DATA": bank.data}
    return subprocess.run([f"{bank.programs}/reshard"], env=env, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout.strip()


def archived(bank):
    """Wait until the archiver has come as far as the read models, which have everything that the API answered, and stays there."""
    end, looks, last = time.monotonic() + 3 * PATIENCE, 0, None
    while looks < LOOKS:
        if time.monotonic() > end:
            raise SystemExit(f"not archived after {3 * PATIENCE} s: {last}")
        time.sleep(0.5)
        positions = {}
        for consumer in bank.get("/v1/consumers")["consumers"]:
            for shard in consumer["shards"]:
                positions.setdefault(shard["shard"], set()).add(shard["position"])
        looks = looks + 1 if positions == last and all(len(p) == 1 for p in positions.values()) else 0
        last = positions
    say("everything is archived; " + bank.job("audit", "--grace", "1ms").strip().splitlines()[-1])


# --- the comparison ---


def timestamp(text):
    return f"timestamp '{text[:26].replace('T', ' ').rstrip('Z')}'"


class Case:
    """An archive, and what the API of its bank answers to each tenant, which is given with its accounts."""

    def __init__(self, bank, view, tenants, instant):
        self.made = None  # the metadata of the events table
        self.bank, self.name, self.archive, self.view = bank, os.path.basename(bank.data), os.path.join(bank.data, "archive"), view
        # Instants at which something was recorded show whether both sides mean the same by "at", "from" and "to".
        first, accounts = tenants[0]
        recorded = [l["recorded_at"] for l in first.pages(f"/v1/accounts/{accounts[0]}/statement", "lines")[0]]
        period = recorded[1], recorded[-1]
        instant = instant or recorded[len(recorded) // 2]
        self.answers = {}
        for tenant, accounts in tenants:
            for query, rows in Answers(tenant, accounts, instant, period).rows.items():
                self.answers[query] = self.answers.get(query, []) + rows
        # A statement is asked of all accounts at once.
        self.asked = {
            "balance-now": None,
            "balance-at": f"with asked as (select {timestamp(instant)} as instant)",
            "statement": f"with asked as (select of_tenant, account, {timestamp(period[0])} as first_instant, {timestamp(period[1])} as end_instant "
                         "from (select distinct tenant as of_tenant, account_id as account from events) accounts)",
            "daily-totals": None,
            "declines": None,
            "top-accounts": None,
        }
        say(f"{self.name}: the API has answered: {sum(map(len, self.answers.values()))} rows about {sum(len(of) for _, of in tenants)} accounts of {len(tenants)} tenants")

    def table(self):
        """Make the events table of the archive once, and return its metadata. A second run has nothing to add."""
        if self.made:
            return self.made
        done = [json.loads(self.bank.job("compact", "-o", "json", "--memory", "16MiB")) for _ in range(2)]
        if done[0]["events"] == 0 or done[1]["events"] or done[0]["table"] != done[1]["table"]:
            raise SystemExit(f"compact: {done}")
        say(f"{self.name}: compact added {done[0]['events']} events in {done[0]['files']} files and {done[0]['snapshots']} snapshots")
        self.made = done[1]["table"]
        return self.made


def differences(query, said, found):
    """Print how the rows of an engine differ from the API's, and return how many do."""
    said, found = sorted(map(repr, map(tuple, said))), sorted(map(repr, map(tuple, found)))
    if said == found:
        return 0
    only_api, only_engine = sorted(set(said) - set(found)), sorted(set(found) - set(said))
    for source, rows in (("the API", only_api), ("the engine", only_engine)):
        for row in rows[:SHOWN]:
            print(f"  {query}: only {source} has {row}")
    return max(len(only_api), len(only_engine), abs(len(said) - len(found)))


class Comparison:
    """The engines' rows beside the API's."""

    def __init__(self, scratch, cases):
        self.scratch, self.cases, self.failed = scratch, cases, False
        self.counts = {case.name: [] for case in cases}
        self.tables = []

    def engine(self, name, python):
        queries, cases = OPENS.get(name), self.cases
        if queries:
            cases = cases[:1]
        args = []
        for case in cases:
            out = self.out(name, case)
            os.makedirs(out)
            with open(os.path.join(out, "asked.json"), "w", encoding="utf-8") as file:
                json.dump({q: line for q, line in case.asked.items() if not queries or q in queries}, file)
            args += [case.table() if name in OF_TABLE else case.archive, out, case.view]
        run(python, "engine.py", "spark" if name.startswith("spark") else name, *args, cwd=self.out(name, cases[0]))
        for case in cases:
            self.compare(case, self.out(name, case), of_table=name in OF_TABLE)

    def out(self, name, case):
        return os.path.join(self.scratch, name, case.name)

    def compare(self, case, out, of_table):
        with open(os.path.join(out, "counts.json"), encoding="utf-8") as file:
            count = json.load(file)
        if of_table:
            self.tables.append((case.name, count))
        else:
            self.counts[case.name].append(count)
        results = []
        with open(os.path.join(out, "asked.json"), encoding="utf-8") as file:
            asked = json.load(file)
        for query in asked:
            with open(os.path.join(out, query + ".json"), encoding="utf-8") as file:
                found = [json.loads(line) for line in file]
            wrong = differences(query, case.answers[query], found)
            self.failed |= wrong > 0 or not found
            results.append(f"{query} {len(found)} rows" + (f", {wrong} DIFFER" if wrong else ""))
        say(f"{case.name}: {count['engine']}: {count['rows']} rows{'' if of_table else ' of format 2'}, {count['events']} events; beside the API: " + "; ".join(results))

    def readers(self, python):
        case = self.cases[0]
        for line in run(python, "readers.py", case.archive).splitlines():
            count = json.loads(line)
            self.counts[case.name].append(count)
            say(f"{case.name}: {count['engine']}: opened, {count['rows']} rows")

    def agree(self):
        """Report whether every engine read the same rows, some of them copies, and every query gave the API's answer."""
        for name, counts in self.counts.items():
            if len({(c["rows"], c["delta"]) for c in counts}) != 1:
                self.failed = True
                print(f"{name}: the engines disagree about the rows:", *counts, sep="\n  ")
        for name, table in self.tables:
            events = self.counts[name][0]["events"]
            if table["rows"] != events:
                self.failed = True
                print(f"{name}: {table['engine']}: the events table has {table['rows']} rows, the archive {events} events")
        first = self.counts[self.cases[0].name][0]
        if first["rows"] <= first["events"]:
            self.failed = True
            print("no row is there twice: nothing shows that the view counts it once")
        return not self.failed


def run(python, script, *args, cwd=None):
    """Run a script in an engine's environment, and return what it prints."""
    env = {**os.environ, "TZ": "UTC", "SPARK_LOCAL_IP": "127.0.0.1"}
    done = subprocess.run([python, os.path.join(HERE, script), *args], env=env, cwd=cwd, capture_output=True, text=True, timeout=ENGINE_SECONDS)
    if done.returncode != 0:
        raise SystemExit(f"{script} {' '.join(args)} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


def new_bank(programs, scratch, accounts):
    """Return the case of a bank that was killed, resharded and republished."""
    bank = Bank(programs, os.path.join(scratch, "bank"), "--segment-age", "2s", "--auth", "apikey")
    load = Load(accounts, (datetime.date.today() - datetime.timedelta(days=3)).isoformat())
    try:
        bank.start()
        bank.use(bank.of("main"))
        middle = work(bank, load)
        acme, other = bank.of("acme"), Load(max(accounts // 20, 100), load.back_dated, seed=11)
        sent = Round(acme, other.first({}))
        if not sent.send([sent.commands]) or sent.open:
            raise SystemExit(f"not all commands of the other tenant were answered:\n{bank.tail()}")
        say(f"another tenant: {sent.answered} commands on accounts of the same ids")
        say(bank.job("replay", "republish", "--stream", "passbook-events", "--live", "--yes").strip())
        case = Case(bank, "events", [(bank, load.accounts), (acme, other.accounts)], middle.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
        archived(bank)
        return case
    finally:
        bank.stop()


def upgraded_bank(programs, scratch, old):
    """Return the case of a bank whose archive begins in format 1."""
    with tarfile.open(old) as file:
        file.extractall(os.path.join(scratch, "upgraded"), filter="data")
    bank = Bank(programs, os.path.join(scratch, "upgraded"), "--segment-age", "1s")
    load = Load(200, datetime.date.today().isoformat())
    try:
        bank.start()
        before = [a["account_id"] for a in bank.pages("/v1/accounts", "accounts")[0]]
        bank.job("bank", "upgrade", "--yes")
        for _ in Round(bank, load.first({})).run(kill_at=1):
            pass
        case = Case(bank, "events-upgraded", [(bank, before + load.accounts)], None)
        archived(bank)
        return case
    finally:
        bank.stop()


def main(programs, scratch, accounts, old, *pythons):
    programs, scratch = os.path.abspath(programs), os.path.abspath(scratch)
    comparison = Comparison(scratch, [new_bank(programs, scratch, int(accounts)), upgraded_bank(programs, scratch, old)])
    for name, python in (p.split("=", 1) for p in pythons):
        comparison.engine(name, python)
        if name == "duckdb":
            comparison.readers(python)
    if not comparison.agree():
        raise SystemExit("the queries and the API differ")
    say("the queries and the API agree")


if __name__ == "__main__":
    main(*sys.argv[1:])
