// A customer of a bank in TypeScript, on the types that openapi-typescript makes of the bank's contract: client.js URL [TOKEN].
import createClient from "openapi-fetch";
import type { paths } from "./passbook.js";

const [url, token] = process.argv.slice(2);
const bank = createClient<paths>({
  baseUrl: url,
  headers: token ? { Authorization: `Bearer ${token}` } : {},
  signal: AbortSignal.timeout(60_000),
});
const account_id = `TS-${Date.now().toString(36)}`;
const path = { account_id };
const key = (name: string) => ({ "Idempotency-Key": name });

function must(right: boolean, what: string, seen: unknown): asserts right {
  if (!right) {
    throw new Error(`${what}: ${JSON.stringify(seen)}`);
  }
}

const opened = await bank.POST("/v1/accounts", { params: { header: key("open") }, body: { account_id, currency: "EUR" } });
must(opened.data !== undefined, "open", opened.error);

const credited = await bank.POST("/v1/accounts/{account_id}/credits", {
  params: { path, header: key("salary") },
  body: { amount: 250000, currency: "EUR" },
});
// Without dry_run the answer is that of the command.
must(credited.data !== undefined && "balance" in credited.data && credited.data.balance.posted === 250000, "credit", credited);

const withdraw = (name: string, amount: number) =>
  bank.POST("/v1/accounts/{account_id}/withdrawals", { params: { path, header: key(name) }, body: { amount, currency: "EUR" } });
const first = await withdraw("cash", 2500);
must(first.data !== undefined, "withdraw", first.error);
const again = await withdraw("cash", 2500);
must(JSON.stringify(again.data) === JSON.stringify(first.data) && again.response.headers.get("Idempotency-Replayed") === "true", "retry", again);

const declined = await withdraw("too much", 1000000);
const problem = declined.error;
must(problem !== undefined && declined.response.status === 422, "decline", declined.data);
must(problem.type === "/problems/insufficient-funds" && problem.shortfall === 752500 && !problem.retryable, "decline", problem);

const version = problem.account_version;
const balance = await bank.GET("/v1/accounts/{account_id}/balance", { params: { path, query: { min_version: version, wait: "5s" } } });
must(balance.data?.posted === 247500, "balance", balance.error);

let cursor: string | undefined;
let last = 0;
do {
  const page = await bank.GET("/v1/accounts/{account_id}/events", { params: { path, query: { limit: 1, cursor } } });
  must(page.data?.events.length === 1, "page", page.error);
  last = page.data.events[0]!.version;
  cursor = page.data.next_cursor;
} while (cursor !== undefined);
must(last === version, "pages", { last, version });
console.log("typescript: open, credit, withdraw, decline, balance, pages and retry");
