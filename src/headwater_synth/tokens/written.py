"""The token economy as files: what an investigator imports, and the truth that no stage sees."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from headwater_synth.population_payments import EXCHANGES
from headwater_synth.references import written_csv
from headwater_synth.tokens.economy import TokenEconomy
from headwater_synth.tokens.ledger import Sent, TokenLedger

__all__ = ["txid_of", "write_token_references", "write_token_truth"]

_NOBODY = {"ethereum": "0x" + "00" * 20, "tron": "41" + "00" * 20}
_ISSUERS = {"TCR": ("crownmint", "Crownmint SA", "LU"), "MDW": ("meadowtrust", "Meadow Trust AG", "AT")}
_AS_OF = dt.date(2026, 8, 31)


def txid_of(ledger: TokenLedger, sent: Sent) -> str:
    """The invented transaction of a transfer: one for each block and sender, so that some hold several transfers."""
    return hashlib.sha256(f"{ledger.chain} {sent.block} {sent.sender} {sent.position // 3}".encode()).hexdigest()


def write_token_references(folder: Path, economy: TokenEconomy) -> None:
    """Write what is imported of the economy.

    Tables of transfers and all that belongs to them, and a tag pack and a register of its own, so that nothing else of
    the seizure changes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written_csv(
        folder / "transfers-tcr.csv",
        (
            "chain", "token_contract", "token_symbol", "decimals", "txid", "block_number", "position", "at_utc",
            "from_address", "to_address", "amount_units", "from_is_contract", "to_is_contract",
        ),
        _neutral(economy),
    )  # fmt: skip
    written_csv(
        folder / "transfers-mdw.csv",
        ("Hash", "Block", "Index", "Time(UTC)", "From", "To", "Amount", "Token", "Token Symbol"),
        _explorer(economy),
    )
    (folder / "transfers-mdw.map.yaml").write_text(_MAP, encoding="utf-8")
    written_csv(folder / "coverage.csv", ("chain", "token_contract", "address", "first_block", "last_block", "source"),
             _coverage(economy))  # fmt: skip
    written_csv(
        folder / "platform-accounts.csv",
        ("chain", "address", "account_key", "source"),
        ((chain, address, account, "the platform's payment settings")
         for (chain, address), account in sorted(economy.platform.items())),
    )  # fmt: skip
    written_csv(
        folder / "issuers.csv",
        ("chain", "token_contract", "token_symbol", "issuer", "can_freeze", "can_destroy", "source", "as_of"),
        ((economy.tokens[symbol].chain, economy.tokens[symbol].contract, symbol, actor, "yes", "yes",
          "the issuer's own page", _AS_OF) for symbol, (actor, _, _) in _ISSUERS.items()),
    )  # fmt: skip
    written_csv(
        folder / "issuer-events.csv",
        ("chain", "token_contract", "address", "event", "amount_units", "block_number", "position", "at_utc", "source"),
        ((economy.tokens[act.symbol].chain, economy.tokens[act.symbol].contract, act.address, act.event, act.units,
          act.block, act.position, _time(economy.at_s(act.block)), "events of the contract, by the unit's own node")
         for act in economy.acts),
    )  # fmt: skip
    written_csv(
        folder / "services.csv",
        ("actor", "name", "kind", "country", "legal_contact", "records_held", "retention_days", "custodial"),
        ((actor, name, "issuer", country, f"legal@{actor}.example", "who was issued to, who redeemed", 3_650, 0)
         for actor, name, country in _ISSUERS.values()),
    )  # fmt: skip
    names = {exchange.actor: exchange.name for exchange in EXCHANGES}
    pack = {
        "title": "Invented accounts on two chains",
        "creator": "headwater-synth",
        "confidence": "service_data",
        "source": "https://tags.example/invented",
        "lastmod": _AS_OF,
        "tags": [
            {
                "address": address,
                "network": "ETH" if chain == "ethereum" else "TRX",
                "label": names.get(actor, actor),
                "actor": actor,
                "category": category,
            }
            for chain, address, actor, category in economy.tagged
        ],
    }
    (folder / "tagpack.yaml").write_text(yaml.safe_dump(pack, sort_keys=False, allow_unicode=True), encoding="utf-8")


_MAP = """\
# How the columns of transfers-mdw.csv, in the form of an explorer's export, become ours.
version: 1
constants: {chain: tron, decimals: "18"}
columns:
  token_contract: Token
  token_symbol: Token Symbol
  txid: Hash
  block_number: Block
  position: Index
  at_utc: {column: "Time(UTC)", zone: UTC}
  from_address: From
  to_address: To
  amount: {column: Amount, thousands: ","}
"""


def _neutral(economy: TokenEconomy) -> Iterable[Sequence[object]]:
    for name, ledger in economy.tokens.items():
        if name == "MDW":
            continue
        for sent in ledger.sent:
            if not sent.destroyed:
                yield (
                    ledger.chain, ledger.contract, ledger.symbol, ledger.decimals, "0x" + txid_of(ledger, sent),
                    sent.block, sent.position, _time(economy.at_s(sent.block)), sent.sender or _NOBODY[ledger.chain],
                    (sent.receiver or _NOBODY[ledger.chain]).lower(), sent.units,
                    int(sent.sender in economy.contracts), int(sent.receiver in economy.contracts),
                )  # fmt: skip


def _explorer(economy: TokenEconomy) -> Iterable[Sequence[object]]:
    """The newest first, amounts in whole tokens."""
    ledger = economy.tokens["MDW"]
    for sent in reversed(ledger.sent):
        if not sent.destroyed:
            whole, rest = divmod(sent.units, 10**ledger.decimals)
            at = dt.datetime.fromtimestamp(economy.at_s(sent.block), tz=dt.UTC)
            yield (
                txid_of(ledger, sent), sent.block, sent.position, f"{at:%Y-%m-%d %H:%M:%S}",
                sent.sender or _NOBODY["tron"], sent.receiver or _NOBODY["tron"],
                f"{whole:,}.{rest:0{ledger.decimals}d}", ledger.contract, ledger.symbol,
            )  # fmt: skip


def _coverage(economy: TokenEconomy) -> Iterable[Sequence[object]]:
    for name, accounts in economy.whole.items():
        ledger = economy.tokens[name]
        for address in [""] if accounts is None else accounts:
            source = "events of the contract from this block on, by the unit's own node"
            yield ledger.chain, ledger.contract, address, 900, economy.last_block, source


def write_token_truth(folder: Path, economy: TokenEconomy) -> None:
    """Write `token_flows.csv` and `token_marks.csv`."""
    flows: Counter[tuple[object, ...]] = Counter()
    for name, ending in economy.endings:
        ledger = economy.tokens[name]
        origin, end = ledger.sent[ending.origin], ledger.sent[ending.end]
        places = (ledger.chain, ending.direction, *_place(origin), *_place(end), ending.reason)
        flows[*places, _actor(economy, ledger.chain, ending.account)] += ending.units
    written_csv(
        folder / "token_flows.csv",
        ("chain", "direction", "origin_block", "origin_position", "endpoint_block", "endpoint_position", "stop_reason",
         "service_actor", "amount_units"),
        ((*key, units) for key, units in sorted(flows.items(), key=lambda item: tuple(map(str, item[0])))),
    )  # fmt: skip
    written_csv(
        folder / "token_marks.csv",
        ("chain", "block", "position", "mark"),
        sorted(
            (economy.tokens[name].chain, *_place(economy.tokens[name].sent[number]), mark)
            for name, number, mark in economy.marks
        ),
    )


def _place(sent: Sent) -> tuple[int, int]:
    return sent.block, sent.position


def _actor(economy: TokenEconomy, chain: str, address: str) -> str:
    return next((actor for on, at, actor, _ in economy.tagged if (on, at) == (chain, address)), "")


def _time(at_s: int) -> str:
    return f"{dt.datetime.fromtimestamp(at_s, tz=dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
