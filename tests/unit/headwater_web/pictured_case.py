"""A small case with something on every screen, for the pictures of the guide; everything in it is invented."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from headwater_synth.seizure import SeizureOptions, make_seizure

LEAD, SECOND, THIRD = "A. Examiner", "V. Analyst", "P. Approver"
OPTIONS = SeizureOptions(seed=7, accounts=90, media=36, blocks=140)
NAMED = {"hash-list": "hashlist.vics.json", "tag-pack": "tagpack.yaml", "network-database": "networks.mmdb"}
KINDS = ("services", "records", "networks", "prices", "known-pairs", "record-identifiers")
SEVERAL = ("customers", "customer-transactions", "customer-identifiers")
TOKENS = {
    "tag-pack": "tagpack.yaml", "services": "services.csv", "token-transfers": "transfers-tcr.csv",
    "token-coverage": "coverage.csv", "platform-accounts": "platform-accounts.csv", "token-issuers": "issuers.csv",
    "issuer-events": "issuer-events.csv",
}  # fmt: skip


def seized(folder: Path) -> Path:
    """The seizure."""
    make_seizure(folder / "seizure", folder / "truth", OPTIONS)
    return folder / "seizure"


def references(seizure: Path) -> Iterator[tuple[str, Path]]:
    """Each kind with its file."""
    folder = seizure / "references"
    yield from ((kind, folder / name) for kind, name in NAMED.items())
    yield from ((kind, folder / f"{kind}.csv") for kind in KINDS)
    for kind in SEVERAL:
        yield from (
            (kind, path)
            for path in sorted(folder.glob(f"{kind}-*.csv"))
            if kind != "customers" or len(path.stem.split("-")) == 2
        )
    yield from ((kind, folder / "tokens" / name) for kind, name in TOKENS.items())


def steps(case: Path, seizure: Path) -> Iterator[tuple[object, ...]]:
    """The commands that make the case, to the end of the first run."""
    yield (
        "case",
        "create",
        case,
        "--authority",
        "Order 12/2026",
        "--operator",
        LEAD,
        "--purpose",
        "a platform that was seized",
    )
    exhibits = ("disk/server.img", "dump/platform.sql", "wallet/wallet.dat", "blocks")
    for number, path in enumerate(exhibits, start=1):
        yield "evidence", "add", case, seizure / path, "--exhibit", f"EX-{number}", "--allow-unsealed"
    for kind, path in references(seizure):
        name = ("token-" if path.parent.name == "tokens" else "") + (
            path.stem if path.suffix != ".mmdb" else "geo"
        ).partition(".")[0]
        polarity = ("--polarity", "known-illegal") if kind == "hash-list" else ()
        yield "reference", "add", case, kind, path, "--name", name, "--version", "2026-11", *polarity
    yield (
        *("reference", "confirm", case, "hashlist@2026-11", "--polarity", "known-illegal"),
        *("--operator", SECOND, "--why", "read in its author's letter"),
    )
    yield "map", case, "--approve", seizure / "mapping.yaml"
    yield "run", case, "--workers", 1, "--allow-unsealed"
