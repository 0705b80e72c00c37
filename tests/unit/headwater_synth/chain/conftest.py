"""A small chain that has every situation in it, and Core's consensus library to judge it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from headwater_synth.chain import ROUTES, ChainPlan, ChainResult, PlannedInvoice, build_chain
from headwater_synth.seeds import stream

EXCHANGES = ("Northgate", "Southgate", "Eastgate", "Westgate")
START_S = 1_700_000_000
SPACING_S = 6 * 3600


def planned(seed: int, invoices: int = 48, blocks: int = 150) -> ChainPlan:
    """A plan in which every route occurs at every exchange, and some invoices stay unpaid."""
    chance = stream(seed, "test plan")
    made = []
    for number in range(invoices):
        issued_at_s = START_S + blocks * SPACING_S * number // invoices
        route = ROUTES[number % len(ROUTES)]
        paid = number % 7 != 6
        made.append(
            PlannedInvoice(
                invoice_key=1000 + number,
                account_key=number // 2,
                amount_sat=chance.randint(60_000, 600_000),
                amount_cents=2_900,
                currency="EUR",
                issued_at_s=issued_at_s,
                paid_at_s=issued_at_s + chance.randint(300, 80_000) if paid else None,
                payer_person_key=number // 2 if paid else None,
                route=route,
                exchange=None if route == "self_funded" else EXCHANGES[number // len(ROUTES) % len(EXCHANGES)],
            ),
        )
    return ChainPlan(
        seed=seed, invoices=tuple(made), exchanges=EXCHANGES, blocks=blocks, start_s=START_S, spacing_s=SPACING_S
    )


@pytest.fixture(scope="session")
def plan_of() -> Callable[..., ChainPlan]:
    return planned


@pytest.fixture(scope="session")
def chain() -> ChainResult:
    return build_chain(planned(11))


class Core:
    """Bitcoin Core's consensus library on regtest, judged by the height of its active chain."""

    def __init__(self, directory: Path) -> None:
        self.pbk = pytest.importorskip("pbk", reason="py-bitcoinkernel is needed to judge a chain")
        options = self.pbk.ContextOptions()
        options.set_chainparams(self.pbk.ChainParameters(self.pbk.ChainType.REGTEST))
        self._context = self.pbk.Context(options)
        self._directory = directory
        self._runs = 0

    def _manager(self, name: str, *, reindex: bool = False):
        self._runs += 1
        directory = self._directory / name
        options = self.pbk.ChainstateManagerOptions(self._context, str(directory), str(directory / "blocks"))
        options.update_block_tree_db_in_memory(block_tree_db_in_memory=True)
        options.update_chainstate_db_in_memory(chainstate_db_in_memory=True)
        if reindex:
            options.set_wipe_dbs(wipe_block_tree_db=True, wipe_chainstate_db=True)
        return self.pbk.ChainstateManager(options)

    def height(self, blocks: Iterable[bytes]) -> int:
        """Height of the active chain after blocks were offered one by one; whatever it says of each is ignored."""
        manager = self._manager(f"run{self._runs}")
        for raw in blocks:
            try:
                manager.process_block(self.pbk.Block(raw))
            except Exception:  # noqa: BLE001  # refused blocks are the point; the height alone is looked at
                continue
        return manager.get_active_chain().height

    def reindexed(self, files: Path) -> tuple[int, Path]:
        """Height after reading block files as a node does that has lost its indexes, and its own block folder."""
        blocks = self._directory / f"reindex{self._runs}" / "blocks"
        blocks.mkdir(parents=True)
        for path in sorted(files.iterdir()):
            shutil.copy(path, blocks / path.name)
        manager = self._manager(blocks.parent.name, reindex=True)
        manager.import_blocks([])
        return manager.get_active_chain().height, blocks


@pytest.fixture
def core(tmp_path: Path) -> Core:
    return Core(tmp_path / "core")
