-- The archive as a table of Spark. ARCHIVE is s3a://BUCKET, or DATA/archive of an embedded bank.
set spark.sql.session.timeZone = UTC;
-- The folders of date are the partitions: a new day needs no repair of the table.
set spark.sql.hive.manageFilesourcePartitions = false;
create table if not exists event_rows_v2 using parquet location 'ARCHIVE/events/v2';
-- Only of a bank that was upgraded from format 1; Spark 3.4 or newer, since its hashes have a fixed length without a type:
create table if not exists event_rows_v1 using parquet location 'ARCHIVE/events/v1';
