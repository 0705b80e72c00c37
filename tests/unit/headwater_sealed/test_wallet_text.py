"""Keys and descriptors that are handed over alone: which scripts each gives, and no private key."""

from __future__ import annotations

import hashlib
import io
import json
from typing import Any

import pytest
from embit import bip32
from embit.descriptor.checksum import add_checksum
from embit.networks import NETWORKS

from headwater_sealed.refusal import UnreadableError
from headwater_sealed.sniff import sniffed
from headwater_sealed.wallet import read_wallet

ROOT = bip32.HDKey.from_seed(hashlib.sha256(b"an invented till").digest() * 2, version=NETWORKS["main"]["xprv"])
ACCOUNT = ROOT.derive("m/84h/0h/0h")
PUBLIC = ACCOUNT.to_public()
NAMES = ("xpub", "ypub", "zpub", "Ypub", "Zpub")
KEYS, TEST_KEYS = ({name: PUBLIC.to_base58(version=NETWORKS[net][name]) for name in NAMES} for net in ("main", "test"))
ALL_FOUR = ("pkh({})", "sh(wpkh({}))", "wpkh({})", "tr({})")


def told(content: bytes | str) -> tuple[list[dict[str, Any]], bytes]:
    content = content.encode() if isinstance(content, str) else content
    batches: list[Any] = []
    read_wallet([io.BytesIO(content)], {}, batches.append)
    rows = [row for batch in batches for row in batch.to_pylist()]
    return rows, b"".join(bytes(batch.serialize()) for batch in batches)


def descriptors(content: str) -> list[tuple[str, bool]]:
    rows, _ = told(content)
    assert all(row["descriptor"] == add_checksum(row["descriptor"].partition("#")[0]) for row in rows)
    return [(row["descriptor"].partition("#")[0], row["is_change"]) for row in rows]


@pytest.mark.parametrize("network", ["main", "test"])
@pytest.mark.parametrize(
    ("name", "scripts"), [("xpub", ALL_FOUR), ("ypub", ("sh(wpkh({}))",)), ("zpub", ("wpkh({})",))]
)
def test_which_scripts_a_key_alone_gives(network: str, name: str, scripts: tuple[str, ...]) -> None:
    keys = KEYS if network == "main" else TEST_KEYS
    plain = keys["xpub"]
    expected = [(script.format(f"{plain}/{branch}/*"), bool(branch)) for script in scripts for branch in (0, 1)]
    assert sniffed(keys[name].encode()) == "public-keys"
    assert descriptors(keys[name] + "\n") == expected
    assert {row["network"] for row in told(keys[name])[0]} == {network}
    assert {row["wallet_format"] for row in told(keys[name])[0]} == {"public-keys"}


@pytest.mark.parametrize("key", [keys[name] for keys in (KEYS, TEST_KEYS) for name in ("Ypub", "Zpub")])
def test_a_key_of_a_multisig_gives_nothing_alone_and_it_is_told(key: str) -> None:
    [row] = told(key)[0]
    assert (row["kind"], row["code"]) == ("defect", "key_unread")
    assert "multisig" in row["reason"]


def test_the_depth_of_a_key_says_what_is_below_it() -> None:
    branch, address = PUBLIC.derive([0]).to_base58(), PUBLIC.derive([0, 7]).to_base58()
    assert descriptors(branch) == [(script.format(f"{branch}/*"), False) for script in ALL_FOUR]
    assert descriptors(address) == [(script.format(address), False) for script in ALL_FOUR]


def test_a_key_with_its_way_and_steps_keeps_them() -> None:
    text = f"[0a1b2c3d/84h/0h/0h]{KEYS['zpub']}/<0;1>/*"
    assert descriptors(text) == [(f"wpkh([0a1b2c3d/84h/0h/0h]{KEYS['xpub']}/<0;1>/*)", False)]


def test_descriptors_one_a_line_with_remarks_between() -> None:
    several = f"wsh(sortedmulti(1,{KEYS['xpub']}/0/*,{KEYS['xpub']}/2/*))"
    lines = ["# from the server's notes", "", add_checksum(several), f"tr({KEYS['xpub']}/1/*)", PUBLIC.sec().hex()]
    content = "\r\n".join(lines)
    assert sniffed(content.encode()) == "public-keys"
    rows, _ = told(content)
    found = [
        (row["kind"], (row["descriptor"] or row["public_key"]).partition("#")[0], row["is_change"]) for row in rows
    ]
    assert found == [
        ("descriptor", several, False),
        ("descriptor", f"tr({KEYS['xpub']}/1/*)", True),
        ("public_key", PUBLIC.sec().hex(), None),
    ]


def test_what_core_lists_is_read_with_its_ranges() -> None:
    content = json.dumps(
        {
            "wallet_name": "till",
            "descriptors": [
                {
                    "desc": add_checksum(f"wpkh({KEYS['xpub']}/0/*)"),
                    "timestamp": 1_700_000_000,
                    "active": True,
                    "internal": False,
                    "range": [0, 999],
                    "next": 12,
                    "next_index": 12,
                },
                {
                    "desc": add_checksum(f"wpkh({KEYS['xpub']}/1/*)"),
                    "timestamp": 1,
                    "internal": True,
                    "range": [0, 999],
                },
            ],
        },
        indent=2,
    )
    assert sniffed(content.encode()) == "public-keys"
    names = ("is_change", "range_start", "range_end", "next_index", "created_at_us")
    assert [tuple(row[name] for name in names) for row in told(content)[0]] == [
        (False, 0, 1000, 12, 1_700_000_000_000_000),
        (True, 0, 1000, 0, None),
    ]
    with pytest.raises(UnreadableError, match="not whole JSON"):
        told(content[:-20])


def test_a_damaged_line_is_told_with_its_place_and_the_others_are_read() -> None:
    first = KEYS["zpub"]
    damaged = first[:40] + ("A" if first[40] != "A" else "B") + first[41:]
    wrong = add_checksum(f"wpkh({KEYS['xpub']}/0/*)")[:-1] + "!"
    content = f"{first}\n{damaged}\n{wrong}\nsomething else\n"
    rows, _ = told(content)
    assert [row["kind"] for row in rows] == ["descriptor"] * 2 + ["defect"] * 3
    places = [(row["offset_bytes"], row["length_bytes"]) for row in rows[2:]]
    assert [content[at : at + length] for at, length in places] == [damaged, wrong, "something else"]


@pytest.mark.parametrize("form", ["{}", "wpkh({}/0/*)", "pkh([0a1b2c3d/44h]{}/<0;1>/*)"])
def test_a_private_key_beside_public_ones_is_never_shown(form: str) -> None:
    private = ACCOUNT.to_base58()
    rows, shown = told(f"{KEYS['zpub']}\n{form.format(private)}\n")
    assert [row["kind"] for row in rows] == ["descriptor"] * 2 + ["defect"]
    assert private[:20].encode() not in shown


@pytest.mark.parametrize(
    "content",
    [b"", b"a note about pears", b"name,colour\npear,green\n", b'{"descriptors": []}', b"xpub is what we need"],
)
def test_other_texts_are_no_keys(content: bytes) -> None:
    assert sniffed(content) != "public-keys"
