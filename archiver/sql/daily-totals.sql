-- What was credited and debited at each tenant each day in each currency, by the day that it was recorded on. With effective_at for
-- recorded_at it is by value date. A transfer is a debit of one account and a credit of another.
select
  tenant, cast(recorded_at as date) as day, currency, max(exponent) as exponent,
  sum(case when delta > 0 then 1 else 0 end) as credits, sum(case when delta > 0 then delta else 0 end) as credited,
  sum(case when delta < 0 then 1 else 0 end) as debits, sum(case when delta < 0 then -delta else 0 end) as debited,
  sum(delta) as net
from events
where transaction_id is not null
group by tenant, cast(recorded_at as date), currency
order by tenant, day, currency;
