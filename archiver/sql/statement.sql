-- What moved money on one account of a tenant in a period, all given in the first line: GET /v1/accounts/{account_id}/statement. The
-- period includes its first instant and not its last; the opening balance is posted - amount of the first line.
with asked as (select 'main' as of_tenant, 'A-1' as account, timestamp '2026-11-01 00:00:00' as first_instant, timestamp '2026-12-01 00:00:00' as end_instant)
select
  tenant, account_id, version, transaction_id, type, recorded_at, effective_at, kind, hold_id, delta as amount, posted, currency, exponent
from events inner join asked on tenant = of_tenant and account_id = account
where transaction_id is not null and recorded_at >= first_instant and recorded_at < end_instant
order by tenant, account_id, version;
