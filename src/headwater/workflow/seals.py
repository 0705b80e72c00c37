"""References as they were sealed: nothing altered, nothing gone, nothing more."""

from __future__ import annotations

import json

from headwater.engine import file_sha256
from headwater.errors import DigestMismatchError, IntegrityError
from headwater.references import seal_digest
from headwater.workflow.case import Case

__all__ = ["check_references"]


def check_references(case: Case) -> None:
    """Nothing, if every reference that the case knows lies there as it was sealed.

    Raises:
        IntegrityError: One was altered; a file of it is gone; or there is one that the seal does not name.
    """
    for imported in case.imports():
        name = f"{imported['reference_name']}@{imported['reference_version']}"
        folder = case.path / "references" / name
        if not (folder / "seal.json").is_file():
            raise IntegrityError(f"reference {name}: its seal is gone; restore it, or find out who removed it")
        found = seal_digest(folder)
        if found != imported["seal_sha256"]:
            raise DigestMismatchError(f"reference {name}", expected=str(imported["seal_sha256"]), found=found)
        tables: dict[str, str] = json.loads((folder / "seal.json").read_bytes())["tables"]
        sealed = {f"{table}.parquet": digest for table, digest in tables.items()}
        for path in sorted(folder.iterdir()):
            if path.name != "seal.json" and path.name not in sealed:
                raise IntegrityError(f"reference {name}: {path.name} was put there after the seal; find out by whom")
        for file, expected in sorted(sealed.items()):
            if not (folder / file).is_file():
                raise IntegrityError(f"reference {name}: {file} is gone; restore it, or find out who removed it")
            found = file_sha256(folder / file)
            if found != expected:
                raise DigestMismatchError(f"reference {name}, {file}", expected=expected, found=found)
