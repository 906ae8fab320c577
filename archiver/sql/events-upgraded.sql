-- The view of events.sql for a bank that was upgraded from format 1: the rows of events/v1, with the columns of format 2 made from
-- those that they have, and then those of events/v2. Runs unchanged in Athena, DuckDB and Spark.
--
-- Of two copies that of events/v2 counts: its archiver checked the proof of origin. Rows of format 1 have none, so a forged record that
-- was archived before the switch can be the copy that counts, or an event that the bank never had, until replay republish --live has
-- archived the history again; audit names it.
--
-- In rows of format 1 reason is that of declines and releases; the free texts of other events are in data.
create or replace view events as
select
  tenant, account_id, version, type, recorded_at, effective_at, command_key, correlation_id, causation_id, actor,
  currency, max(exponent) over (partition by tenant, account_id) as exponent, holder_ref, kind, direction, reason, amount, delta,
  transaction_id, hold_id, posted, held, limit_amount, data
from (
  select *, row_number() over (partition by tenant, account_id, version order by layout desc, proof, arrived_at, sequence) as copy
  from (
    select
      2 as layout, case when mac is not null then 0 when version > entry_first then 1 else 2 end as proof, arrived_at, sequence,
      tenant, account_id, version, type, recorded_at, effective_at, command_key, correlation_id, causation_id, actor,
      currency, exponent, holder_ref, kind, direction, reason, amount, delta, transaction_id, hold_id, posted, held, limit_amount, data
    from event_rows_v2
    union all
    select
      1 as layout, 0 as proof, arrived_at, sequence,
      tenant, account_id, version, type, recorded_at, effective_at, command_key, correlation_id, causation_id, actor,
      currency,
      case when type = 'AccountOpened' then cast(nullif(regexp_extract(data, '"exponent":([0-9]+)', 1), '') as integer) end as exponent,
      case when type = 'AccountOpened' then nullif(regexp_extract(data, '"holder_ref":"([^"]*)"', 1), '') end as holder_ref,
      case
        when type in ('MoneyCredited', 'MoneyWithdrawn') then nullif(regexp_extract(data, '"kind":"([a-z_]+)"', 1), '')
        when type = 'WithdrawalDeclined' then nullif(regexp_extract(data, '"op":"([a-z]+)"', 1), '')
      end as kind,
      case
        when type = 'MoneyCredited' then 'credit'
        when type in ('MoneyWithdrawn', 'WithdrawalDeclined') then 'debit'
        when type = 'TransactionReversed' then nullif(regexp_extract(data, '"direction":"([a-z]+)"', 1), '')
      end as direction,
      case when type in ('WithdrawalDeclined', 'HoldReleased') then nullif(regexp_extract(data, '"reason":"([a-z_-]+)"', 1), '') end as reason,
      case when type = 'WithdrawalDeclined' then cast(nullif(regexp_extract(data, '"amount":([0-9]+)', 1), '') as bigint) else amount end as amount,
      case
        when type = 'MoneyCredited' or type = 'TransactionReversed' and regexp_extract(data, '"direction":"([a-z]+)"', 1) = 'credit' then amount
        when type in ('MoneyWithdrawn', 'TransactionReversed') then -amount
        else 0
      end as delta,
      transaction_id, hold_id, posted, held, r.limit as limit_amount, data
    from event_rows_v1 r
  ) both_formats
) copies
where copy = 1;
