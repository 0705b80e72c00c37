"""The job `scan_monero`: the outputs that a private view key shows in transactions which a node has printed.

A view key shows what came in. It shows no payer, because every input hides among decoys, and not what was spent: for
that the spend key makes a key image of each output. So each record here is one incoming output and nothing more. The
key is read here, in the sealed child, and no record, defect or error of this job holds any part of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import pyarrow as pa

from headwater_sealed.answers import answer_text
from headwater_sealed.monero_keys import (
    Address,
    ViewKey,
    Wallet,
    decoded_address,
    opened,
    short_payment_id,
)
from headwater_sealed.monero_transactions import Output, Remark, Transaction, printed_transactions
from headwater_sealed.refusal import UnreadableError
from headwater_sealed.rows import Emit, Rows, field

__all__ = ["MONERO_SCHEMA", "prepare", "scan_monero"]

MONERO_SCHEMA = pa.schema(
    [
        field("kind", pa.string()),  # scan, receipt or defect
        field("file_index", pa.int64()),
        field("number", pa.int64(), nullable=True),
        field("txid", pa.string(), nullable=True),
        field("output_index", pa.int64(), nullable=True),
        field("output_key", pa.string(), nullable=True),
        field("block_height", pa.int64(), nullable=True),
        field("at_s", pa.int64(), nullable=True),
        field("is_coinbase", pa.bool_(), nullable=True),
        field("unlock_time", pa.int64(), nullable=True),
        field("address", pa.string(), nullable=True),
        field("account_index", pa.int64(), nullable=True),
        field("subaddress_index", pa.int64(), nullable=True),
        field("payment_id", pa.string(), nullable=True),
        field("amount_piconero", pa.int64(), nullable=True),
        field("commitment_ok", pa.bool_(), nullable=True),
        field("transactions", pa.int64(), nullable=True),
        field("outputs", pa.int64(), nullable=True),
        field("first_height", pa.int64(), nullable=True),
        field("last_height", pa.int64(), nullable=True),
        field("code", pa.string(), nullable=True),
        field("reason", pa.string(), nullable=True),
    ]
)

_MAX_KEY_BYTES = 8192
_MAX_ADDRESS_BYTES = 512
_MAX_INT = 2**63 - 1


def _address(file: BinaryIO) -> Address:
    text = file.read(_MAX_ADDRESS_BYTES + 1).strip()
    found = decoded_address(text) if len(text) <= _MAX_ADDRESS_BYTES else None
    if found is None:
        raise UnreadableError("the address file holds no Monero address, or more than that")
    if found.kind != "primary":
        raise UnreadableError(f"the address file holds a wallet's {found.kind} address; its primary address is needed")
    return found


def scan_monero(files: Sequence[BinaryIO], parameters: Mapping[str, Any], emit: Emit) -> None:
    """A record for each output of the wallet and each defect, and one for each file that was looked through.

    Args:
        files: A text with the private view key, one with the primary address, and what the node has printed.
        parameters: `accounts` and `subaddresses`: how many are looked for, from 0; the first of each is the primary.
        emit: Takes each batch.

    Raises:
        UnreadableError: The key is none of the address, or there is no address.
    """
    key_file, address_file, *printed = files
    address = _address(address_file)
    key = ViewKey.found_in(key_file.read(_MAX_KEY_BYTES), address)
    wallet = Wallet(address, key, accounts=int(parameters["accounts"]), indices=int(parameters["subaddresses"]))
    scan = _Scan(wallet, Rows(MONERO_SCHEMA, emit))
    for index, file in enumerate(printed):
        scan.read(index, file)
    scan.rows.close()


class _Scan:
    def __init__(self, wallet: Wallet, rows: Rows) -> None:
        self._wallet = wallet
        self.rows = rows
        self._index = 0

    def _defect(self, number: int | None, code: str, reason: str, **values: object) -> None:
        self.rows.add(kind="defect", file_index=self._index, number=number, code=code, reason=reason, **values)

    def read(self, index: int, file: BinaryIO) -> None:
        """Tells all of one file; what is wrong with it stops no other."""
        self._index = index
        transactions = outputs = 0
        heights: list[int] = []
        try:
            for found in printed_transactions(answer_text(file)):
                if isinstance(found, Remark):
                    self._defect(found.number, found.code, found.reason)
                    continue
                transactions += 1
                outputs += len(found.outputs)
                if found.block_height is not None:
                    heights = [min([found.block_height, *heights]), max([found.block_height, *heights])]
                self._transaction(found)
        except UnreadableError as error:
            self._defect(None, "monero_answer_not_read", error.reason)
        self.rows.add(
            kind="scan",
            file_index=index,
            address=self._wallet.address_at(0, 0),
            transactions=transactions,
            outputs=outputs,
            first_height=heights[0] if heights else None,
            last_height=heights[1] if heights else None,
        )

    def _transaction(self, found: Transaction) -> None:
        if not found.extra.whole:
            reason = "its field `extra` could not be read to the end; an output whose key stands behind would be missed"
            self._defect(found.number, "monero_extra_not_read", reason, txid=found.txid)
        common = list(self._wallet.derivations(found.extra.keys))
        own = found.extra.further_keys
        if own and len(own) != len(found.outputs):
            reason = f"{len(own)} further public keys for {len(found.outputs)} outputs; a wallet ignores them"
            self._defect(found.number, "monero_extra_not_read", reason, txid=found.txid)
            own = []
        for index, output in enumerate(found.outputs):
            further = list(self._wallet.derivations(own[index : index + 1]))
            for derivation in [*common, *further]:
                place = self._wallet.place(derivation, index, output.key, output.view_tag)
                if place is not None:
                    self._receipt(found, index, output, derivation, place, common)
                    break

    def _receipt(
        self,
        found: Transaction,
        index: int,
        output: Output,
        derivation: bytes,
        place: tuple[int, int],
        common: Sequence[bytes],
    ) -> None:
        amount, agrees = self._amount(found, index, output, derivation)
        self.rows.add(
            kind="receipt",
            file_index=self._index,
            number=found.number,
            txid=found.txid,
            output_index=index,
            output_key=output.key.hex(),
            block_height=found.block_height,
            at_s=found.at_s if found.at_s is None or found.at_s < 2**40 else None,
            is_coinbase=found.is_coinbase,
            unlock_time=found.unlock_time,
            address=self._wallet.address_at(*place),
            account_index=place[0],
            subaddress_index=place[1],
            # It is encrypted with the key of the transaction, never with that of one output.
            payment_id=_payment_id(found, derivation if derivation in common else None),
            amount_piconero=amount,
            commitment_ok=agrees,
        )

    def _amount(
        self, found: Transaction, index: int, output: Output, derivation: bytes
    ) -> tuple[int | None, bool | None]:
        if output.plain_amount is not None:
            number, agrees = output.plain_amount, None
        else:
            decoded = opened(derivation, index, output.amount, output.mask, output.commitment)
            number, agrees = decoded.amount_piconero, decoded.agrees
            if not agrees:
                reason = f"output {index}: its amount does not agree with its commitment, so that no amount is given"
                self._defect(found.number, "monero_commitment_differs", reason, txid=found.txid, output_index=index)
                return None, False
        if number > _MAX_INT:
            reason = f"output {index}: an amount larger than there is room for"
            self._defect(found.number, "monero_amount_too_large", reason, txid=found.txid, output_index=index)
            return None, agrees
        return number, agrees


def _payment_id(found: Transaction, derivation: bytes | None) -> str | None:
    if found.extra.long_id is not None:
        return found.extra.long_id.hex()
    if found.extra.short_id is None or derivation is None:
        return None
    plain = short_payment_id(derivation, found.extra.short_id)
    return plain.hex() if any(plain) else None  # zeros stand for none, so that all payments look alike


def prepare() -> None:
    """Has the libraries load what they load on first use."""
    address = decoded_address(
        b"42ey1afDFnn4886T7196doS9GPMzexD9gXpsZJDwVjeRVdFCSoHnv7KPbBeGpzJBzHRCAs9UxqeoyFQMYbqSWYTfJJQAWDm"
    )
    assert address is not None  # source: Monero, tests/functional_tests/wallet.py
    ViewKey(b"\1" + bytes(31)).derivation(address.view_key)
