"""Every segment in the libraries that read Parquet without SQL: readers.py ARCHIVE. Prints version, rows and sum of delta of each."""

import glob
import importlib
import json
import sys


def pyarrow(files):
    import pyarrow.compute
    import pyarrow.parquet
    tables = [pyarrow.parquet.ParquetFile(f).read() for f in files]
    return sum(t.num_rows for t in tables), sum(pyarrow.compute.sum(t["delta"]).as_py() for t in tables)


def polars(files):
    import polars
    tables = [polars.read_parquet(f, hive_partitioning=False) for f in files]
    return sum(len(t) for t in tables), sum(t["delta"].sum() for t in tables)


def fastparquet(files):
    import fastparquet
    tables = [fastparquet.ParquetFile(f).to_pandas() for f in files]
    return sum(len(t) for t in tables), sum(int(t["delta"].sum()) for t in tables)


def main(archive):
    files = glob.glob(archive + "/events/v2/**/*.parquet", recursive=True)
    for read in (pyarrow, polars, fastparquet):
        version = f"{read.__name__} {importlib.import_module(read.__name__).__version__}"
        rows, delta = read(files)
        print(json.dumps({"engine": version, "rows": int(rows), "delta": int(delta)}))


if __name__ == "__main__":
    main(sys.argv[1])
