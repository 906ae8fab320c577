"""The queries in one engine: engine.py duckdb|spark|iceberg|iceberg-spark (ARCHIVE OUT VIEW)... Each query's rows are written to OUT as lines of JSON.

It runs in the environment that has the engine. Only the statements of the .sql files are run, in the order of their file; the line that
begins "with asked" is the one that people edit, and OUT/asked.json has what to put there. Of iceberg and iceberg-spark ARCHIVE is the
metadata of the events table, whose files pyiceberg lists, or which Spark reads by the library of Iceberg in ICEBERG_JAR.
"""

import datetime
import decimal
import json
import os
import pathlib
import sys

QUERIES = pathlib.Path(__file__).resolve().parent.parent


class DuckDB:
    def __init__(self):
        import duckdb
        self.connection = duckdb.connect(config={"threads": 2})
        self.version = "DuckDB " + duckdb.__version__

    def run(self, statement):
        return self.connection.execute(statement)

    def views(self, archive, view):
        return views("duckdb", archive, view)

    def rows(self, statement):
        return self.run(statement).fetchall()

    def keep(self, view):
        """DuckDB is quick enough to make a view for each query."""

    def forget(self):
        """Views are replaced."""

    def read_all(self):
        """Decode every column of every row."""
        return self.rows("select count(*), sum(delta), bit_xor(hash(r)) from event_rows_v2 r")[0]


class Iceberg(DuckDB):
    """DuckDB over the files that pyiceberg lists of the events table."""

    def __init__(self):
        import pyiceberg
        super().__init__()
        self.version = f"pyiceberg {pyiceberg.__version__}, {self.version}"

    def views(self, archive, view):
        from pyiceberg.table import StaticTable
        table = StaticTable.from_metadata(archive)
        files = [task.file.file_path.removeprefix("file://") for task in table.scan().plan_files()]
        rows = table.scan(selected_fields=("delta",)).to_arrow()
        self.all = rows.num_rows, sum(rows["delta"].to_pylist())
        return ["set TimeZone = 'UTC'", f"create or replace view events as select * from read_parquet({files}, hive_partitioning = false)"]

    def read_all(self):
        """Return what pyiceberg reads by itself."""
        return self.all


class Spark:
    jars = ""

    def __init__(self):
        import pyspark
        from pyspark.sql import SparkSession
        self.session = (SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").config("spark.driver.memory", "1g")
                        .config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1").config("spark.jars", self.jars)
                        .config("spark.sql.shuffle.partitions", "4").config("spark.log.level", "ERROR").getOrCreate())
        self.session.sparkContext.setLogLevel("ERROR")
        self.version = "Spark " + pyspark.__version__

    def run(self, statement):
        return self.session.sql(statement)

    def views(self, archive, view):
        return views("spark", archive, view)

    def rows(self, statement):
        return self.run(statement).collect()

    def keep(self, view):
        """Make a view once and not once a query."""
        self.run("cache table " + view)

    def forget(self):
        self.run("drop view if exists events")
        for table in ("event_rows_v1", "event_rows_v2"):
            self.run("drop table if exists " + table)

    def read_all(self):
        return self.rows("select count(*), sum(delta), bit_xor(xxhash64(*)) from event_rows_v2")[0]


class IcebergSpark(Spark):
    """Spark on the events table, a table of a Hadoop catalog."""

    jars = os.environ.get("ICEBERG_JAR", "")

    def __init__(self):
        super().__init__()
        self.version += " with " + pathlib.Path(self.jars).stem

    def views(self, archive, view):
        directory = archive.rsplit("/metadata/", 1)[0]
        self.session.read.format("iceberg").load(directory).createOrReplaceTempView("events")
        return []

    def forget(self):
        self.run("drop view if exists events")

    def read_all(self):
        return self.rows("select count(*), sum(delta), bit_xor(xxhash64(*)) from events")[0]


def statements(name, asked=None):
    """Return the statements of a file, without comments, with the line that people edit replaced."""
    lines = [l for l in (QUERIES / name).read_text(encoding="utf-8").splitlines() if not l.startswith("--")]
    if asked:
        edited = [asked if l.startswith("with asked") else l for l in lines]
        if edited == lines:
            raise SystemExit(f"{name} has no line to edit")
        lines = edited
    return [s.strip() for s in "\n".join(lines).split(";") if s.strip()]


def views(kind, archive, view):
    """Return the statements that an engine needs before the queries."""
    needed = statements(kind + ".sql") + statements(view + ".sql")
    return [s.replace("ARCHIVE", archive) for s in needed if "event_rows_v1" not in s or view == "events-upgraded"]


def plain(value):
    """Return a value as the API's JSON has it."""
    if isinstance(value, datetime.datetime):
        if value.tzinfo:
            value = value.astimezone(datetime.timezone.utc)
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, (bool, float)):
        raise SystemExit(f"{value!r} is no value of an answer")
    return int(value) if isinstance(value, (int, decimal.Decimal)) else value


def ask(engine, archive, out, view):
    """Run the queries on an archive. OUT/asked.json names them."""
    asked = json.loads((out / "asked.json").read_text(encoding="utf-8"))
    engine.forget()
    for statement in engine.views(archive, view):
        engine.run(statement)
    counts = dict(zip(["rows", "delta"], map(plain, engine.read_all())))
    engine.keep("events")
    counts["events"] = plain(engine.rows("select count(*) from events")[0][0])
    for query, line in asked.items():
        with open(out / f"{query}.json", "w", encoding="utf-8") as file:
            for row in engine.rows(statements(query + ".sql", line)[0]):
                file.write(json.dumps([plain(v) for v in row]) + "\n")
    (out / "counts.json").write_text(json.dumps({"engine": engine.version, **counts}), encoding="utf-8")


def main(kind, *archives):
    engine = {"duckdb": DuckDB, "spark": Spark, "iceberg": Iceberg, "iceberg-spark": IcebergSpark}[kind]()
    for archive, out, view in zip(*[iter(archives)] * 3):
        ask(engine, archive, pathlib.Path(out), view)


if __name__ == "__main__":
    main(*sys.argv[1:])
