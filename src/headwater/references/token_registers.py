"""Tables of token transfers, and what belongs to them: coverage, addresses of the platform, issuers and their acts."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Final

from headwater.references.account_addresses import CHAINS, NATIVE, account_address, chain_named, is_nobody
from headwater.references.column_map import ColumnMap
from headwater.references.row_files import register_rows
from headwater.references.rows import BadRowError, Reading, hex_digest, required, text_or_none, whole_number
from headwater.references.values import day_of, flag_of, instant_of

__all__ = [
    "read_issuer_events",
    "read_platform_accounts",
    "read_token_coverage",
    "read_token_issuers",
    "read_token_transfers",
]

_LARGEST_UNITS: Final = (1 << 256) - 1  # source: ERC-20, "transfer": amounts are uint256
_MOST_DECIMALS: Final = 255  # source: ERC-20, "decimals": uint8
_MOST_DIGITS: Final = len(str(_LARGEST_UNITS))
_WHOLE: Final = re.compile(r"[0-9]+", re.ASCII)
_PLAIN: Final = re.compile(r"([0-9]+)(?:\.([0-9]+))?", re.ASCII)
_KINDS: Final = ("transfer", "mint", "burn")
_EVENTS: Final = ("frozen", "unfrozen", "destroyed")
_ANSWERS: Final = ("yes", "no", "unknown")
_EARLIEST: Final = dt.datetime(2015, 7, 30, tzinfo=dt.UTC)
# source: the first block of Ethereum, 2015-07-30; TRON's is younger. An earlier time is a time of another unit or zone.


def read_token_transfers(path: Path, columns: ColumnMap | None = None) -> Reading:
    """The transfers of a table; a row that stands in it twice is a bad row, because it would be counted twice."""
    seen: dict[tuple[object, ...], int] = {}

    def read(cells: dict[str, str], number: int) -> dict[str, object]:
        chain = _chain(cells)
        contract = _contract(chain, required(cells, "token_contract"))
        decimals = _at_most(required(cells, "decimals"), "decimals", _MOST_DECIMALS)
        status = (text_or_none(cells.get("status")) or "ok").lower()
        if status not in {"ok", "failed"}:
            raise BadRowError(f"'status' is {status[:20]!r}, neither ok nor failed")
        units = _amount(cells, "amount_units", "amount", decimals)
        if units is None:
            raise BadRowError("neither 'amount_units' nor 'amount' says how much")
        fee = _amount(cells, "fee_units", "fee", decimals)
        if fee and contract != NATIVE:
            raise BadRowError("a fee is paid in the chain's own coin; give it with a row of 'native'")
        sender = account_address(chain, required(cells, "from_address"))
        receiver = account_address(chain, required(cells, "to_address"))
        row: dict[str, object] = {
            "chain": chain,
            "token_contract": contract,
            "token_symbol": text_or_none(cells.get("token_symbol")),
            "decimals": decimals,
            "txid": _txid(required(cells, "txid")),
            "block_number": whole_number(required(cells, "block_number"), "block_number"),
            "position": whole_number(cells.get("position"), "position"),
            "at_utc": _time(required(cells, "at_utc")),
            "from_address": sender,
            "to_address": receiver,
            "amount_units": "0" if status == "failed" else str(units),
            "fee_units": None if fee is None else str(fee),
            "kind": _kind(text_or_none(cells.get("kind")), chain, sender, receiver),
            "from_is_contract": _flag_or_none(cells, "from_is_contract"),
            "to_is_contract": _flag_or_none(cells, "to_is_contract"),
        }
        key = _identity(row)
        if key in seen:
            raise BadRowError(f"the same transfer stands in row {seen[key]} already")
        seen[key] = number
        return row

    return register_rows(path, "token-transfers", read, columns)


def _identity(row: dict[str, object]) -> tuple[object, ...]:
    """What tells a transfer from another: its place in the block where the table says it, or else all that it says."""
    placed = (row["chain"], row["token_contract"], row["txid"], row["block_number"], row["position"])
    if row["position"] is not None:
        return placed
    return (*placed, row["from_address"], row["to_address"], row["amount_units"], row["kind"])


def read_token_coverage(path: Path, columns: ColumnMap | None = None) -> Reading:
    """What is stated of how whole tables of transfers are."""

    def read(cells: dict[str, str], _number: int) -> dict[str, object]:
        chain = _chain(cells)
        contract, address = text_or_none(cells.get("token_contract")), text_or_none(cells.get("address"))
        first = whole_number(cells.get("first_block"), "first_block")
        last = whole_number(required(cells, "last_block"), "last_block")
        if first is not None and last is not None and first > last:
            raise BadRowError("'first_block' lies behind 'last_block'")
        return {
            "chain": chain,
            "token_contract": None if contract is None else _contract(chain, contract),
            "address": None if address is None else account_address(chain, address),
            "first_block": first,
            "last_block": last,
            "source": required(cells, "source"),
        }

    return register_rows(path, "token-coverage", read, columns)


def read_platform_accounts(path: Path, columns: ColumnMap | None = None) -> Reading:
    """Addresses that somebody states to be the platform's."""
    seen: set[tuple[str, str]] = set()

    def read(cells: dict[str, str], _number: int) -> dict[str, object]:
        chain = _chain(cells)
        address = account_address(chain, required(cells, "address"))
        if (chain, address) in seen:
            raise BadRowError(f"{address} stands in this list already")
        seen.add((chain, address))
        return {
            "chain": chain,
            "address": address,
            "account_key": text_or_none(cells.get("account_key")),
            "invoice_key": text_or_none(cells.get("invoice_key")),
            "source": required(cells, "source"),
        }

    return register_rows(path, "platform-accounts", read, columns)


def read_token_issuers(path: Path, columns: ColumnMap | None = None) -> Reading:
    """Who issues which token, and what the issuer can do."""

    def read(cells: dict[str, str], _number: int) -> dict[str, object]:
        chain = _chain(cells)
        return {
            "chain": chain,
            "token_contract": _contract(chain, required(cells, "token_contract")),
            "token_symbol": required(cells, "token_symbol"),
            "issuer": required(cells, "issuer"),
            "can_freeze": _word(cells, "can_freeze", _ANSWERS),
            "can_destroy": _word(cells, "can_destroy", _ANSWERS),
            "source": required(cells, "source"),
            "as_of": day_of(required(cells, "as_of")),
        }

    return register_rows(path, "token-issuers", read, columns)


def read_issuer_events(path: Path, columns: ColumnMap | None = None) -> Reading:
    """What issuers did to addresses."""

    def read(cells: dict[str, str], _number: int) -> dict[str, object]:
        chain = _chain(cells)
        event = _word(cells, "event", _EVENTS)
        amount = text_or_none(cells.get("amount_units"))
        if (event == "destroyed") != (amount is not None):
            raise BadRowError("'amount_units' is there for what was destroyed, and for nothing else")
        txid = text_or_none(cells.get("txid"))
        return {
            "chain": chain,
            "token_contract": _contract(chain, required(cells, "token_contract")),
            "address": account_address(chain, required(cells, "address")),
            "event": event,
            "amount_units": None if amount is None else str(_units(amount, "amount_units")),
            "txid": None if txid is None else _txid(txid),
            "block_number": whole_number(required(cells, "block_number"), "block_number"),
            "position": whole_number(cells.get("position"), "position"),
            "at_utc": _time(required(cells, "at_utc")),
            "source": required(cells, "source"),
        }

    return register_rows(path, "issuer-events", read, columns)


def _chain(cells: dict[str, str]) -> str:
    word = required(cells, "chain")
    chain = chain_named(word)
    if chain is None:
        raise BadRowError(f"chain {word[:20]!r} is unknown; known are {', '.join(CHAINS)}")
    return chain


def _contract(chain: str, text: str) -> str:
    return NATIVE if text.lower() == NATIVE else account_address(chain, text)


def _txid(text: str) -> str:
    return str(hex_digest(text[2:] if text[:2] in {"0x", "0X"} else text, 64, "txid"))


def _time(text: str) -> dt.datetime:
    at_utc = instant_of(text)
    if at_utc < _EARLIEST:
        raise BadRowError(f"'at_utc' is {text[:30]!r}, before there was any of these chains")
    return at_utc


def _at_most(text: str, name: str, largest: int) -> int:
    number = whole_number(text, name)
    if number is None or number > largest:
        raise BadRowError(f"'{name}' is {text[:20]!r}, more than {largest}")
    return number


def _word(cells: dict[str, str], name: str, allowed: tuple[str, ...]) -> str:
    word = required(cells, name).lower()
    if word not in allowed:
        raise BadRowError(f"'{name}' is {word[:20]!r}; known are {', '.join(allowed)}")
    return word


def _flag_or_none(cells: dict[str, str], name: str) -> bool | None:
    return None if text_or_none(cells.get(name)) is None else flag_of(cells.get(name), name)


def _kind(stated: str | None, chain: str, sender: str, receiver: str) -> str:
    """What a transfer is: as stated, and otherwise by the address of zeros on either side."""
    if stated is not None and stated.lower() not in _KINDS:
        raise BadRowError(f"'kind' is {stated[:20]!r}; known are {', '.join(_KINDS)}")
    by_address = "mint" if is_nobody(chain, sender) else "burn" if is_nobody(chain, receiver) else "transfer"
    return by_address if stated is None or by_address != "transfer" else stated.lower()


def _amount(cells: dict[str, str], units: str, tokens: str, decimals: int) -> int | None:
    """Base units from whichever of the two columns is filled.

    Raises:
        BadRowError: Both are and differ, or the amount is no whole number of base units.
    """
    whole, pointed = text_or_none(cells.get(units)), text_or_none(cells.get(tokens))
    found = [] if whole is None else [_units(whole, units)]
    if pointed is not None:
        found.append(_units_of_tokens(pointed, tokens, decimals))
    if len(set(found)) > 1:
        raise BadRowError(f"'{units}' and '{tokens}' are not the same amount")
    return found[0] if found else None


def _units(text: str, name: str) -> int:
    if len(text) > _MOST_DIGITS or not _WHOLE.fullmatch(text) or int(text) > _LARGEST_UNITS:
        raise BadRowError(f"'{name}' is {text[:24]!r}, not a whole number of base units of at most 256 bits")
    return int(text)


def _units_of_tokens(text: str, name: str, decimals: int) -> int:
    """The base units of an amount with a decimal point: exact, or refused. An exponent may have lost digits."""
    found = _PLAIN.fullmatch(text)
    if found is None or len(text) > _MOST_DIGITS + _MOST_DECIMALS:
        raise BadRowError(f"'{name}' is {text[:24]!r}, not an amount in plain digits")
    whole, fraction = found[1], (found[2] or "").rstrip("0")
    if len(fraction) > decimals:
        raise BadRowError(f"'{name}' is {text[:24]!r}, more exact than {decimals} decimals can be")
    return _units((whole + fraction.ljust(decimals, "0")).lstrip("0") or "0", name)
