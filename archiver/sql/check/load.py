"""The load: what happens to the accounts, in three rounds. Each round uses ids from the answers to the round before."""

import random

CURRENCIES = {"EUR": 2, "USD": 2, "JPY": 0, "GBP": 2, "BHD": 3}  # and their exponents


class Load:
    """The commands of the accounts. The same seed makes the same commands, as far as their answers are the same."""

    def __init__(self, accounts, back_dated, seed=10):
        self.random = random.Random(seed)
        self.back_dated = back_dated
        self.accounts = [f"S-{i:05d}" for i in range(accounts)]
        names = list(CURRENCIES)
        self.currency = {a: names[i % len(names)] for i, a in enumerate(self.accounts)}
        self.sent = 0

    def command(self, op, account, **fields):
        self.sent += 1
        if op != "transfer":
            fields["account_id"] = account
        if op == "open" or "amount" in fields and op != "capture":
            fields["currency"] = self.currency[account]
        return {"op": op, "idempotency_key": f"sql-{self.sent}", **fields}

    def peer(self, account):
        """Return another account of the same currency."""
        step = len(CURRENCIES) * self.random.randrange(1, len(self.accounts) // len(CURRENCIES))
        return self.accounts[(int(account[2:]) + step) % len(self.accounts)]

    def first(self, _):
        """Open, credit, withdraw, reserve; and ask for more than there is."""
        for i, a in enumerate(self.accounts):
            some = {"credit_limit": 5000} if i % 4 == 0 else {}
            if i % 7:
                some["holder_ref"] = f"holder-{i // 2}"
            yield self.command("open", a, product="current", **some)
            if i % 97 == 96:
                yield self.command("close", a, reason_code="unused")
                continue
            yield self.command("credit", a, amount=self.random.randrange(50_000, 200_000), kind="deposit", reference='the "first" salary')
            if i % 3 == 0:
                yield self.command("credit", a, amount=self.random.randrange(1, 999), kind="interest", effective_at=self.back_dated)
            yield self.command("withdraw", a, amount=self.random.randrange(1, 9999), kind=self.random.choice(["cash", "card", "fee"]))
            if i % 2:
                yield self.command("hold", a, amount=self.random.randrange(1000, 20_000), reference="hotel")
            if i % 5 == 0:
                yield self.command("withdraw", a, amount=900_000_000, kind="cash")

    def second(self, answers):
        """Capture and release what was reserved, reverse, transfer, change limits, freeze."""
        for i, a in enumerate(self.accounts):
            ids = answers.get(a, {})
            if "hold" in ids:
                choice = i % 8
                if choice == 1:
                    yield self.command("capture", a, hold_id=ids["hold"])
                elif choice == 3:
                    yield self.command("capture", a, hold_id=ids["hold"], amount=500, final=False)
                elif choice == 5:
                    yield self.command("capture", a, hold_id=ids["hold"], amount=700, final=True)
                else:
                    yield self.command("release", a, hold_id=ids["hold"])
            if "credit" in ids and i % 11 == 0:
                yield self.command("reverse", a, transaction_id=ids["credit"], force=True, reason='"direction":"credit" by mistake')
            if "withdraw" in ids and i % 13 == 0:
                yield self.command("reverse", a, transaction_id=ids["withdraw"])
            yield self.command("transfer", a, **{"from": a, "to": self.peer(a)}, amount=self.random.randrange(1, 5000), reference="rent")
            if i % 6 == 0:
                yield self.command("set-limit", a, limit=self.random.choice([0, 1000, 20_000]), reason="review", decided_by="risk-7", force=True)
            if i % 10 == 0:
                yield self.command("freeze", a, scope="debits", reason_code="fraud-check")

    def third(self, _):
        """Ask for too much in every way; thaw what is frozen; and move money once more."""
        for i, a in enumerate(self.accounts):
            if i % 10 == 0:
                yield self.command("withdraw", a, amount=1, kind="cash")  # refused, without an event
                yield self.command("unfreeze", a, reason_code="checked")
            if i % 9 == 0:
                yield self.command("hold", a, amount=800_000_000)
            if i % 14 == 0:
                yield self.command("transfer", a, **{"from": a, "to": self.peer(a)}, amount=700_000_000)
            yield self.command("credit", a, amount=self.random.randrange(1, 50), kind="repayment")
            if i % 2 == 0:
                yield self.command("transfer", a, **{"from": a, "to": self.peer(a)}, amount=self.random.randrange(1, 500))
