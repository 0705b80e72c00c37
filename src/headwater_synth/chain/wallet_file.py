"""The platform's wallet file: a descriptor wallet of Bitcoin Core, in SQLite.

It holds one private key, as a real one does: a reader has to leave it where it is.
"""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import coincurve

from headwater_synth.chain.encoding import counted, double_sha256
from headwater_synth.chain.keys import checksummed
from headwater_synth.chain.result import ChainResult

__all__ = ["wallet_records", "write_wallet"]

_APPLICATION_ID = int.from_bytes(bytes.fromhex("fabfb5da"), "big", signed=True)  # the network's magic, as Core sets it
_CLIENT_VERSION = 290_000
_LATEST_FEATURE = 169_900  # source: Core's FEATURE_LATEST
_FLAGS = 1 << 34 | 1 << 2 | 1 << 1  # source: Core's WalletFlags: descriptors, cached xpubs, key origins
_KEYPOOL = 1_000
_BECH32 = b"\x02"  # source: Core's OutputType
_SQLITE_VERSION = 3_046_001  # written into the file, so that its bytes do not depend on the library
_VERSION_OFFSET_BYTES = 96  # source: SQLite's file format, "SQLITE_VERSION_NUMBER"


def _text(text: str) -> bytes:
    return counted(text.encode())


def _int(number: int, size_bytes: int) -> bytes:
    return number.to_bytes(size_bytes, "little", signed=True)


def _descriptor_id(descriptor: str) -> bytes:
    """What Core names a descriptor by: SHA-256 of it, written with apostrophes."""
    bare = descriptor.rpartition("#")[0].replace("h/", "'/").replace("h]", "']")
    return hashlib.sha256(checksummed(bare).encode()).digest()


def _der(secret: bytes, public: bytes) -> bytes:
    """A private key with all parameters of its curve, as OpenSSL wrote it and Core still does."""
    prime = "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f"
    generator = coincurve.PrivateKey(b"\x01".rjust(32, b"\x00")).public_key.format()
    parameters = _tagged(
        0x30,
        b"\x02\x01\x01"
        + _tagged(0x30, bytes.fromhex("06072a8648ce3d0101") + _tagged(0x02, b"\x00" + bytes.fromhex(prime)))
        + _tagged(0x30, b"\x04\x01\x00\x04\x01\x07")
        + _tagged(0x04, generator)
        + _tagged(0x02, b"\x00" + coincurve.utils.GROUP_ORDER)
        + b"\x02\x01\x01",
    )
    body = b"\x02\x01\x01" + _tagged(0x04, secret) + _tagged(0xA0, parameters)
    return _tagged(0x30, body + _tagged(0xA1, _tagged(0x03, b"\x00" + public)))


def _tagged(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        head = bytes((length,))
    elif length < 0x100:
        head = bytes((0x81, length))
    else:
        head = b"\x82" + length.to_bytes(2, "big")
    return bytes((tag,)) + head + content


def wallet_records(result: ChainResult) -> list[tuple[bytes, bytes]]:
    """Key and value of every record, in the order in which they are written."""
    wallet, plan = result.wallet, result.plan
    last = result.blocks[-1].block_hash
    records = [
        (_text("version"), _int(_CLIENT_VERSION, 4)),
        (_text("minversion"), _int(_LATEST_FEATURE, 4)),
        (_text("flags"), _int(_FLAGS, 8)),
        (_text("bestblock"), _int(_CLIENT_VERSION, 4) + b"\x00"),
        (_text("bestblock_nomerkle"), _int(_CLIENT_VERSION, 4) + b"\x01" + last),
        (_text("orderposnext"), _int(len(result.payment_txid), 8)),
    ]
    secret = _der(wallet.account_secret, wallet.account_public)
    branches = (
        (wallet.external, wallet.external_next, "activeexternalspk", wallet.branch_records[0]),
        (wallet.internal, wallet.internal_next, "activeinternalspk", wallet.branch_records[1]),
    )
    for descriptor, next_index, active, branch_record in branches:
        name = _descriptor_id(descriptor)
        place = _int(next_index, 4) + _int(0, 4) + _int(next_index + _KEYPOOL, 4)
        records += [
            (_text("walletdescriptor") + name, _text(descriptor) + _int(plan.start_s, 8) + place),
            (_text("walletdescriptorcache") + name + _int(0, 4), counted(branch_record)),
            (
                _text("walletdescriptorkey") + name + counted(wallet.account_public),
                counted(secret) + double_sha256(wallet.account_public + secret),
            ),
            (_text(active) + _BECH32, name),
        ]
    for address, label in wallet.labels:
        records += [
            (_text("name") + _text(address), _text(label)),
            (_text("purpose") + _text(address), _text("receive")),
        ]
    return records


def write_wallet(result: ChainResult, path: Path) -> None:
    """Write the platform's wallet file; the same chain gives the same bytes.

    Args:
        result: The chain.
        path: The file; replaced if present.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA page_size = 4096")
        database.execute("PRAGMA journal_mode = MEMORY")
        database.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        database.execute("PRAGMA user_version = 0")
        database.execute("CREATE TABLE main(key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL)")
        database.execute("BEGIN")
        database.executemany("INSERT INTO main VALUES(?, ?)", wallet_records(result))
        database.execute("COMMIT")
    with path.open("r+b") as file:
        file.seek(_VERSION_OFFSET_BYTES)
        file.write(_SQLITE_VERSION.to_bytes(4, "big"))
