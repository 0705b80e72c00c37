"""Two cases of two agencies, each with customers that services returned; some of them are customers of both."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

RUNS, CONSENTS = "A. Examiner", "S. Second"
SHARED = tuple(f"both{n}@mail.test" for n in range(7))


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A case, and how its commands are called."""

    case: Path
    headwater: Callable[..., Any]

    @property
    def key(self) -> Path:
        return self.case / "public" / "case-signing.pem"

    def settings(self, **values: int) -> None:
        """Write other limits into `case.toml`."""
        path = self.case / "case.toml"
        text = path.read_text()
        for name, value in values.items():
            before = next(line for line in text.splitlines() if line.startswith(f"{name} = "))
            text = text.replace(before, f"{name} = {value}")
        path.write_text(text)

    def do(self, step: str, *arguments: object, peer: Side, ok: bool = True, **options: object) -> Any:
        given: dict[str, object] = {"operator": RUNS, "why": "agreed", "with": peer.key}
        if step in {"start", "answer"}:
            given |= {"consent_by": CONSENTS, "purpose": "who else enquires", "legal_basis": "Agreement 7"}
        words = [w for n, v in {**given, **options}.items() for w in (f"--{n.replace('_', '-')}", v) if w is not True]
        done = self.headwater("deconflict", step, self.case, *arguments, "--json", *words)
        if ok:
            assert done.status == 0, done.err
        return done

    def refused(self, step: str, *arguments: object, peer: Side, **options: object) -> str:
        """The one line of a refusal, which leaves no file behind."""
        done = self.do(step, *arguments, peer=peer, ok=False, **options)
        assert done.status == 2, (done.out, done.err)
        assert len(done.err.splitlines()) == 1
        out = options.get("out")
        assert out is None or not Path(str(out)).exists() or "is there already" in done.err
        return str(done.err)

    def shared(self) -> list[str]:
        """What `deconflict show` says both hold."""
        rows = self.headwater("deconflict", "show", self.case, "--json").rows
        return sorted({row["identifier"] for row in rows if row["row"] == "shared"})


def _customers(path: Path, emails: tuple[str, ...]) -> Path:
    lines = [f"Alder,{number},Person {number},{email}" for number, email in enumerate(emails)]
    path.write_text("actor,source_key,full_name,email\n" + "\n".join(lines) + "\n")
    return path


def made(folder: Path, name: str, emails: tuple[str, ...], headwater: Callable[..., Any]) -> Path:
    """A case with these customers."""
    case = folder / name
    for step in (
        ("case", "create", case, "--authority", f"Order {name}", "--operator", RUNS),
        (
            *("reference", "add", case, "customers", _customers(folder / f"{name}.csv", emails)),
            *("--name", "alder", "--version", "1"),
        ),
    ):
        done = headwater(*step)
        assert done.status == 0, done.err
    return case


@pytest.fixture(scope="session")
def _pair(tmp_path_factory: pytest.TempPathFactory, headwater: Callable[..., Any]) -> Path:
    folder = tmp_path_factory.mktemp("pair")
    made(folder, "north", (*(f"north{n}@mail.test" for n in range(23)), *SHARED), headwater)
    made(folder, "south", (*(f"south{n}@mail.test" for n in range(31)), *map(str.upper, SHARED)), headwater)
    return folder


@pytest.fixture
def pair(_pair: Path, tmp_path: Path, headwater: Callable[..., Any]) -> tuple[Side, Side]:
    """Copies of both cases that a test may change."""
    folder = Path(shutil.copytree(_pair, tmp_path / "pair"))
    return Side(case=folder / "north", headwater=headwater), Side(case=folder / "south", headwater=headwater)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A key that both sides hold."""
    path = tmp_path / "shared.key"
    path.write_text("5a" * 32 + "\n")
    path.chmod(0o600)
    return path
