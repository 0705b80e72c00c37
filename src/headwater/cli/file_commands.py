"""Commands on files outside any case: hash, blocks, link."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from headwater.cli.link_text import link_row, link_text
from headwater.cli.options import ALL_PROCESSORS, AllowUnsealed, AsJson, Workers
from headwater.cli.output import JobProgress, emit, note, printable

__all__ = ["register"]

Paths = Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files, or folders that are walked.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("hash")(hash_files)
    app.command("blocks")(blocks)
    app.command("link")(link)


def hash_files(
    paths: Paths,
    frames: Annotated[bool, typer.Option("--frames", help="List the frames of videos.")] = False,
    tier: Annotated[str, typer.Option("--tier", help="Frames of a video: keyframe or second.")] = "keyframe",
    transforms: Annotated[
        str, typer.Option("--transforms", help="dihedral: also the PDQ of the picture turned and mirrored; none: not.")
    ] = "none",
    workers: Workers = ALL_PROCESSORS,
    allow_unsealed: AllowUnsealed = False,
    as_json: AsJson = False,
) -> None:
    """Print digests, PDQ and quality of any files. Nothing is decoded outside a sealed worker."""
    from headwater.config import HASH_TRANSFORMS
    from headwater.errors import ConfigError, InputError
    from headwater.media import hash_paths

    if tier not in {"keyframe", "second"}:
        raise ConfigError(f"--tier '{tier}' is unknown; known are keyframe, second")
    if transforms not in HASH_TRANSFORMS:
        raise ConfigError(f"--transforms '{transforms}' is unknown; known are {', '.join(HASH_TRANSFORMS)}")
    for path in paths:
        if not path.exists():
            raise InputError(path, "no such file or folder", remedy="check the path")
    hashed = hash_paths(
        _walked(paths), tier=tier, transforms=transforms, workers=workers, allow_unsealed=allow_unsealed
    )
    for row in hashed:
        if not frames:
            row.pop("frames", None)
        text = "  ".join(printable(row[name]) for name in ("sha256", "kind", "status", "path"))
        perceptual = f"  pdq {row['pdq']} quality {row['pdq_quality']}" if row.get("pdq") else ""
        reason = f"  ({printable(row['reason'])})" if row.get("reason") else ""
        emit(row, as_json=as_json, text=text + perceptual + reason)


def _walked(paths: Iterable[Path]) -> Iterator[Path]:
    """The files, with those below each folder in order of their names' bytes; no link in a folder is followed."""
    for path in paths:
        if path.is_dir():
            found = (below for below in path.rglob("*") if below.is_file() and not below.is_symlink())
            yield from sorted(found, key=os.fsencode)
        else:
            yield path


def blocks(paths: Paths, as_json: AsJson = False) -> None:
    """Print, for each block of block files, its hash, transactions, inputs, outputs and satoshis."""
    from headwater.money import read_block_summaries

    for row in read_block_summaries(paths):
        text = (
            f"{row['block_hash']}  {row['transactions']:,} tx  {row['inputs']:,} in  {row['outputs']:,} out  "
            f"{row['output_sat']:,} sat  merkle {'ok' if row['merkle_ok'] else 'WRONG'}  {printable(row['file'])}"
        )
        emit(row, as_json=as_json, text=text)


def link(
    left: Annotated[Path, typer.Argument(metavar="LEFT", help="CSV or Parquet.")],
    right: Annotated[Path, typer.Argument(metavar="RIGHT", help="CSV or Parquet; LEFT again to find its duplicates.")],
    columns: Annotated[Path, typer.Option("--columns", help="Column map: what the columns of both files hold.")],
    out: Annotated[Path, typer.Option("--out", help="Where the links go: CSV or Parquet, by suffix.")],
    model: Annotated[Path | None, typer.Option("--model", help="Another linkage model.")] = None,
    min_probability: Annotated[
        float, typer.Option("--min-probability", min=0.0, max=1.0, help="Links below this are left out.")
    ] = 0.5,
    one_to_one: Annotated[bool, typer.Option("--one-to-one", help="No row is in two links.")] = False,
    cannot_link: Annotated[
        Path | None, typer.Option("--cannot-link", help="CSV of left_id and right_id that are known to be no link.")
    ] = None,
    workers: Workers = ALL_PROCESSORS,
    as_json: AsJson = False,
) -> None:
    """Propose which rows of two files are of one person, with the weight of each comparison. A person decides."""
    from headwater.errors import InputError
    from headwater.identities import LinkOptions, link_files

    for path in (left, right, columns, *(p for p in (model, cannot_link) if p is not None)):
        if not path.is_file():
            raise InputError(path, "no such file", remedy="check the path")
    if not out.absolute().parent.is_dir():
        raise InputError(out, "is in a folder that does not exist", remedy="make the folder first")
    for path in (left, right, columns):
        if out.exists() and out.samefile(path):
            raise InputError(out, "is an input", remedy="write the links elsewhere")
    options = LinkOptions(
        model=model,
        min_probability_ppm=round(min_probability * 1_000_000),
        one_to_one=one_to_one,
        cannot_link=cannot_link,
        threads=workers,
    )
    with JobProgress("compared") as progress:
        report = link_files(left, right, columns, out, options, progress)
    for field in report.one_sided_fields:
        note(f"{field}: only one file has it; it was not compared")
    for field, count in report.unread.items():
        note(f"{field}: {count:,} rows hold something that could not be read; it counts as absent")
    emit(link_row(report, out), as_json=as_json, text=link_text(report, out))
