"""The files that make up an image, in the order in which its reader needs them, and what it is told beside them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from string import ascii_uppercase
from typing import Any

__all__ = ["image_parameters", "image_segments", "image_sources"]

_DESCRIPTOR = b"# Disk DescriptorFile"


def image_segments(path: Path) -> list[Path]:
    """The files of a split image in their order; else the file alone.

    NAME.E01 to .E99, .EAA to .EZZ and on; NAME.001, .002, ...; NAME.vmdk with a descriptor, and NAME-*.vmdk.
    """
    suffix = path.suffix
    if suffix.lower() == ".e01":
        return list(_while_present(path.with_suffix(f".{ending}") for ending in _segment_endings(suffix[1])))
    if suffix == ".001":
        return list(_while_present(path.with_suffix(f".{number:03d}") for number in range(1, 1000)))
    if suffix.lower() == ".vmdk" and _begins(path, _DESCRIPTOR):
        return [path, *sorted(path.parent.glob(f"{_literal(path.stem)}-*{suffix}"))]
    return [path]


def image_sources(path: Path, secret: Path | None = None) -> list[Path]:
    """The files that a job over the image is handed.

    Args:
        path: The image, or its first segment.
        secret: File that holds its passphrase, if it has one.
    """
    return [*image_segments(path), *([] if secret is None else [secret])]


def image_parameters(path: Path, secret: Path | None = None) -> dict[str, Any]:
    """What a job over the image is told beside the files; the same arguments as of `image_sources`."""
    segments = image_segments(path)
    parameters: dict[str, Any] = {"names": [segment.name for segment in segments]} if len(segments) > 1 else {}
    return parameters if secret is None else parameters | {"secret_file_index": len(segments)}


def _segment_endings(letter: str) -> Iterator[str]:
    """E01 to E99, then EAA to EZZ, FAA and so on. source: EnCase, names of evidence file segments."""
    for number in range(1, 100):
        yield f"{letter}{number:02d}"
    capitals = ascii_uppercase[ascii_uppercase.index(letter.upper()) :]
    for first, second, third in product(capitals, ascii_uppercase, ascii_uppercase):
        ending = first + second + third
        yield ending if letter.isupper() else ending.lower()


def _while_present(candidates: Iterator[Path]) -> Iterator[Path]:
    for candidate in candidates:
        if not candidate.is_file():
            return
        yield candidate


def _begins(path: Path, signature: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(signature)) == signature


def _literal(name: str) -> str:
    """The name as a pattern that fits nothing else."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
