"""Data directories of real servers: what a throwaway server gives of a copy is what a dump of the live one holds."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from headwater.errors import UnreadableInputError
from headwater.evidence.throwaway import Exported, data_directory, exported_rows
from headwater.workflow import open_tables
from headwater_sealed.mysql_dump import parse_mysql_dump
from headwater_sealed.postgres_dump import parse_postgres_dump
from headwater_synth.disk_image import mke2fs_program
from headwater_synth.mariadb_server import MariadbMissingError, running_mariadb
from headwater_synth.postgres_server import PostgresMissingError, running_postgres

MARIADB = r"""
SET NAMES utf8mb4;
SET GLOBAL innodb_flush_log_at_trx_commit = 1;
CREATE DATABASE forum CHARACTER SET utf8mb4;
USE forum;
CREATE TABLE members (
  id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, name varchar(60) NOT NULL, old varchar(40) CHARACTER SET latin1,
  raw varbinary(40), long_raw blob, at datetime(3), stamp timestamp NULL, day date, share decimal(12,4), ratio double,
  kind enum('member','moderator'), tags set('a','b','c'), bits bit(9), more json, note longtext, small tinyint(1),
  doubled int GENERATED ALWAYS AS (id * 2) VIRTUAL, KEY by_name (name)
) ENGINE=InnoDB;
INSERT INTO members (name, old, raw, long_raw, at, stamp, day, share, ratio, kind, tags, bits, more, note, small)
SELECT CONCAT('Grüße 🌲\t"', seq, '"\n'), CONVERT(CONCAT('caf', CHAR(233 USING latin1), seq) USING latin1),
  UNHEX(LPAD(HEX(seq), 8, '0')), REPEAT(CHAR(seq MOD 256), seq MOD 700),
  '2024-05-01 10:00:00.123' + INTERVAL seq MINUTE, IF(seq MOD 7, '2024-05-01 10:00:00' + INTERVAL seq SECOND, NULL),
  '1990-01-01' + INTERVAL seq DAY, seq / 7, seq / 3, ELT(1 + seq MOD 2, 'member', 'moderator'), seq MOD 8, seq MOD 512,
  JSON_OBJECT('n', seq, 'text', 'it''s'), IF(seq MOD 5, REPEAT('meadow \\ ', seq MOD 90), NULL), seq MOD 2
FROM seq_1_to_700;
CREATE TABLE empty (a int) ENGINE=InnoDB;
CREATE TABLE older (k varchar(9) PRIMARY KEY, v text) ENGINE=Aria;
INSERT INTO older VALUES ('a', 'x'), ('b', NULL);
CREATE DATABASE shop;
CREATE TABLE shop.orders (id int PRIMARY KEY, total decimal(9,2)) ENGINE=InnoDB;
INSERT INTO shop.orders VALUES (1, 9.99), (2, 0.00);
USE forum;
CREATE TRIGGER planted BEFORE INSERT ON members FOR EACH ROW SET NEW.small = 9;
CREATE EVENT planted ON SCHEDULE EVERY 1 SECOND DO INSERT INTO shop.orders VALUES (99, 99);
"""
POSTGRES = r"""
CREATE TABLE members (
  id integer PRIMARY KEY, name text, raw bytea, at timestamptz, address inet, tags text[], more jsonb
);
INSERT INTO members SELECT n, E'member\t' || n, decode(lpad(to_hex(n), 4, '0'), 'hex'),
  timestamptz '2024-05-01 10:00:00+02' + n * interval '1 hour', ('192.0.2.' || n % 250)::inet,
  ARRAY['a', NULL, 'b"' || n], jsonb_build_object('n', n) FROM generate_series(1, 900) AS n;
CREATE DATABASE shop;
\connect shop
CREATE TABLE orders (id integer, total numeric(9,2));
INSERT INTO orders VALUES (1, 9.99), (2, NULL);
"""


def digests(job: Callable[..., None], dumps: list[Path]) -> Mapping[str, str]:
    """For each table a digest of its columns and rows, in whatever order they come."""
    rows: dict[str, list[bytes]] = {}
    columns: dict[str, str] = {}
    for dump in dumps:
        found: list[dict[str, Any]] = []
        with dump.open("rb") as file:
            job([file], {}, lambda batch, into=found: into.extend(batch.to_pylist()))
        assert [(r["code"], r["reason"]) for r in found if r["record_kind"] == "defect"] == []
        for record in found:
            name = record["table_name"]
            if record["record_kind"] == "table":
                columns[name] = repr(record["names"])
                rows.setdefault(name, [])
            elif record["record_kind"] == "row":
                rows[name].append(repr(record["values"]).encode())
    return {
        name: f"{len(found)} rows {hashlib.sha256(columns[name].encode() + b'|'.join(sorted(found))).hexdigest()}"
        for name, found in rows.items()
    }


@pytest.fixture(scope="module")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A data directory after an orderly end, one as it was while the server ran, and a dump of the live server."""
    folder = tmp_path_factory.mktemp("mariadb")
    try:
        with running_mariadb() as running:
            made = subprocess.run(running.client, input=MARIADB.encode(), check=False, capture_output=True)
            assert made.returncode == 0, made.stderr
            dump = subprocess.run(
                [
                    *running.dumper,
                    "--skip-triggers",
                    "--order-by-primary",
                    "--skip-tz-utc",
                    "--databases",
                    "forum",
                    "shop",
                ],
                check=True,
                capture_output=True,
            )
            (folder / "live.sql").write_bytes(dump.stdout)
            place = Path(next(word for word in running.client if word.startswith("--socket=")).partition("=")[2]).parent
            shutil.copytree(place / "db", folder / "torn")
            subprocess.run([*running.client, "-e", "SHUTDOWN"], check=True, capture_output=True)
            for _ in range(600):
                if not (place / "p").exists():
                    break
                subprocess.run(["sleep", "0.1"], check=True)
            shutil.copytree(place / "db", folder / "ended")
    except MariadbMissingError as error:
        pytest.skip(str(error))
    return folder / "ended", folder / "torn", folder / "live.sql"


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    """A data directory after an orderly end, and dumps of the live server."""
    folder = tmp_path_factory.mktemp("postgres")
    dumps = []
    try:
        with running_postgres() as server:
            server.run("psql", "-q", "-v", "ON_ERROR_STOP=1", "postgres", sent=POSTGRES)
            for name in ("postgres", "shop"):
                dumps.append(folder / f"{name}.sql")
                dumps[-1].write_bytes(server.run("pg_dump", "--inserts", "--column-inserts", name))
            server.run("pg_ctl", "-D", f"{server.folder}/db", "-m", "fast", "-w", "stop")
            shutil.copytree(server.folder / "db", folder / "ended")
            server.run(
                "pg_ctl",
                "-D",
                f"{server.folder}/db",
                "-l",
                f"{server.folder}/log2",
                "-w",
                "-o",
                f"-c listen_addresses='' -c unix_socket_directories={server.folder}",
                "start",
            )
    except PostgresMissingError as error:
        pytest.skip(str(error))
    return folder / "ended", dumps


def exported(path: Path, job: Callable[..., None]) -> tuple[Exported, Mapping[str, str]]:
    """What came of a directory, and digests of its tables; whatever was made for it is gone."""
    directory = data_directory(path)
    assert directory is not None
    with exported_rows(directory) as found:
        ours = digests(job, list(found.dumps.values()))
    assert not any(dump.parent.exists() for dump in found.dumps.values())
    return found, ours


def test_innodb_after_an_orderly_end(mariadb: tuple[Path, Path, Path]) -> None:
    found, ours = exported(mariadb[0], parse_mysql_dump)
    assert ours == digests(parse_mysql_dump, [mariadb[2]])
    assert {name: text.partition(" rows ")[0] for name, text in ours.items()} == {
        "members": "700",
        "empty": "0",
        "older": "2",
        "orders": "2",
    }
    assert found.recovery == "read-only"
    assert "MariaDB" in found.server_version


def test_innodb_copied_while_its_server_ran(mariadb: tuple[Path, Path, Path]) -> None:
    found, ours = exported(mariadb[1], parse_mysql_dump)
    live = digests(parse_mysql_dump, [mariadb[2]])
    assert {name: text for name, text in ours.items() if name != "older"} == {
        name: text for name, text in live.items() if name != "older"
    }
    assert found.recovery != "read-only"
    assert {one.path for one in found.changed} & {"ibdata1", "ib_logfile0"}
    assert all(one.length_bytes >= 0 for one in found.changed)


def test_postgres_after_an_orderly_end(postgres: tuple[Path, list[Path]]) -> None:
    found, ours = exported(postgres[0], parse_postgres_dump)
    assert ours == digests(parse_postgres_dump, postgres[1])
    assert "PostgreSQL" in found.server_version
    changes = {(one.path, one.change) for one in found.changed}
    assert {("postgresql.conf", "changed"), ("pg_hba.conf", "changed")} <= changes


@pytest.fixture
def planted(postgres: tuple[Path, list[Path]], tmp_path: Path) -> tuple[Path, Path]:
    """A directory whose settings would run programs and load code, and a folder in which they would leave a mark."""
    place, marks = tmp_path / "planted", tmp_path / "marks"
    shutil.copytree(postgres[0], place)
    marks.mkdir(mode=0o777)
    marks.chmod(0o777)
    touched = f"touch {marks}/ran"
    (place / "postgresql.auto.conf").write_text(
        f"archive_mode = 'always'\narchive_command = '{touched}'\nrestore_command = '{touched}'\n"
        "shared_preload_libraries = 'nowhere'\nlisten_addresses = '*'\n"
    )
    (place / "pg_hba.conf").write_text("local all all reject\n")
    (place / "recovery.signal").touch()
    (place / "outside").symlink_to(marks)
    return place, marks


def test_planted_settings_are_put_aside(planted: tuple[Path, Path]) -> None:
    _, ours = exported(planted[0], parse_postgres_dump)
    assert ours["public.members"].startswith("900 rows")
    assert list(planted[1].iterdir()) == []


@pytest.mark.parametrize("engine", ["innodb", "postgresql"])
def test_a_damaged_directory_is_refused_in_one_line(
    engine: str, mariadb: tuple[Path, Path, Path], postgres: tuple[Path, list[Path]], tmp_path: Path
) -> None:
    place = tmp_path / "damaged"
    shutil.copytree(mariadb[0] if engine == "innodb" else postgres[0], place)
    for name in ("ibdata1", "ib_logfile0", "aria_log_control", "global/pg_control"):
        if (place / name).exists():
            (place / name).write_bytes(b"\1" * 9000)
    with pytest.raises(UnreadableInputError) as refused:
        exported(place, parse_mysql_dump)
    assert "\n" not in str(refused.value)


def test_other_folders_are_no_data_directories(tmp_path: Path) -> None:
    assert data_directory(tmp_path) is None
    (tmp_path / "ibdata1").touch()
    assert data_directory(tmp_path) is None
    (tmp_path / "mysql").mkdir()
    (tmp_path / "mysql.ibd").touch()
    with pytest.raises(UnreadableInputError, match="MySQL 8"):
        exported(tmp_path, parse_mysql_dump)


def test_a_folder_with_data_directories_is_read_to_its_rows(
    mariadb: tuple[Path, Path, Path],
    postgres: tuple[Path, list[Path]],
    headwater: Callable[..., Any],
    tmp_path: Path,
) -> None:
    exhibit, case, mapping = tmp_path / "seized", tmp_path / "case", tmp_path / "mapping.yaml"
    shutil.copytree(mariadb[0], exhibit / "var/lib/mysql")
    shutil.copytree(postgres[0], exhibit / "var/lib/postgresql/15/main")
    (exhibit / "broken/mysql").mkdir(parents=True)
    (exhibit / "broken/ibdata1").write_bytes(b"\1" * 9000)
    mapping.write_text(
        "version: 1\napplication: test\ntables:\n  - table: members\n    binds: accounts\n    key: id\n"
        "    because: one row for each\n    columns: {nickname: {column: name}, role: {column: kind}}\n"
    )
    for command in (
        ("case", "create", case, "--authority", "Order 1", "--operator", "A. Examiner"),
        ("evidence", "add", case, exhibit, "--exhibit", "EX-1"),
        ("map", case, "--approve", mapping),
        ("run", case, "--until", "catalogue"),
        ("verify", case),
    ):
        done = headwater(*command)
        assert done.status == 0, done.err
    with open_tables(case) as tables:
        counted = {
            (row["source_format"], row["source_table"]): (row["rows_read"], row["rows_mapped"])
            for row in tables.arrow("dump_tables").to_pylist()
        }
        accounts = tables.arrow("accounts").to_pylist()
        defects = {(row["path"], row["code"]) for row in tables.arrow("defects").to_pylist()}
    assert counted == {
        ("innodb-directory", "members"): (700, 700),
        ("innodb-directory", "empty"): (0, 0),
        ("innodb-directory", "older"): (2, 0),
        ("innodb-directory", "orders"): (2, 0),
        ("postgresql-directory", "postgres.public.members"): (900, 0),
        ("postgresql-directory", "shop.public.orders"): (2, 0),
    }
    assert len(accounts) == 700
    assert defects == {("broken/ibdata1", "database_not_read")}
    notes = sorted((case / "notes").rglob("*.json"))
    told = [json.loads(note.read_text()) for note in notes]
    assert [(one["engine"], one["recovery"]) for one in told] == [
        ("innodb", "read-only"),
        ("postgresql", "recovered by the server"),
    ]
    assert all(one["server_version"] for one in told)
    log = (case / "custody.log").read_bytes()
    assert all(hashlib.sha256(note.read_bytes()).hexdigest().encode() in log for note in notes)
    suggested = headwater("map", case, "--suggest")
    assert suggested.status == 0, suggested.err
    assert "members" in suggested.out


@pytest.mark.parametrize("at_the_top", [False, True])
def test_data_directories_in_an_image_are_read_to_the_same_rows(
    mariadb: tuple[Path, Path, Path],
    postgres: tuple[Path, list[Path]],
    headwater: Callable[..., Any],
    tmp_path: Path,
    *,
    at_the_top: bool,
) -> None:
    tree, case = tmp_path / "tree", tmp_path / "case"
    if at_the_top:  # a volume of its own, mounted where the server looks for it
        shutil.copytree(mariadb[0], tree)
    else:
        shutil.copytree(mariadb[0], tree / "var/lib/mysql")
        shutil.copytree(postgres[0], tree / "var/lib/postgresql/15/main")
        (tree / "broken").mkdir()
        (tree / "broken/ibdata1").write_bytes(b"\1" * 9000)
    size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())
    image = tmp_path / "disk.raw"
    words = [mke2fs_program(), "-q", "-t", "ext4", "-d", tree, image, f"{size // 1024 + 65536}K"]
    subprocess.run(words, check=True, capture_output=True)
    for command in (
        ("case", "create", case, "--authority", "Order 1", "--operator", "A. Examiner"),
        ("evidence", "add", case, image, "--exhibit", "EX-1"),
        ("run", case, "--until", "catalogue"),
        ("verify", case),
    ):
        done = headwater(*command)
        assert done.status == 0, done.err
    with open_tables(case) as tables:
        counted = {
            (row["source_format"], row["source_table"]): row["rows_read"]
            for row in tables.arrow("dump_tables").to_pylist()
        }
        defects = {(row["path"], row["code"]) for row in tables.arrow("defects").to_pylist()}
    expected = {
        ("innodb-directory", name): rows
        for name, rows in zip(("members", "empty", "older", "orders"), (700, 0, 2, 2), strict=True)
    }
    if not at_the_top:
        expected |= {
            ("postgresql-directory", "postgres.public.members"): 900,
            ("postgresql-directory", "shop.public.orders"): 2,
        }
    assert counted == expected
    assert defects == (set() if at_the_top else {("broken/ibdata1", "database_not_read")})
    assert len(list((case / "notes").rglob("*.json"))) == (1 if at_the_top else 2)
    suggested = headwater("map", case, "--suggest")
    assert suggested.status == 0, suggested.err
    assert "members" in suggested.out
