"""One small seizure, taken through the whole path once for all tests of this folder."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyrage import x25519

from headwater_synth.seizure import SeizureOptions, make_seizure

LEAD, AUTHOR, APPROVER = "A. Examiner", "B. Analyst", "C. Approver"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A seizure, its truth, and the case made of it.

    Attributes:
        seizure: As it was seized.
        truth: What no stage has seen.
        case: After every stage, two people's judgements on one link and one released package.
        judged_link: The link that both judged positive.
        country: The package's.
        package_id: The package.
        package: Its folder.
        recipient_key: Secret key of the recipient.
    """

    seizure: Path
    truth: Path
    case: Path
    judged_link: str
    country: str
    package_id: str
    package: Path
    recipient_key: str


@pytest.fixture(scope="session")
def seizure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with `seizure` and `truth`; nobody writes to it."""
    folder = tmp_path_factory.mktemp("seized")
    options = SeizureOptions(seed=11, accounts=60, media=24, blocks=200, payers=1_500)
    make_seizure(folder / "seizure", folder / "truth", options)
    return folder


def steps_of_intake(case: Path, seized: Path) -> Iterator[tuple[object, ...]]:
    """The commands that take a seizure into a new case."""
    yield "case", "create", case, "--authority", "Order 1/2026", "--operator", LEAD
    for number, path in enumerate(("disk/server.img", "dump/platform.sql", "wallet/wallet.dat", "blocks"), start=1):
        yield "evidence", "add", case, seized / path, "--exhibit", f"EX-{number}", "--allow-unsealed"
    refs = seized / "references"
    illegal = ("--polarity", "known-illegal")
    for name, file in (("harbour", "hashlist.vics.json"), ("partner", "hashlist.csv")):
        options = ("--name", name, "--version", "1", *illegal, "--accept-defects")
        yield "reference", "add", case, "hash-list", refs / file, *options
        yield (
            *("reference", "confirm", case, f"{name}@1", *illegal),
            *("--operator", AUTHOR, "--why", "told by its author"),
        )
    for kind, name in (("tag-pack", "tagpack.yaml"), ("services", "services.csv"), ("records", "records.csv")):
        yield "reference", "add", case, kind, refs / name, "--name", kind, "--version", "1"
    yield "reference", "add", case, "networks", refs / "networks.csv", "--name", "networks", "--version", "1"
    yield "reference", "add", case, "network-database", refs / "networks.mmdb", "--name", "geo", "--version", "1"
    for kind in ("customers", "customer-transactions", "customer-identifiers"):
        for file in sorted(refs.glob(f"{kind}-*.csv")):
            yield "reference", "add", case, kind, file, "--name", file.stem, "--version", "1"
    yield (
        "reference",
        "add",
        case,
        "record-identifiers",
        refs / "record-identifiers.csv",
        "--name",
        "earlier",
        "--version",
        "1",
    )
    tokens = refs / "tokens"
    for kind, name, *options in (
        ("tag-pack", "tagpack.yaml"),
        ("services", "services.csv"),
        ("token-transfers", "transfers-tcr.csv"),
        ("token-transfers", "transfers-mdw.csv", "--columns", tokens / "transfers-mdw.map.yaml"),
        ("token-coverage", "coverage.csv"),
        ("platform-accounts", "platform-accounts.csv"),
        ("token-issuers", "issuers.csv"),
        ("issuer-events", "issuer-events.csv"),
    ):
        yield (
            *("reference", "add", case, kind, tokens / name),
            *("--name", f"token-{name.partition('.')[0]}", "--version", "1", *options),
        )
    yield "map", case, "--approve", seized / "mapping.yaml"


@pytest.fixture(scope="session")
def taken_in(headwater: Callable[..., Any]) -> Callable[[Path, Path], None]:
    """Makes a case of a seizure, up to but without the first run."""

    def take_in(case: Path, seized: Path) -> None:
        for step in steps_of_intake(case, seized):
            done = headwater(*step)
            assert done.status == 0, done.err

    return take_in


@pytest.fixture(scope="session")
def finished(
    tmp_path_factory: pytest.TempPathFactory,
    seizure: Path,
    headwater: Callable[..., Any],
    taken_in: Callable[[Path, Path], None],
) -> Finished:
    """The case after every stage, two people's judgements on one link and one released package."""
    folder = tmp_path_factory.mktemp("finished")
    case = folder / "case"

    def do(*arguments: object) -> Any:
        done = headwater(*arguments)
        assert done.status == 0, done.err
        return done

    taken_in(case, seizure / "seizure")
    do("run", case, "--workers", 2, "--allow-unsealed")
    queue = do("queue", case, "--claim", "used", "--limit", 0, "--json").rows
    link = queue[0]["link_id"]
    for operator in (AUTHOR, APPROVER):  # a name needs two people before it leaves
        do("judge", case, link, "positive", "--why", "the registered address is on the record", "--operator", operator)
    do("run", case, "--workers", 2, "--allow-unsealed")
    leads = do("leads", case, "--limit", 0, "--json").rows
    country = next(lead["lead_country"] for lead in leads if lead["lead_country"])
    identity = x25519.Identity.generate()
    drafted = do(
        *("package", case, "--country", country, "--recipient", identity.to_public()),
        *("--legal-basis", "test", "--operator", AUTHOR, "--json"),
    ).rows[0]
    package_id = drafted["package_id"]
    do("release", case, package_id, "--operator", APPROVER, "--why", "every lead read", "--all-opened")
    return Finished(
        seizure=seizure / "seizure",
        truth=seizure / "truth",
        case=case,
        judged_link=link,
        country=country,
        package_id=package_id,
        package=case / "packages" / country / package_id,
        recipient_key=str(identity),
    )


@pytest.fixture
def own_case(finished: Finished, tmp_path: Path) -> Path:
    """A copy of the finished case that a test may change; the seizure stays where it is."""
    with contextlib.closing(sqlite3.connect(finished.case / "case.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Path(shutil.copytree(finished.case, tmp_path / "case"))
