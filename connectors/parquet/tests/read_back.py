"""Reads results with DuckDB and pyarrow, which share no code with the writer, and prints what they see.

    read_back.py FOLDER                      a root folder
    read_back.py S3_ENDPOINT BUCKET/PREFIX   a root in a bucket (pyarrow only; DuckDB loads its S3 part from the net)

Prints one JSON object: for each reader the types of the columns and the rows in order, and how many files each
reads for one hour.
"""

import datetime
import json
import os
import sys

import duckdb
import pyarrow.dataset
import pyarrow.fs


def plain(value):
    """A value as text; a time must know that it is UTC."""
    if isinstance(value, datetime.datetime):
        assert value.utcoffset() is not None, value
        return value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)


def by_pyarrow(root, filesystem=None):
    dataset = pyarrow.dataset.dataset(f"{root}/analytics-results", partitioning="hive", filesystem=filesystem)
    columns = [name for name in dataset.schema.names if name not in ("date", "hour")]
    table = dataset.to_table(columns=columns).sort_by("window_start")
    field = pyarrow.dataset.field
    hour = (field("date") == "2026-11-23") & (field("hour") == 3)
    return {
        "types": {name: str(dataset.schema.field(name).type) for name in columns},
        "nullable": [name for name in columns if dataset.schema.field(name).nullable],
        "rows": [[plain(row[name]) for name in columns] for row in table.to_pylist()],
        "files": len(dataset.files),
        "files_of_one_hour": len(list(dataset.get_fragments(filter=hour))),
    }


def by_duckdb(root):
    # As in the README. Everything in UTC, so that nothing depends on the zone of this machine.
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    files = f"'{root}/analytics-results/*/*/*.parquet'"
    described = connection.sql(f"DESCRIBE SELECT * EXCLUDE (date, hour) FROM {files}").fetchall()
    cells = ", ".join(
        f"strftime({name}, '%Y-%m-%dT%H:%M:%SZ')" if kind.startswith("TIMESTAMP") else f"{name}::VARCHAR"
        for name, kind, *_ in described
    )
    one_hour = f"SELECT * FROM {files} WHERE date = '2026-11-23' AND hour = 3"
    plan = connection.sql(f"EXPLAIN ANALYZE {one_hour}").fetchall()[0][1]
    return {
        "types": {name: kind for name, kind, *_ in described},
        "rows": [list(row) for row in connection.sql(f"SELECT {cells} FROM {files} ORDER BY window_start").fetchall()],
        "sum": str(connection.sql(f"SELECT sum(total_revenue) FROM {files}").fetchall()[0][0]),
        "plan_of_one_hour": plan,
    }


def main():
    if len(sys.argv) == 2:
        root = os.path.abspath(sys.argv[1])
        seen = {"pyarrow": by_pyarrow(root), "duckdb": by_duckdb(root)}
    else:
        endpoint, root = sys.argv[1:]
        scheme, address = endpoint.split("://")
        filesystem = pyarrow.fs.S3FileSystem(
            access_key="test", secret_key="test", region="us-east-1", scheme=scheme, endpoint_override=address
        )
        seen = {"pyarrow": by_pyarrow(root, filesystem)}
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
