"""A case with money in it: chain, wallet and bookings of a small synthetic seizure, and nothing else of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from headwater_synth.seizure import SeizureOptions, make_seizure

LEAD = "A. Examiner"
HOSTILE_NAME = "Northquay<script>pwn('tag')</script>\u202e' onfocus=pwn(1) x='"
"""What whoever wrote a register might put there to steer a reader's browser; every page of money meets it."""


def seized(folder: Path) -> Path:
    """The smallest seizure that has a chain; no media."""
    make_seizure(folder / "seizure", folder / "truth", SeizureOptions(seed=11, accounts=40, media=0, blocks=140))
    register = folder / "seizure" / "references" / "services.csv"
    text = register.read_text(encoding="utf-8")
    assert "Northquay Exchange Ltd" in text
    register.write_text(text.replace("Northquay Exchange Ltd", HOSTILE_NAME), encoding="utf-8")
    pack = folder / "seizure" / "references" / "tagpack.yaml"
    tags = pack.read_text(encoding="utf-8")
    assert "https://tags.example/invented" in tags
    pack.write_text(tags.replace("https://tags.example/invented", "https://tags.example/<b>pwn</b>"), encoding="utf-8")
    return folder / "seizure"


def steps(case: Path, seizure: Path) -> Iterator[tuple[object, ...]]:
    """The commands that make a case of what money needs."""
    yield "case", "create", case, "--authority", "Order 1", "--operator", LEAD, "--purpose", "a test"
    for number, path in enumerate(("dump/platform.sql", "wallet/wallet.dat", "blocks"), start=1):
        yield "evidence", "add", case, seizure / path, "--exhibit", f"EX-{number}", "--allow-unsealed"
    references = seizure / "references"
    tokens = references / "tokens"
    for kind, path, *options in (
        ("tag-pack", references / "tagpack.yaml"),
        ("services", references / "services.csv"),
        ("tag-pack", tokens / "tagpack.yaml"),
        ("services", tokens / "services.csv"),
        ("token-transfers", tokens / "transfers-tcr.csv"),
        ("token-coverage", tokens / "coverage.csv"),
        ("platform-accounts", tokens / "platform-accounts.csv"),
        ("token-issuers", tokens / "issuers.csv"),
        ("issuer-events", tokens / "issuer-events.csv"),
    ):
        name = f"{path.parent.name}-{path.name.partition('.')[0]}"
        yield "reference", "add", case, kind, path, "--name", name, "--version", "1", *options
    yield "map", case, "--approve", seizure / "mapping.yaml"
    yield "run", case, "--until", "money", "--workers", 1, "--allow-unsealed"
    yield "run", case, "--until", "tokens", "--workers", 1, "--allow-unsealed"
