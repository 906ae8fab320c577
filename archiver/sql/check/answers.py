"""What the API says of every account, as the rows that each query has to return."""

import collections
import concurrent.futures

from load import CURRENCIES

MOVED, DECLINED = "everything that moved", "WithdrawalDeclined"


class Answers:
    """The API's answers to a tenant about its accounts at an instant and in a period."""

    def __init__(self, bank, accounts, instant, period):
        self.bank, self.instant, self.period = bank, instant, period
        self.rows = collections.defaultdict(list)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for found in pool.map(self.account, accounts):
                for query, rows in found.items():
                    self.rows[query] += rows
        self.rows["daily-totals"] = daily_totals(bank.tenant, self.rows.pop(MOVED))
        self.rows["declines"] = declines_by_day(bank.tenant, self.rows.pop(DECLINED))
        self.rows["top-accounts"] = top_accounts(bank.tenant, self.rows["balance-now"])

    def account(self, account):
        path = f"/v1/accounts/{account}"
        moved, head = self.statement(path)  # of the journal, so it knows the account's last version
        now = self.bank.get(path + "/balance", min_version=head, wait="30s")
        then = self.bank.get(path + "/balance", at=self.instant)
        if now.get("blocked_at_version"):
            raise SystemExit(f"{account} is in quarantine: {now}")
        first, end = self.period
        return {
            "balance-now": [balance(self.bank.tenant, now)],
            "balance-at": [balance(self.bank.tenant, then)] if then else [],
            "statement": self.statement(path, **{"from": first, "to": end})[0],
            MOVED: moved,
            DECLINED: self.bank.pages(path + "/events", "events", type=DECLINED)[0],
        }

    def statement(self, path, **period):
        """Return the lines of a statement, and the version that it ends at."""
        lines, page = self.bank.pages(path + "/statement", "lines", **period)
        account, currency = page["account_id"], page["currency"]
        return [
            (self.bank.tenant, account, l["version"], l["transaction_id"], l["type"], l["recorded_at"], l["effective_at"], l.get("kind"), l.get("hold_id"),
             l["amount"], l["posted"], currency, CURRENCIES[currency]) for l in lines], page["closing"]["version"]


def balance(tenant, b):
    return (tenant, b["account_id"], b["currency"], CURRENCIES[b["currency"]], b["posted"], b["held"], b["limit"], b["available"], b["version"], b["as_of"])


def daily_totals(tenant, lines):
    days = collections.defaultdict(lambda: [0, 0, 0, 0])
    for line in lines:
        recorded_at, amount, currency = line[5], line[9], line[11]
        total = days[recorded_at[:10], currency]
        side = 0 if amount > 0 else 2
        total[side] += 1
        total[side + 1] += abs(amount)
    return [(tenant, day, currency, CURRENCIES[currency], *t, t[1] - t[3]) for (day, currency), t in days.items()]


def declines_by_day(tenant, events):
    days = collections.defaultdict(lambda: [0, set(), 0])
    for e in events:
        total = days[e["recorded_at"][:10], e["data"]["reason"], e["data"]["op"], e["currency"]]
        total[0] += 1
        total[1].add(e["event_id"].split(":")[0])
        total[2] += e["data"]["amount"]
    return [(tenant, *key, CURRENCIES[key[3]], n, len(accounts), amount) for key, (n, accounts, amount) in days.items()]


def top_accounts(tenant, balances):
    rows = []
    for currency, exponent in CURRENCIES.items():
        ranked = sorted((-b[4], b[1]) for b in balances if b[2] == currency)
        rows += [(tenant, currency, exponent, place, account, -posted) for place, (posted, account) in enumerate(ranked[:10], 1)]
    return rows
