"""A customer of a bank in Python, on the client that openapi-python-client makes of the bank's contract: client.py URL [TOKEN]."""
import sys
import time

from passbook_client import AuthenticatedClient, Client
from passbook_client.api.balance import get_balance, list_events
from passbook_client.api.credit import credit, open_account
from passbook_client.api.withdraw import withdraw
from passbook_client.models import Answer, Balance, Credit, EventPage, Open, Problem, Withdraw
from passbook_client.types import UNSET


def visit(bank):
    account = f"PY-{time.time_ns():x}"
    opened = open_account.sync(client=bank, body=Open(account_id=account, currency="EUR"), idempotency_key="open")
    assert isinstance(opened, Answer), opened
    credited = credit.sync(account, client=bank, body=Credit(amount=250000, currency="EUR"), idempotency_key="salary")
    assert isinstance(credited, Answer) and credited.balance.posted == 250000, credited

    def take(key, amount):
        return withdraw.sync_detailed(account, client=bank, body=Withdraw(amount=amount, currency="EUR"), idempotency_key=key)

    first, again = take("cash", 2500), take("cash", 2500)
    assert isinstance(first.parsed, Answer), first
    assert again.content == first.content and again.headers["Idempotency-Replayed"] == "true", again
    declined = take("too much", 1000000)
    problem = declined.parsed
    assert declined.status_code == 422 and isinstance(problem, Problem), declined
    assert problem.type_ == "/problems/insufficient-funds" and problem.shortfall == 752500 and not problem.retryable, problem

    version = problem.account_version
    balance = get_balance.sync(account, client=bank, min_version=version, wait="5s")
    assert isinstance(balance, Balance) and balance.posted == 247500, balance
    seen, cursor = [], UNSET
    while True:
        page = list_events.sync(account, client=bank, limit=1, cursor=cursor)
        assert isinstance(page, EventPage), page
        seen += [event.version for event in page.events]
        if not page.has_more:
            break
        cursor = page.next_cursor
    assert seen == list(range(1, version + 1)), seen


if __name__ == "__main__":
    url, *token = sys.argv[1:]
    visit(AuthenticatedClient(base_url=url, token=token[0], timeout=60) if token else Client(base_url=url, timeout=60))
    print("python: open, credit, withdraw, decline, balance, pages and retry")
