"""Tables of a case as Ibis expressions over immutable Parquet."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from headwater.schema import table_named

__all__ = ["Session"]

_BIT_BY_BIT: dict[str, Any] = {
    "batch_size": 65_536,
    "batch_readahead": 2,
    "fragment_readahead": 1,
    "fragment_scan_options": ds.ParquetFragmentScanOptions(pre_buffer=False),
}
"""How files are read with little of them in memory: as it is, Arrow holds columns whole before they are decoded."""


class Session:
    """A connection to an engine, with the tables of one case.

    Args:
        files: For each table, its Parquet files; a table without files is empty, with its schema.
        engine: `duckdb` or `spark`.
        threads: Worker threads of the engine; results do not depend on it.
    """

    def __init__(self, files: Mapping[str, Sequence[Path]], *, engine: str = "duckdb", threads: int = 2) -> None:
        self._files = {name: tuple(paths) for name, paths in files.items()}
        self._in_memory: dict[str, pa.Table] = {}
        self._later: dict[str, Callable[[], pa.Table]] = {}
        self._engine = engine
        self._threads = threads
        self._scratch = tempfile.TemporaryDirectory(prefix="headwater-engine-")
        self._backend: Any = None
        self._expressions: dict[str, ir.Table] = {}

    @property
    def backend(self) -> Any:  # noqa: ANN401 - Ibis publishes no types
        """The Ibis backend, opened on first use."""
        if self._backend is None:
            self._backend = self._open()
        return self._backend

    def _open(self) -> Any:  # noqa: ANN401 - as above
        if self._engine == "spark":
            return _spark(self._scratch.name)
        backend = ibis.duckdb.connect(threads=self._threads, temp_directory=self._scratch.name)
        for statement in (
            "SET autoinstall_known_extensions=false",
            "SET autoload_known_extensions=false",
            "SET TimeZone='UTC'",
            "SET preserve_insertion_order=true",
        ):
            backend.raw_sql(statement)
        return backend

    def arrow(self, name: str) -> pa.Table:
        """The table's rows, in its canonical order; empty where nothing has been derived."""
        table = table_named(name)
        if name in self._later:
            self.put(name, self._later[name]())
        if name in self._in_memory:
            return self._in_memory[name]
        paths = self._files.get(name, ())
        if not paths:
            return table.empty()
        parts = [pq.read_table(path, schema=table.arrow) for path in paths]
        return table.checked(pa.concat_tables(parts)) if len(parts) > 1 else parts[0]

    def columns(self, name: str, names: Sequence[str]) -> pa.Table:
        """Only these columns of the table, in the order of its files; mapped from scratch where it lies on disk."""
        if name in self._later or name in self._in_memory or not self._files.get(name):
            return self.arrow(name).select(list(names))
        files = ds.dataset([str(path) for path in self._files[name]], schema=table_named(name).arrow, format="parquet")
        read = files.scanner(columns=list(names), **_BIT_BY_BIT)
        with tempfile.NamedTemporaryFile(dir=self._scratch.name) as scratch:
            with pa.ipc.new_file(scratch.name, read.projected_schema) as writer:
                for batch in read.to_batches():
                    writer.write_batch(batch)
            return pa.ipc.open_file(pa.memory_map(scratch.name)).read_all()  # what is mapped outlives its name

    def put(self, name: str, rows: pa.Table) -> None:
        """Let later expressions of this session see rows that are not on disk yet."""
        self._in_memory[name] = table_named(name).checked(rows)
        self._later.pop(name, None)
        self._expressions.pop(name, None)

    def put_later(self, name: str, make: Callable[[], pa.Table]) -> None:
        """As `put`, with rows that are made when they are first asked for, if they ever are."""
        self._later[name] = make

    def table(self, name: str) -> ir.Table:
        """The table as an Ibis expression."""
        if name not in self._expressions:
            rows = self.arrow(name)
            self._expressions[name] = self._registered(f"hw_{name}", rows)
        return self._expressions[name]

    def _registered(self, view: str, rows: pa.Table) -> ir.Table:
        if self._engine == "spark":
            return self.backend.create_view(view, ibis.memtable(rows), overwrite=True)
        # DuckDB reads the Arrow table in place. Ibis 12's create_table would copy it, and fails with sqlglot 30 when it
        # drops its memtable (measured 2026-11: "DROP VIEW IF EXISTS" without a name).
        self.backend.con.register(view, rows)
        return self.backend.table(view)

    def result(self, expression: ir.Table, *, order_by: Sequence[str]) -> pa.Table:
        """The expression's rows as Arrow, ordered: engines promise no order of their own.

        Args:
            expression: What to compute.
            order_by: Columns that together tell any two rows apart.
        """
        return _in_utc(self.backend.to_pyarrow(expression.order_by(list(order_by))))

    def splink_api(self) -> Any:  # noqa: ANN401 - Splink's own connection object
        """Splink on this session's engine, in a database of its own, so that its tables are never mistaken for ours."""
        import duckdb
        from splink import DuckDBAPI

        connection = duckdb.connect(
            config={
                "threads": self._threads,
                "temp_directory": self._scratch.name,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        return DuckDBAPI(connection)

    def close(self) -> None:
        """Let the engine go and remove its scratch files."""
        if self._backend is not None:
            self._backend.disconnect()
            self._backend = None
        self._expressions.clear()
        self._scratch.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _in_utc(rows: pa.Table) -> pa.Table:
    """The rows with their times marked as UTC: Spark gives them in the session's zone, which is UTC, and unmarked."""
    fields = [
        pa.field(field.name, pa.timestamp("us", tz="UTC"), nullable=field.nullable)
        if pa.types.is_timestamp(field.type)
        else field
        for field in rows.schema
    ]
    return rows.cast(pa.schema(fields))


def _spark(scratch: str) -> Any:  # noqa: ANN401 - as above
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[2]")
        .appName("headwater")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.warehouse.dir", scratch)
        .getOrCreate()
    )
    return ibis.pyspark.connect(session)
