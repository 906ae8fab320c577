-- The archive as tables of Athena. BUCKET is the archive's bucket; run one statement at a time, then events.sql. The template makes
-- a database, named after the prefix, and event_rows_v2 in it: after a deployment only events.sql is left to run, and for a bank that
-- was upgraded from format 1 the statement of event_rows_v1, in that database, and then events-upgraded.sql.
--
-- Projection makes the partitions of date, the day on which a row arrived at the stream, without a crawler: no partition has to be
-- added, ever. Below a day the folders are <stream>-<created>/<shard>; Athena reads all of them.
create database if not exists passbook_archive;

create external table if not exists passbook_archive.event_rows_v2 (
  tenant string,
  account_id string,
  version bigint,
  entry_first bigint,
  entry_last bigint,
  type string,
  `schema` int,
  recorded_at timestamp,
  effective_at date,
  arrived_at timestamp,
  command_key string,
  request string,
  correlation_id string,
  causation_id string,
  actor string,
  currency string,
  exponent int,
  holder_ref string,
  kind string,
  direction string,
  reason string,
  amount bigint,
  delta bigint,
  transaction_id string,
  hold_id string,
  posted bigint,
  held bigint,
  limit_amount bigint,
  data string,
  entry_hash binary,
  mac string,
  entry string,
  shard string,
  sequence string
)
partitioned by (`date` date)
stored as parquet
location 's3://BUCKET/events/v2/'
tblproperties (
  'projection.enabled' = 'true',
  'projection.date.type' = 'date',
  'projection.date.format' = 'yyyy-MM-dd',
  'projection.date.range' = '2026-01-01,NOW+1DAY',
  'projection.date.interval' = '1',
  'projection.date.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://BUCKET/events/v2/date=${date}/'
);

-- Only of a bank that was upgraded from format 1, and not in the template: what events-upgraded.sql needs of the rows that were archived before.
create external table if not exists passbook_archive.event_rows_v1 (
  tenant string,
  account_id string,
  version bigint,
  type string,
  recorded_at timestamp,
  effective_at date,
  arrived_at timestamp,
  command_key string,
  correlation_id string,
  causation_id string,
  actor string,
  currency string,
  amount bigint,
  transaction_id string,
  hold_id string,
  posted bigint,
  held bigint,
  `limit` bigint,
  data string,
  sequence string
)
partitioned by (`date` date)
stored as parquet
location 's3://BUCKET/events/v1/'
tblproperties (
  'projection.enabled' = 'true',
  'projection.date.type' = 'date',
  'projection.date.format' = 'yyyy-MM-dd',
  'projection.date.range' = '2026-01-01,NOW+1DAY',
  'projection.date.interval' = '1',
  'projection.date.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://BUCKET/events/v1/date=${date}/'
);
