-- The events of the bank, each (tenant, account_id, version) once. Runs unchanged in Athena, DuckDB and Spark.
--
-- The stream delivers at least once and republishing sends again, so a row may be in several segments; its copies are equal but for
-- where and when they arrived. A query that sums rows of event_rows_v2 itself counts them twice: ask this view.
--
-- While a bank was being switched from format 1, a forged record without a mac could still be archived. So rows with a mac come before
-- others; an entry has it on its first row only, and a first row without one comes last. It decides between copies, and no more: that
-- a mac is there does not make it valid, and audit is what checks it.
create or replace view events as
select
  tenant, account_id, version, type, recorded_at, effective_at, command_key, correlation_id, causation_id, actor,
  currency, exponent, holder_ref, kind, direction, reason, amount, delta, transaction_id, hold_id, posted, held, limit_amount, data
from (
  select *, row_number() over (partition by tenant, account_id, version order by
    case when mac is not null then 0 when version > entry_first then 1 else 2 end, arrived_at, sequence) as copy
  from event_rows_v2
) copies
where copy = 1;
