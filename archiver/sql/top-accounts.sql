-- The ten accounts of each tenant and currency that have most.
select tenant, currency, exponent, place, account_id, posted
from (
  select *, row_number() over (partition by tenant, currency order by posted desc, account_id) as place
  from (
    select tenant, account_id, max(currency) as currency, max(exponent) as exponent, max_by(posted, version) as posted
    from events
    group by tenant, account_id
  ) balances
) ranked
where place <= 10
order by tenant, currency, place;
