"""Tables of a case as Ibis expressions over immutable Parquet."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headwater.engine.keyed import ByStatistics, FindsRows, Made
from headwater.engine.parquet import ROW_GROUP_ROWS
from headwater.engine.spool import Derived, StoredTable, as_pattern, duckdb_limits, stored_parts
from headwater.engine.withheld import can_name_subjects, without_subjects
from headwater.schema import Table, table_named

__all__ = ["Session"]

_FEW: Final = 64
"""Values that rows are looked for by, and rows found: of so few they are kept, for a page asks several times."""
_MOST_KEPT: Final = 256


class Session:
    """A connection to an engine, with the tables of one case.

    Args:
        files: For each table, its Parquet files; a table without files is empty, with its schema.
        engine: `duckdb` or `spark`.
        threads: Worker threads of the engine; results do not depend on it.
        scratch: Folder for scratch files; None for one of the system's, which may be memory.
        withheld: Ids of rows about subjects that are withheld: nothing that is read says anything of them.
    """

    def __init__(
        self,
        files: Mapping[str, Sequence[Path]],
        *,
        engine: str = "duckdb",
        threads: int = 2,
        scratch: Path | None = None,
        withheld: Collection[str] = (),
    ) -> None:
        self._finds: FindsRows = ByStatistics()
        self._withheld = frozenset(withheld)
        self._files = {name: tuple(paths) for name, paths in files.items()}
        self._in_memory: dict[str, pa.Table] = {}
        self._later: dict[str, Callable[[], pa.Table]] = {}
        self._engine = engine
        self._threads = threads
        self._scratch_in = scratch
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._backend: Any = None
        self._expressions: dict[str, ir.Table] = {}
        self._asked: dict[tuple[str, str, tuple[str, ...]], pa.Table] = {}

    def _folder(self) -> str:
        """The folder for scratch files, made for the first of them: most readers of a few rows need none."""
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="headwater-engine-", dir=self._scratch_in)
        return self._scratch.name

    @property
    def backend(self) -> Any:  # noqa: ANN401 - Ibis publishes no types
        """The Ibis backend, opened on first use."""
        if self._backend is None:
            self._backend = self._open()
        return self._backend

    def _open(self) -> Any:  # noqa: ANN401 - as above
        if self._engine == "spark":
            return _spark(self._folder())
        backend = ibis.duckdb.connect(**duckdb_limits(self._threads, self._folder()))
        for statement in ("SET TimeZone='UTC'", "SET preserve_insertion_order=true"):
            backend.raw_sql(statement)
        return backend

    def arrow(self, name: str) -> pa.Table:
        """The table's rows, in its canonical order; empty where nothing has been derived."""
        table = table_named(name)
        if name in self._later:
            self._in_memory[name] = self._later.pop(name)()
        paths = self._files.get(name, ())
        if name in self._in_memory:
            rows = self._in_memory[name]
        elif not paths:
            return table.empty()
        else:
            parts = [pq.read_table(path, schema=table.arrow) for path in paths]
            rows = table.checked(pa.concat_tables(parts)) if len(parts) > 1 else parts[0]
        return without_subjects(name, rows, self._withheld) if self._withheld else rows

    def parts(self, name: str, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The table's rows in canonical order, part by part, so that it need not fit into memory.

        Args:
            name: The table.
            columns: Only these; None for all.
        """
        if (path := self._only_file(name)) is not None:
            yield from stored_parts(path, columns)
            return
        rows = self.arrow(name)
        for batch in (rows if columns is None else rows.select(list(columns))).to_batches(ROW_GROUP_ROWS):
            yield pa.Table.from_batches([batch])

    def chosen(
        self, name: str, keep: Callable[[pa.Table], pa.Array], *, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """Those rows of a table that are kept, in canonical order; memory holds them and a part of the others.

        Args:
            name: The table.
            keep: From a part of it to a mask of what is kept.
            columns: Only these; None for all.
        """
        kept = [part.filter(keep(part)) for part in self.parts(name, columns)]
        schema = table_named(name).arrow
        empty = schema.empty_table() if columns is None else schema.empty_table().select(list(columns))
        return pa.concat_tables([empty, *(part.cast(empty.schema) for part in kept)])

    def find_by(self, finds: FindsRows) -> None:
        """Let `keyed` find rows by something that outlives this session, such as an index."""
        self._finds = finds

    def cursor(self) -> Any:  # noqa: ANN401 - DuckDB publishes no types
        """A connection of its own for queries over a few rows, to an engine that reads no file."""
        return self._finds.once("engine", _engine_of_few).cursor()

    def keyed(self, name: str, column: str, values: Iterable[str], *, columns: Sequence[str] | None = None) -> pa.Table:
        """Those rows of a table whose column has one of the values, in canonical order; few of the others are read.

        Args:
            name: The table.
            column: A column of texts.
            values: What is looked for.
            columns: Only these; None for all.
        """
        wanted = sorted(set(values))
        table = table_named(name)
        names = list(columns) if columns is not None else table.arrow.names
        if len(wanted) > _FEW:
            return self._keyed(table, column, wanted, names)
        key = (name, column, tuple(wanted))
        if key in self._asked:
            return self._asked[key].select(names)
        rows = self._keyed(table, column, wanted, names)
        if columns is None and len(rows) <= _FEW and len(self._asked) < _MOST_KEPT:
            self._asked[key] = rows
        return rows

    def _keyed(self, table: Table, column: str, wanted: Sequence[str], names: Sequence[str]) -> pa.Table:
        name = table.name
        paths = self._files.get(name, ())
        if not wanted or name in self._later or name in self._in_memory or not paths:
            rows = self.arrow(name) if wanted else table.empty()
            return rows.filter(pc.is_in(rows[column], value_set=pa.array(wanted, pa.string()))).select(names)
        whole = self._hides(name) or len(paths) > 1
        schema = table.arrow if whole else pa.schema([table.arrow.field(one) for one in names])
        rows = pa.concat_tables([self._finds.rows(path, schema, column, wanted) for path in paths])
        if len(paths) > 1:
            rows = table.checked(rows)
        if self._hides(name):
            # What names somebody in a column that may be absent loses that value, and is no row of it any more.
            rows = without_subjects(name, rows, self._withheld)
            rows = rows.filter(pc.is_in(rows[column], value_set=pa.array(wanted, pa.string())))
        return rows.select(names)

    def at(self, name: str, places: Iterable[int], *, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of a table at these places, counted from 0, in canonical order.

        Args:
            name: The table.
            places: Which; each is there.
            columns: Only these; None for all.
        """
        wanted = np.unique(np.fromiter(places, np.int64))
        table = table_named(name)
        names = list(columns) if columns is not None else table.arrow.names
        if (path := self._only_file(name)) is not None:
            return self._finds.at(path, pa.schema([table.arrow.field(one) for one in names]), wanted)
        return self.once("rows", [name], lambda: self.arrow(name)).take(wanted).select(names)

    def count(self, name: str) -> int:
        """How many rows a table has."""
        paths = self._files.get(name, ())
        if paths and name not in self._later and name not in self._in_memory and not self._hides(name):
            return int(self.once("count", [name], lambda: sum(pq.read_metadata(path).num_rows for path in paths)))
        return int(self.once("rows", [name], lambda: self.arrow(name)).num_rows)

    def once(self, what: str, tables: Sequence[str], make: Callable[[], Made]) -> Made:
        """What `make` gives of some tables; made once, where it depends on their files alone and `find_by` keeps it.

        Args:
            what: Name of it.
            tables: The tables that `make` reads, and no others.
            make: Makes it; whoever gets it does not change it.
        """
        if any(name in self._later or name in self._in_memory for name in tables):
            return make()
        paths = tuple(self._files.get(name, ()) for name in tables)
        hidden = self._withheld if any(map(self._hides, tables)) else None
        return self._finds.once((what, paths, hidden), make)

    def columns(self, name: str, names: Sequence[str]) -> pa.Table:
        """Only these columns of the table, in the order of its files; mapped from scratch where it lies on disk."""
        in_memory = name in self._later or name in self._in_memory or not self._files.get(name)
        if in_memory or self._hides(name):
            return self.arrow(name).select(list(names))
        schema = pa.schema([table_named(name).arrow.field(one) for one in names])
        with tempfile.NamedTemporaryFile(dir=self._folder()) as scratch:
            with pa.ipc.new_file(scratch.name, schema) as writer:
                for part in chain.from_iterable(stored_parts(path, names) for path in self._files[name]):
                    # A file of an earlier version of the table may lack a column.
                    held = (
                        part[f.name] if f.name in part.column_names else pa.nulls(len(part), f.type) for f in schema
                    )
                    writer.write_table(pa.table(list(held), schema=schema))
            return pa.ipc.open_file(pa.memory_map(scratch.name)).read_all()  # what is mapped outlives its name

    def _only_file(self, name: str) -> Path | None:
        """The one file that holds all the rows that may be read, if there is one."""
        paths = self._files.get(name, ())
        alone = len(paths) == 1 and name not in self._in_memory and name not in self._later
        return paths[0] if alone and not self._hides(name) else None

    def _hides(self, name: str) -> bool:
        return bool(self._withheld) and can_name_subjects(name)

    def put(self, name: str, rows: Derived) -> None:
        """Let later expressions of this session see rows that are not in their place on disk yet."""
        self._in_memory.pop(name, None)
        self._forget(name)
        if isinstance(rows, StoredTable):
            self._files[name] = (rows.path,)
        else:
            self._in_memory[name] = table_named(name).checked(rows)
        self._later.pop(name, None)

    def put_later(self, name: str, make: Callable[[], pa.Table]) -> None:
        """As `put`, with rows that are made when they are first asked for, if they ever are, and checked by then."""
        self._later[name] = make
        self._forget(name)

    def _forget(self, name: str) -> None:
        self._expressions.pop(name, None)
        self._asked = {key: rows for key, rows in self._asked.items() if key[0] != name}

    def table(self, name: str) -> ir.Table:
        """The table as an Ibis expression."""
        if name not in self._expressions:
            path = self._only_file(name)
            if path is not None and self._engine == "duckdb":
                self.backend.con.read_parquet(as_pattern(path)).create_view(f"hw_{name}", replace=True)
                self._expressions[name] = self.backend.table(f"hw_{name}")
            else:
                self._expressions[name] = self._registered(f"hw_{name}", self.arrow(name))
        return self._expressions[name]

    def file(self, path: Path) -> ir.Table:
        """A Parquet file of a scratch folder as an Ibis expression; for DuckDB, which reads it part by part."""
        view = f"hw_file_{hashlib.sha256(str(path).encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"
        self.backend.con.read_parquet(as_pattern(path)).create_view(view, replace=True)
        return self.backend.table(view)

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

    def mapped(self, expression: ir.Table, *, order_by: Sequence[str]) -> pa.Table:
        """As `result`, mapped from scratch: the rows need not fit into memory."""
        ordered = expression.order_by(list(order_by))
        with tempfile.NamedTemporaryFile(dir=self._folder()) as scratch:
            schema = _in_utc(expression.schema().to_pyarrow().empty_table()).schema
            with pa.ipc.new_file(scratch.name, schema) as writer:
                for part in self.result_parts(ordered):
                    writer.write_table(part.cast(schema))
            return pa.ipc.open_file(pa.memory_map(scratch.name)).read_all()  # what is mapped outlives its name

    def result_parts(self, expression: ir.Table) -> Iterator[pa.Table]:
        """The expression's rows part by part, in any order; to be read to the end before this session is asked again.

        They need not fit into memory; whoever takes them puts them in order, as `StageContext.kept` does.
        """
        if self._engine == "spark":
            yield _in_utc(self.backend.to_pyarrow(expression))
            return
        # A result that is asked for as rows of Python's database interface is held in memory as a whole.
        for batch in self.backend.con.sql(self.backend.compile(expression)).to_arrow_reader(ROW_GROUP_ROWS):
            yield _in_utc(pa.Table.from_batches([batch]))

    def write(self, expression: ir.Table, path: Path) -> None:
        """Write the expression's rows to a Parquet file of a scratch folder; they need not fit into memory."""
        with pq.ParquetWriter(path, expression.schema().to_pyarrow()) as file:
            for part in self.result_parts(expression):
                file.write_table(part.cast(file.schema))

    def close(self) -> None:
        """Let the engine go and remove its scratch files."""
        if self._backend is not None:
            self._backend.disconnect()
            self._backend = None
        self._expressions.clear()
        self._asked.clear()
        if self._scratch is not None:
            self._scratch.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _engine_of_few() -> Any:  # noqa: ANN401 - as above
    import duckdb

    # Nothing goes to the medium: the folder is never made, and what does not fit into memory was no few rows.
    return duckdb.connect(config=duckdb_limits(1, ""))


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
