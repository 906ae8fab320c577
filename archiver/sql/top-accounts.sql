-- The ten accounts of each currency that have most.
select currency, exponent, place, tenant, account_id, posted
from (
  select *, row_number() over (partition by currency order by posted desc, tenant, account_id) as place
  from (
    select tenant, account_id, max(currency) as currency, max(exponent) as exponent, max_by(posted, version) as posted
    from events
    group by tenant, account_id
  ) balances
) ranked
where place <= 10
order by currency, place;
