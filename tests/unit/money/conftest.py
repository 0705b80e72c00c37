"""A synthetic chain with its truth, and cases around it."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from headwater.engine import Exhibit, Session, StageContext
from headwater.money import trace_money
from headwater.money.block_files import deobfuscated
from headwater.money.block_layout import amounts_sat, header_of, laid_out, merkle_root
from headwater.money.undo import undo_checksum
from headwater.schema import content_id, table_named
from headwater_synth.chain import ROUTES, ChainPlan, ChainResult, PlannedInvoice, build_chain, write_blocks

START_S = 1_700_000_000
EXCHANGES = ("Alder Exchange", "Birch Exchange", "Cedar Exchange")
FROM_DUMP = {
    "exhibit_id": "EX-2",
    "source_item_id": "itm-of-the-dump",
    "source_table": "t",
    "source_row": 0,
    "source_offset_bytes": 0,
    "source_length_bytes": 1,
    "mapping_id": "map-0",
}
FROM_REFERENCE = {"reference_name": "tags", "reference_version": "1", "reference_row": 0}


def planned(seed: int, invoices: int = 40, blocks: int = 145) -> ChainPlan:
    chance = random.Random(seed)
    several = [
        PlannedInvoice(
            invoice_key=number + 1,
            account_key=number // 2 + 1,
            amount_sat=chance.randint(8, 90) * 10_000 + chance.randint(0, 9_999),
            amount_cents=2_500,
            currency="EUR",
            issued_at_s=START_S + number * 600,
            paid_at_s=None if number % 9 == 8 else START_S + number * 600 + 900,
            payer_person_key=number // 4 + 1,
            route=ROUTES[number % len(ROUTES)],
            exchange=None if ROUTES[number % len(ROUTES)] == "self_funded" else EXCHANGES[number % len(EXCHANGES)],
        )
        for number in range(invoices)
    ]
    return ChainPlan(
        seed=seed, invoices=tuple(several), exchanges=EXCHANGES, blocks=blocks, start_s=START_S, spacing_s=600
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A chain, the tables around it, and what the stage made of them."""

    chain: ChainResult
    folder: Path
    inputs: dict[str, pa.Table]
    tables: dict[str, pa.Table]

    def rows(self, name: str) -> list[dict[str, object]]:
        return self.tables[name].to_pylist()


def tables_around(chain: ChainResult) -> dict[str, pa.Table]:
    """What other stages would have derived: descriptors, invoices, payments, tags and services."""
    at_utc = datetime.fromtimestamp(START_S, tz=UTC)
    wallet = chain.wallet
    descriptors = [
        {
            "descriptor_id": content_id("dsc", descriptor),
            "exhibit_id": "EX-3",
            "descriptor": descriptor,
            "is_change": is_change,
            "range_start": 0,
            "range_end": next_index,
            "next_index": next_index,
        }
        for descriptor, is_change, next_index in (
            (wallet.external, False, wallet.external_next),
            (wallet.internal, True, wallet.internal_next),
        )
    ]
    invoices = [
        {
            "invoice_id": content_id("inv", invoice.invoice_key),
            "platform_key": str(invoice.invoice_key),
            "account_id": content_id("acc", invoice.account_key),
            "address": chain.invoice_address[invoice.invoice_key],
            "amount_sat": invoice.amount_sat,
            "issued_at_utc": at_utc,
            "status": "open" if invoice.paid_at_s is None else "paid",
            **FROM_DUMP,
        }
        for invoice in chain.plan.invoices
    ]
    payments = [
        {
            "payment_id": content_id("pay", invoice.invoice_key),
            "platform_key": str(invoice.invoice_key),
            "account_id": content_id("acc", invoice.account_key),
            "invoice_id": content_id("inv", invoice.invoice_key),
            "txid": chain.payment_txid[invoice.invoice_key][0],
            "at_utc": at_utc,
            **FROM_DUMP,
        }
        for invoice in chain.plan.invoices
        if invoice.invoice_key in chain.payment_txid
    ]
    tags = [
        {
            "tag_id": content_id("tag", address),
            **FROM_REFERENCE,
            "address": address,
            "network": "BTC",
            "label": actor,
            "actor": actor,
            "category": "exchange",
        }
        for actor in EXCHANGES
        for address in chain.tagged_addresses.get(actor, ())
    ]
    services = [
        {
            "service_id": content_id("svc", actor),
            **FROM_REFERENCE,
            "actor": actor,
            "name": f"{actor} Ltd",
            "kind": "exchange",
            "country": country,
            "legal_contact": "records@service.example",
            "custodial": True,
        }
        for actor, country in (("Alder Exchange", "ES"), ("Birch Exchange", "NL"), ("Cedar Exchange", "PT"))
    ]
    made = {
        "wallet_descriptors": descriptors,
        "invoices": invoices,
        "payments": payments,
        "tags": tags,
        "services": services,
    }
    return {name: table_named(name).rows(rows) for name, rows in made.items()}


def money(folder: Path, inputs: dict[str, pa.Table], **parameters: object) -> dict[str, pa.Table]:
    """What the stage makes of a folder of blocks."""
    with Session({}) as session:
        for name, rows in inputs.items():
            session.put(name, rows)
        exhibit = Exhibit(exhibit_id="EX-4", exhibit_kind="blocks", path=folder)
        return trace_money(StageContext(tables=session, exhibits=(exhibit,), parameters=parameters))


@pytest.fixture(scope="session")
def run_money() -> Callable[..., dict[str, pa.Table]]:
    return money


@pytest.fixture(scope="session")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    chain = build_chain(planned(11))
    folder = tmp_path_factory.mktemp("money") / "blocks"
    write_blocks(chain, folder)
    inputs = tables_around(chain)
    return Case(chain=chain, folder=folder, inputs=inputs, tables=money(folder, inputs))


MAGIC = bytes.fromhex("fabfb5da")
EASY_BITS = 0x207FFFFF


def twice(content: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(content).digest()).digest()


def counted(number: int) -> bytes:
    return bytes((number,)) if number < 0xFD else b"\xfd" + number.to_bytes(2, "little")


def transaction(spends: Sequence[tuple[bytes, int]], pays: Sequence[tuple[bytes, int]], mark: int = 0) -> bytes:
    """A transaction without signatures: nothing here verifies them. Without spends it is a coinbase."""
    inputs = [(txid + index.to_bytes(4, "little"), b"") for txid, index in spends or [(bytes(32), 0xFFFFFFFF)]]
    parts = [(2).to_bytes(4, "little"), counted(len(inputs))]
    for outpoint, unlocking in inputs:
        parts += [outpoint, counted(len(unlocking)), unlocking, b"\xff\xff\xff\xff"]
    parts.append(counted(len(pays)))
    for script, amount_sat in pays:
        parts += [amount_sat.to_bytes(8, "little"), counted(len(script)), script]
    return b"".join([*parts, mark.to_bytes(4, "little")])


def mined(
    previous_hash: bytes,
    transactions: Sequence[bytes],
    time_s: int = START_S,
    bits: int = EASY_BITS,
    version: int = 0x20000000,
) -> bytes:
    """A block with proof of work (two tries on average)."""
    root = merkle_root([twice(content) for content in transactions])
    assert root is not None
    for nonce in range(1 << 20):
        header = (
            version.to_bytes(4, "little")
            + previous_hash
            + root
            + time_s.to_bytes(4, "little")
            + bits.to_bytes(4, "little")
        )
        header += nonce.to_bytes(4, "little")
        if header_of(header).has_proof_of_work:
            return header + counted(len(transactions)) + b"".join(transactions)
    raise AssertionError("no nonce")


def framed_blocks(*blocks: bytes, key: bytes = b"") -> bytes:
    content = b"".join(MAGIC + len(block).to_bytes(4, "little") + block for block in blocks)
    return deobfuscated(content, key, 0)


@dataclass(slots=True, kw_only=True)
class HandMade:
    """A chain made by hand: coins by name, blocks one after the other, written with or without undo data."""

    blocks: list[bytes]
    undo: list[bytes]
    outputs: dict[tuple[bytes, int], tuple[bytes, int]]

    @classmethod
    def begun(cls) -> HandMade:
        made = cls(blocks=[], undo=[], outputs={})
        made.add(())
        return made

    @property
    def tip(self) -> bytes:
        return twice(self.blocks[-1][:80]) if self.blocks else bytes(32)

    def coinbase(self, pays: Sequence[tuple[bytes, int]] = ((b"\x6a", 0),)) -> bytes:
        return transaction([], pays, mark=len(self.blocks))

    def add(self, transactions: Sequence[bytes], pays: Sequence[tuple[bytes, int]] = ((b"\x6a", 0),)) -> bytes:
        """Mine a block on the tip; the txid of its coinbase."""
        every = [self.coinbase(pays), *transactions]
        previous = self.tip
        spent = bytearray(counted(len(transactions)))
        for place, content in enumerate(every):
            layout = laid_out(bytes(80) + counted(1) + content)
            body = bytes(80) + counted(1) + content
            amounts = amounts_sat(body, layout)
            if place:
                spent += counted(len(layout.outpoints))
                for at in layout.outpoints:
                    outpoint = (body[at : at + 32], int.from_bytes(body[at + 32 : at + 36], "little"))
                    script, amount_sat = self.outputs[outpoint]
                    spent += undo_coin(script, amount_sat)
            for index, (start, end) in enumerate(zip(layout.script_starts, layout.script_ends, strict=True)):
                self.outputs[twice(content), index] = (body[start:end], amounts[index])
        self.blocks.append(mined(previous, every))
        record = bytes(spent)
        self.undo.append(MAGIC + len(record).to_bytes(4, "little") + record + undo_checksum(previous, record))
        return twice(every[0])

    def write(self, folder: Path, *, with_undo: bool = True, key: bytes = b"") -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "blk00000.dat").write_bytes(framed_blocks(*self.blocks, key=key))
        if with_undo:
            (folder / "rev00000.dat").write_bytes(deobfuscated(b"".join(self.undo[1:]), key, 0))
        if key:
            (folder / "xor.dat").write_bytes(key)
        return folder


def variable(number: int) -> bytes:
    written = [number & 0x7F]
    while number > 0x7F:
        number = (number >> 7) - 1
        written.append(0x80 | number & 0x7F)
    return bytes(reversed(written))


def squeezed(amount_sat: int) -> int:
    """Bitcoin Core's compressed form of an amount, written from its description."""
    if amount_sat == 0:
        return 0
    exponent = 0
    while amount_sat % 10 == 0 and exponent < 9:
        amount_sat //= 10
        exponent += 1
    if exponent < 9:
        amount_sat, digit = divmod(amount_sat, 10)
        return 1 + (amount_sat * 9 + digit - 1) * 10 + exponent
    return 1 + (amount_sat - 1) * 10 + 9


def undo_coin(script: bytes, amount_sat: int) -> bytes:
    return variable(2) + b"\x00" + variable(squeezed(amount_sat)) + variable(len(script) + 6) + script


def key_script(number: int) -> bytes:
    """A script of a witness key hash, told apart by a number."""
    return b"\x00\x14" + number.to_bytes(20, "big")


class Tools:
    """What tests make chains with; test modules cannot import each other."""

    HandMade = HandMade
    MAGIC = MAGIC
    counted = staticmethod(counted)
    framed_blocks = staticmethod(framed_blocks)
    key_script = staticmethod(key_script)
    mined = staticmethod(mined)
    squeezed = staticmethod(squeezed)
    tables_around = staticmethod(tables_around)
    transaction = staticmethod(transaction)
    twice = staticmethod(twice)
    undo_coin = staticmethod(undo_coin)
    variable = staticmethod(variable)


@pytest.fixture(scope="session")
def tools() -> type[Tools]:
    return Tools
