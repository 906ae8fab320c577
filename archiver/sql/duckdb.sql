-- The archive as a table of DuckDB. ARCHIVE is s3://BUCKET, with a secret of its type s3, or DATA/archive of an embedded bank.
set TimeZone = 'UTC';
create or replace view event_rows_v2 as select * from read_parquet('ARCHIVE/events/v2/*/*/*/*.parquet', hive_partitioning = true);
-- Only of a bank that was upgraded from format 1:
create or replace view event_rows_v1 as select * from read_parquet('ARCHIVE/events/v1/*/*/*/*.parquet', hive_partitioning = true);
