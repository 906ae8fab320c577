-- What every account has: GET /v1/accounts/{account_id}/balance of all.
select
  tenant, account_id, max(currency) as currency, max(exponent) as exponent,
  max_by(posted, version) as posted, max_by(held, version) as held, max_by(limit_amount, version) as limit_amount,
  max_by(posted - held + limit_amount, version) as available,
  max(version) as version, max(recorded_at) as as_of
from events
group by tenant, account_id
order by tenant, account_id;
