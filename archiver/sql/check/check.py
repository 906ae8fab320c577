"""The queries beside the API: check.py PROGRAMS SCRATCH ACCOUNTS NAME=PYTHON...

It opens accounts at a bank of its programs and moves their money; kills the bank and reshards its stream in the middle of that; puts the
whole history on the stream again; and then compares what the six queries say in each engine with what the API says, account by account
and line by line. Every other reader opens every segment. NAME is duckdb, spark33 or spark35, PYTHON the interpreter that has it.
"""

import concurrent.futures
import datetime
import json
import os
import subprocess
import sys
import threading
import time

from answers import Answers
from bank import PATIENCE, Bank
from load import Load

HERE = os.path.dirname(os.path.abspath(__file__))
CONNECTIONS = 4
ENGINE_SECONDS = 600
SHOWN = 5  # differences of a query that are printed

began = time.monotonic()


def say(text):
    print(f"{time.monotonic() - began:6.1f} s  {text}", flush=True)


# --- the bank's days ---


class Round:
    """The commands of a round on several connections. It is sent until each has an answer; what was answered before is answered again."""

    def __init__(self, bank, commands):
        self.bank, self.commands = bank, list(commands)
        self.answered, self.kill_at = 0, None
        self.ids, self.lock, self.killing = {}, threading.Lock(), threading.Event()

    def answer(self, part, result):
        command = part[result["line"] - 1]
        if result["status"] not in (200, 201, 409, 422):
            raise SystemExit(f"{command} was answered {result}")
        with self.lock:
            self.answered += 1
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
        """Kill the bank when so many commands are answered, start it again, and send everything again."""
        shares = {}
        for c in self.commands:
            shares.setdefault(int((c.get("account_id") or c["from"])[2:]) % CONNECTIONS, []).append(c)
        self.kill_at = kill_at
        whole = self.send(list(shares.values()))
        self.kill_at = None
        yield whole
        self.bank.start()
        if not self.send(list(shares.values())):
            raise SystemExit(f"the bank ended by itself:\n{self.bank.tail()}")


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
    """Wait until every record of the stream is in a segment."""
    end = time.monotonic() + 2 * PATIENCE
    while time.monotonic() < end:
        positions = {}
        for consumer in bank.get("/v1/consumers")["consumers"]:
            for shard in consumer["shards"]:
                positions.setdefault(shard["shard"], set()).add((shard["position"], shard["behind_seconds"] or 0))
        if all(len(p) == 1 and next(iter(p))[1] == 0 for p in positions.values()):
            return
        time.sleep(0.5)
    raise SystemExit(f"not archived after {2 * PATIENCE} s: {positions}")


# --- the comparison ---


def timestamp(text):
    return f"timestamp '{text[:26].replace('T', ' ').rstrip('Z')}'"


def questions(instant, period):
    """Return what each answer asks: the query, and its edited line. A statement is asked of all accounts at once."""
    everyone = "(select distinct account_id as account from events) accounts"
    of = "with asked as (select account, {} as first_instant, {} as end_instant from " + everyone + ")"
    return {
        "balance-now": ("balance-now", None),
        "balance-at": ("balance-at", f"with asked as (select {timestamp(instant)} as instant)"),
        "statement": ("statement", of.format(timestamp("2000-01-01T00:00:00.000000"), timestamp("2100-01-01T00:00:00.000000"))),
        "statement-of-a-period": ("statement", of.format(*map(timestamp, period))),
        "daily-totals": ("daily-totals", None),
        "declines": ("declines", None),
        "top-accounts": ("top-accounts", None),
    }


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

    def __init__(self, archive, scratch, answers, asked, view):
        self.archive, self.scratch, self.answers, self.asked, self.view = archive, scratch, answers, asked, view
        self.counts, self.failed = [], False

    def engine(self, name, python):
        out = os.path.join(self.scratch, name)
        os.makedirs(out)
        with open(os.path.join(out, "asked.json"), "w", encoding="utf-8") as file:
            json.dump(self.asked, file)
        kind = "spark" if name.startswith("spark") else name
        run(python, "engine.py", kind, self.archive, out, self.view, cwd=out)
        count = json.loads(open(os.path.join(out, "counts.json"), encoding="utf-8").read())
        self.counts.append(count)
        results = []
        for query in self.asked:
            with open(os.path.join(out, query + ".json"), encoding="utf-8") as file:
                found = [json.loads(line) for line in file]
            wrong = differences(query, self.answers[query], found)
            self.failed |= wrong > 0 or not found
            results.append(f"{query} {len(found)} rows" + (f", {wrong} DIFFER" if wrong else ""))
        say(f"{count['engine']}: {count['rows']} rows, {count['events']} events; equal to the API: " + "; ".join(results))
        if count["rows"] <= count["events"]:
            self.failed = True
            print("  no row is there twice: nothing shows that the view counts it once")

    def readers(self, python):
        for line in run(python, "readers.py", self.archive).splitlines():
            count = json.loads(line)
            self.counts.append(count)
            say(f"{count['engine']}: opened, {count['rows']} rows")

    def agree(self):
        """Report whether every engine read the same rows."""
        if len({(c["rows"], c["delta"]) for c in self.counts}) != 1:
            self.failed = True
            print("the engines disagree about the rows:", *self.counts, sep="\n  ")
        return not self.failed


def run(python, script, *args, cwd=None):
    """Run a script in an engine's environment, and return what it prints."""
    env = {**os.environ, "TZ": "UTC", "SPARK_LOCAL_IP": "127.0.0.1"}
    done = subprocess.run([python, os.path.join(HERE, script), *args], env=env, cwd=cwd, capture_output=True, text=True, timeout=ENGINE_SECONDS)
    if done.returncode != 0:
        raise SystemExit(f"{script} {' '.join(args)} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


def main(programs, scratch, accounts, *pythons):
    programs, scratch = os.path.abspath(programs), os.path.abspath(scratch)
    bank = Bank(programs, os.path.join(scratch, "data"), "--segment-age", "2s")
    load = Load(int(accounts), (datetime.date.today() - datetime.timedelta(days=3)).isoformat())
    try:
        bank.start()
        middle = work(bank, load)
        say(bank.job("replay", "republish", "--stream", "passbook-events", "--live", "--yes").strip())
        archived(bank)
        say("everything is archived; " + bank.job("audit").strip().splitlines()[-1])
        # Instants at which something was recorded show whether both sides mean the same by "at", "from" and "to".
        recorded = [l["recorded_at"] for l in bank.pages(f"/v1/accounts/{load.accounts[0]}/statement", "lines")[0]]
        instant, period = middle.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), (recorded[1], recorded[-1])
        answers = Answers(bank, load.accounts, instant, period)
        say(f"the API has answered: {sum(map(len, answers.rows.values()))} rows about {len(load.accounts)} accounts")
    finally:
        bank.stop()
    comparison = Comparison(os.path.join(bank.data, "archive"), scratch, answers.rows, questions(instant, period), "events")
    for name, python in (p.split("=", 1) for p in pythons):
        comparison.engine(name, python)
        if name == "duckdb":
            comparison.readers(python)
    if not comparison.agree():
        raise SystemExit("the queries and the API differ")
    say("the queries and the API agree")


if __name__ == "__main__":
    main(*sys.argv[1:])
