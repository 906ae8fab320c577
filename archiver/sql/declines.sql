-- What was declined at each tenant each day, by reason, by what was asked for (withdraw, hold, transfer, reversal) and by currency.
select
  tenant, cast(recorded_at as date) as day, reason, kind as asked_for, currency, max(exponent) as exponent,
  count(*) as declines, count(distinct account_id) as accounts, sum(amount) as amount
from events
where type = 'WithdrawalDeclined'
group by tenant, cast(recorded_at as date), reason, kind, currency
order by tenant, day, reason, asked_for, currency;
