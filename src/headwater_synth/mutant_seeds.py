"""Sound inputs, small, of every family of formats that intake reads from files: what damaged ones are made of."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import shutil
import sqlite3
import struct
import subprocess
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from headwater_synth.chain.keys import platform_account
from headwater_synth.claimed_media import claimed_media
from headwater_synth.legacy_wallet import counted, legacy_wallet
from headwater_synth.media_store.scenes import drawn_scene
from headwater_synth.media_store.videos import encoded_video

__all__ = ["Seed", "sound_inputs", "sound_wallets"]

Seed = Mapping[str, bytes]
"""Files that belong together, by name; the first of them is the one that is damaged most."""

_ROWS = 30


def _mysql_dump() -> bytes:
    rows = ",".join(f"({n},'member {n}','it\\'s {n}',0x{n:04X},NULL,{n}.5)" for n in range(_ROWS))
    return _MYSQL.replace("ROWS", rows).encode()


_MYSQL = """\
-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)
/*!40101 SET NAMES utf8mb4 */;
DROP TABLE IF EXISTS `member`;
CREATE TABLE `member` (
  `id` int NOT NULL AUTO_INCREMENT,
  `name` varchar(40) DEFAULT NULL,
  `note` text,
  `raw` varbinary(8) DEFAULT NULL,
  `gone` datetime DEFAULT NULL,
  `share` decimal(9,2) DEFAULT NULL,
  PRIMARY KEY (`id`), KEY `by_name` (`name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
LOCK TABLES `member` WRITE;
INSERT INTO `member` VALUES ROWS;
INSERT INTO `member` (`id`,`name`) VALUES (100,'last'),(101,_binary 'bytes\\0');
UNLOCK TABLES;
-- Dump completed on 2026-01-01  0:00:00
"""


def _postgres_dump() -> bytes:
    rows = "".join(f"{n}\tmember {n}\t\\\\x{n:04x}\t\\N\n" for n in range(_ROWS))
    return _POSTGRES.replace("ROWS", rows).encode()


_POSTGRES = """\
--
-- PostgreSQL database dump
--

SET client_encoding = 'UTF8';
CREATE TABLE public.member (
    id integer NOT NULL,
    name character varying(40) DEFAULT 'x'::character varying,
    raw bytea,
    gone timestamp with time zone
);
COPY public.member (id, name, raw, gone) FROM stdin;
ROWS\\.

INSERT INTO public.member VALUES (100, 'it''s', '\\x00ff', '2026-01-01 00:00:00+00'), (101, E'a\\nb', NULL, NULL);
--
-- PostgreSQL database dump complete
--
"""


def _postgres_archive() -> bytes:
    """An archive of pg_dump of custom format, of version 1.14: one table, its rows packed."""

    def number(value: int) -> bytes:
        return bytes([value < 0]) + abs(value).to_bytes(4, "little")

    def text(value: str | None) -> bytes:
        return number(-1) if value is None else number(len(value)) + value.encode()

    def entry(key: int, kind: str, definition: str, copy: str | None) -> bytes:
        texts = [
            text("1259"),
            text("16384"),
            text("member"),
            text(kind),
            number(3),
            text(definition),
            text(""),
            text(copy),
        ]
        texts += [text("public"), text(""), text("heap"), text("postgres"), text("false"), text(None)]
        return number(key) + number(1) + b"".join(texts) + b"\2" + bytes(8)

    rows = "".join(f"{n}\tmember {n}\t\\N\n" for n in range(_ROWS)) + "\\.\n"
    packed = zlib.compress(rows.encode())
    head = b"PGDMP" + bytes([1, 14, 0, 4, 8, 1]) + number(-1) + number(0) * 7 + text("forum") + text("15") * 2
    table = "CREATE TABLE public.member (id integer, name text, gone date);\n"
    contents = number(2) + entry(1, "TABLE", table, None)
    contents += entry(2, "TABLE DATA", "", "COPY public.member (id, name, gone) FROM stdin;\n")
    half = len(packed) // 2
    block = b"\1" + number(2) + number(half) + packed[:half] + number(len(packed) - half) + packed[half:] + number(0)
    return head + contents + block


def _sqlite() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "app.db"
        with closing(sqlite3.connect(path, isolation_level=None)) as made:
            made.execute("PRAGMA page_size = 512")
            made.execute("PRAGMA journal_mode = WAL")
            made.execute("PRAGMA wal_autocheckpoint = 0")
            made.execute("CREATE TABLE member (id INTEGER PRIMARY KEY, name TEXT, raw BLOB, share REAL DEFAULT 0.5)")
            made.execute("CREATE TABLE tag (word TEXT, n INT, PRIMARY KEY (word)) WITHOUT ROWID")
            made.execute("CREATE INDEX by_name ON member (name)")
            for n in range(_ROWS):
                made.execute("INSERT INTO member (name, raw) VALUES (?, ?)", (f"member {n}", bytes(n * 40)))
                made.execute("INSERT INTO tag VALUES (?, ?)", (f"word {n}", n))
            made.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            made.execute("DELETE FROM member WHERE id % 3 = 0")
            made.execute("UPDATE member SET name = 'renamed' WHERE id % 4 = 0")
            return {"app.db": path.read_bytes(), "app.db-wal": path.with_name("app.db-wal").read_bytes()}


def _bson(number: int) -> bytes:
    name = f"member {number}".encode() + b"\0"
    inner = b"\x08yes\0\1\x12many\0" + struct.pack("<q", 2**40 + number) + b"\0"
    body = b"\x07_id\0" + number.to_bytes(12, "big") + b"\x02name\0" + struct.pack("<i", len(name)) + name
    body += b"\x09at\0" + struct.pack("<q", 1_700_000_000_000 + number) + b"\x03more\0"
    body += struct.pack("<i", len(inner) + 4) + inner + b"\x05raw\0" + struct.pack("<iB", 4, 0) + b"\1\2\3\4\0"
    return struct.pack("<i", len(body) + 4) + body


def _mongo_header(*, ended: bool) -> bytes:
    body = b"\x02db\0\6\0\0\0forum\0\x02collection\0\7\0\0\0member\0" + b"\x08EOF\0" + bytes([ended])
    body += b"\x12CRC\0" + bytes(8) + b"\0"
    return struct.pack("<i", len(body) + 4) + body


def _mongo_archive() -> bytes:
    end = b"\xff\xff\xff\xff"
    prelude = b"\x6d\xe2\x99\x81" + _bson(0) + _mongo_header(ended=False) + end
    documents = b"".join(_bson(n) for n in range(_ROWS))
    return prelude + _mongo_header(ended=False) + documents + end + _mongo_header(ended=True) + end


def _json_rows() -> bytes:
    rows = ({"_id": {"$oid": f"{n:024x}"}, "name": f"member {n}", "more": {"many": n}} for n in range(_ROWS))
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _csv() -> bytes:
    return ("id,name,note\n" + "".join(f'{n},member {n},"a ""word"", {n}"\n' for n in range(_ROWS))).encode()


def _tab() -> dict[str, bytes]:
    declared = b"-- MySQL dump 10.13\nCREATE TABLE `pay` (`id` int, `who` int, `note` text);\n-- Dump completed\n"
    return {"pay.txt": b"".join(b"%d\t\\N\ta\\tb %d\n" % (n, n) for n in range(_ROWS)), "pay.sql": declared}


def _log() -> bytes:
    lines = (
        f'192.0.2.{n % 9} - - [01/Feb/2026:03:04:{n % 60:02} +0200] "GET /a/{n} HTTP/1.1" 200 {n} "-" "Browser/1.0"\n'
        for n in range(_ROWS)
    )
    return "".join(lines).encode()


def _log_of_json() -> bytes:
    return b"".join(
        b'{"time_iso8601":"2026-02-01T03:04:%02d+02:00","remote_addr":"192.0.2.%d","request":"GET /a HTTP/1.1",'
        b'"status":"200","body_bytes_sent":"12"}\n' % (n, n)
        for n in range(_ROWS)
    )


def _tar(form: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for n in range(6):
            member = tarfile.TarInfo(f"folder/{'long' * n * 6}/{'name' * n * 3}{n}.txt")
            content = f"text {n}\n".encode() * 40
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("folder/link")
        link.type, link.linkname = tarfile.SYMTYPE, "../../elsewhere"
        archive.addfile(link)
    return out.getvalue()


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
        for n, method in enumerate(methods):
            archive.writestr(zipfile.ZipInfo(f"folder/{n}.txt"), f"text {n}\n" * 60, compress_type=method)
        archive.writestr("inner.tar", _tar(tarfile.USTAR_FORMAT)[:4096])
    return out.getvalue()


def _seven_zip() -> dict[str, Seed]:
    """An archive of 7-Zip, where its program is installed: nothing else writes one."""
    program = shutil.which("7z") or shutil.which("7za") or shutil.which("7zr")
    if program is None:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        for n in range(6):
            Path(folder, f"{n}.txt").write_text(f"text {n}\n" * 60, encoding="utf-8")
        subprocess.run([program, "a", "-mtm=off", "-bd", "a.7z", "."], cwd=folder, check=True, capture_output=True)  # noqa: S603  # a program of the system
        return {"7z": {"a.7z": Path(folder, "a.7z").read_bytes()}}


def _still(form: str) -> bytes:
    out = io.BytesIO()
    drawn_scene(7, form, width_px=160, height_px=96).frame().save(out, form)
    return out.getvalue()


def _video() -> bytes:
    scene = drawn_scene(7, "video", width_px=96, height_px=64)
    return encoded_video((scene.frame(number / 10) for number in range(12)), rate_factor=30)


def _claimed(*containers: str) -> dict[str, Seed]:
    made = claimed_media()
    return {f"claims-{name}": {f"a.{name}": made[name]} for name in containers}


def _electrum() -> bytes:
    wallet = {
        "wallet_type": "standard",
        "seed_version": 51,
        "use_encryption": False,
        "addresses": {"receiving": ["1BoatSLRHtKNngkdXEeobR76b53LETtpyT"], "change": []},
        "labels": {"1BoatSLRHtKNngkdXEeobR76b53LETtpyT": "orchard gate"},
        "transactions": {"ab" * 32: "00" * 80},
        "payment_requests": {},
    }
    return json.dumps(wallet, indent=4).encode()


def _core_wallet() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "wallet.dat"
        with closing(sqlite3.connect(path)) as made:
            made.execute(f"PRAGMA application_id = {int.from_bytes(bytes.fromhex('fabfb5da'), 'big', signed=True)}")
            made.execute("CREATE TABLE main(key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL)")
            _, *branches = platform_account(7, "platform")
            for n, branch in enumerate(branches):
                value = counted(branch.descriptor.encode()) + struct.pack("<Qiii", 1_700_000_000, 40, 0, 1040)
                made.execute("INSERT INTO main VALUES (?, ?)", (counted(b"walletdescriptor") + bytes([n]) * 32, value))
            made.commit()
        return path.read_bytes()


def _legacy_wallet() -> bytes:
    records = [(counted(b"version"), struct.pack("<i", 169900))]
    records += [(counted(b"name") + counted(b"1BoatSLRHtKNngkdXEeobR76b53LETtpyT"), counted(b"orchard gate"))]
    records += [(counted(b"purpose") + counted(b"1BoatSLRHtKNngkdXEeobR76b53LETtpyT"), counted(b"receive"))]
    return legacy_wallet(records)


def sound_inputs() -> Mapping[str, Mapping[str, Seed]]:
    """For each family its sound inputs, by name."""
    return {
        "dumps": {
            "mysql": {"m.sql": _mysql_dump()},
            "postgres": {"p.sql": _postgres_dump()},
            "custom": {"p.dump": _postgres_archive()},
            "tab": _tab(),
        },
        "documents": {
            "sqlite": _sqlite(),
            "bson": {"member.bson": b"".join(_bson(n) for n in range(_ROWS))},
            "archive": {"mongo.archive": _mongo_archive()},
            "json": {"member.jsonl": _json_rows()},
            "csv": {"member.csv": _csv()},
        },
        "logs": {"combined": {"access.log": _log()}, "json": {"access.log": _log_of_json()}},
        "archives": {
            "ustar": {"a.tar": _tar(tarfile.USTAR_FORMAT)},
            "pax": {"a.tar": _tar(tarfile.PAX_FORMAT)},
            "gnu": {"a.tar": _tar(tarfile.GNU_FORMAT)},
            "zip": {"a.zip": _zip()},
            "gzip": {"a.tar.gz": gzip.compress(_tar(tarfile.GNU_FORMAT), mtime=0)},
            "bzip2": {"a.tar.bz2": bz2.compress(_tar(tarfile.GNU_FORMAT))},
            "xz": {"a.tar.xz": lzma.compress(_tar(tarfile.GNU_FORMAT))},
            **_seven_zip(),
        },
        "stills": {
            **{form: {f"a.{form.lower()}": _still(form)} for form in ("JPEG", "PNG", "WEBP", "GIF")},
            **_claimed("jpeg", "png", "webp", "gif", "tiff", "avif"),
        },
        "videos": {"mp4": {"a.mp4": _video()}, **_claimed("mp4", "mov", "mkv", "avi")},
    }


def sound_wallets() -> Mapping[str, bytes]:
    """Wallets, which are exhibits of their own."""
    return {"core": _core_wallet(), "legacy": _legacy_wallet(), "electrum": _electrum()}
