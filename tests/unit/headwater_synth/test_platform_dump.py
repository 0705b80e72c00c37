"""The dump is what mysqldump would have written: a real server takes it in and gives the same rows back."""

from __future__ import annotations

import hashlib
import subprocess
from decimal import Decimal

import pytest

from headwater_synth.mariadb_server import MariadbMissingError, running_mariadb
from headwater_synth.platform_dump import DumpTable, write_dump
from headwater_synth.platform_tables import DATABASE, PlatformContent, platform_tables
from headwater_synth.population import build_population
from headwater_synth.population_activity import drawn_logins, drawn_uploads
from headwater_synth.population_payments import chain_plan

_AT_S = 1_790_832_667  # 2026-10-01T05:31:07Z


@pytest.fixture(scope="module")
def dump(tmp_path_factory):
    population = build_population(9, accounts=300, payers=120)
    invoices = chain_plan(population, blocks=200).invoices
    content = PlatformContent(
        population=population,
        logins=drawn_logins(population),
        uploads=drawn_uploads(population, ()),
        invoices=invoices,
        invoice_address={invoice.invoice_key: f"bcrt1q{invoice.invoice_key:038d}" for invoice in invoices},
        payment_txid={
            i.invoice_key: (hashlib.sha256(b"%d" % i.invoice_key).hexdigest(), 1) for i in invoices if i.paid_at_s
        },
    )
    path = tmp_path_factory.mktemp("dump") / "platform.sql"
    counts = write_dump(path, DATABASE, platform_tables(content), at_s=_AT_S)
    return path, counts


_UNESCAPED = {ord("0"): 0, ord("n"): 10, ord("r"): 13, ord("Z"): 26}


def _value(text: bytes) -> tuple[bytes, bytes]:
    """The value at the beginning of a text, unescaped, and the rest of the text."""
    text = text.removeprefix(b"_binary ")
    if text[:1] != b"'":
        end = min(place for place in (text.find(b","), text.find(b")")) if place >= 0)
        return text[:end], text[end:]
    out, place = bytearray(), 1
    while text[place] != ord("'"):
        if text[place] == ord("\\"):
            place += 1
            out.append(_UNESCAPED.get(text[place], text[place]))
        else:
            out.append(text[place])
        place += 1
    return b"'" + bytes(out), text[place + 1 :]


def _rows(dump_bytes: bytes) -> dict[str, list[tuple[bytes, ...]]]:
    """The rows of every table of a dump, in order. Every row stands on a line of its own, as this server writes it."""
    tables: dict[str, list[tuple[bytes, ...]]] = {}
    rows = None
    for line in dump_bytes.split(b"\n"):
        if line.startswith(b"INSERT INTO `"):
            rows = tables.setdefault(line.split(b"`")[1].decode(), [])
        elif rows is not None and line.startswith(b"("):
            values, rest = [], b"," + line[1:]
            while rest[:1] == b",":
                value, rest = _value(rest[1:])
                values.append(value)
            assert rest in {b"),", b");"}
            rows.append(tuple(values))
    return tables


def _digests(dump_bytes: bytes) -> dict[str, str]:
    digests = {}
    for name, rows in _rows(dump_bytes).items():
        digest = hashlib.sha256()
        for row in sorted(rows):
            for value in row:
                digest.update(len(value).to_bytes(8, "big") + value)
            digest.update(b"|")
        digests[name] = f"{len(rows)} {digest.hexdigest()}"
    return digests


def test_literals_and_statements(tmp_path):
    rows = [
        (1, "it's", None, b"\x00\n\r\\'\"\x1a\t\xff", Decimal("0.00012345")),
        *((number, "x" * 900, "", b"", Decimal(-1)) for number in range(2, 160)),
    ]
    table = DumpTable(name="odd", definitions=("`a` int(11) NOT NULL", "PRIMARY KEY (`a`)"), rows=rows, next_key=160)
    counts = write_dump(tmp_path / "d.sql", "x", [table], at_s=_AT_S)
    text = (tmp_path / "d.sql").read_bytes()
    assert counts == {"odd": 159}
    assert b"(1,'it\\'s',NULL,'\\0\\n\\r\\\\\\'\\\"\\Z\t\xff',0.00012345),\n" in text
    statements = text.split(b"INSERT INTO `odd` VALUES\n")[1:]
    assert len(statements) == 3
    assert all(len(statement) < 66_000 for statement in statements)
    assert b"AUTO_INCREMENT=160 DEFAULT CHARSET=utf8mb4" in text
    assert text.startswith(b"/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19  Distrib ")
    assert text.endswith(b"-- Dump completed on 2026-10-01  5:31:07\n")


def test_a_table_without_rows_has_no_insert(dump):
    path, counts = dump
    assert counts["gx_queue_failed"] == 0
    assert b"INSERT INTO `gx_queue_failed`" not in path.read_bytes()


def test_tables_stand_by_name_and_rows_are_counted(dump):
    path, counts = dump
    assert list(counts) == sorted(counts)
    parsed = {name: len(rows) for name, rows in _rows(path.read_bytes()).items()}
    assert parsed == {name: count for name, count in counts.items() if count}


def test_the_dump_holds_bytes_that_are_no_text(dump):
    content = dump[0].read_bytes()
    with pytest.raises(UnicodeDecodeError):
        content.decode()
    rows = _rows(content)
    assert {len(row[6]) for row in rows["gx_mbr"]} == {33}  # a quote and 32 bytes
    assert {len(row[3]) for row in rows["gx_visit"]} == {5, 17}
    assert {len(row[4]) for row in rows["gx_drop"]} == {4, 33}  # NULL, or a quote and 32 bytes


@pytest.fixture
def server():
    """Client and dumper of a real MariaDB of our own, on a socket, without a network."""
    try:
        with running_mariadb() as running:
            yield list(running.client), list(running.dumper)
    except MariadbMissingError as missing:
        pytest.skip(str(missing))


def _body(dump_bytes: bytes) -> bytes:
    """The dump without the lines that name the server's version and the time."""
    varying = (b"-- MariaDB dump", b"-- Server version", b"-- Dump completed", b"/*M!999999")
    return b"\n".join(line for line in dump_bytes.split(b"\n") if not line.startswith(varying))


def test_a_real_server_restores_it_and_dumps_the_same_rows(dump, server):
    path, counts = dump
    client, dumper = server
    subprocess.run([*client, "-e", f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4"], check=True)
    with path.open("rb") as file:
        restored = subprocess.run(
            [*client, "--default-character-set=utf8mb4", "--show-warnings", DATABASE],
            stdin=file,
            capture_output=True,
            check=False,
        )
    assert restored.returncode == 0, restored.stderr
    assert b"Warning" not in restored.stdout + restored.stderr
    for name in ("gx_mbr", "gx_visit", "gx_drop"):
        told = subprocess.run(
            [*client, "-N", "-e", f"SELECT COUNT(*) FROM {name}", DATABASE], capture_output=True, check=True
        )
        assert int(told.stdout) == counts[name]
    again = subprocess.run([*dumper, "--net-buffer-length=65536", DATABASE], capture_output=True, check=True).stdout
    assert _digests(again) == _digests(path.read_bytes())
    version = subprocess.run(
        [*client, "-N", "-e", "SELECT VERSION()"], capture_output=True, text=True, check=True
    ).stdout
    if version.startswith("10.11."):  # the version that this dump says it is from
        assert _body(again) == _body(path.read_bytes())
