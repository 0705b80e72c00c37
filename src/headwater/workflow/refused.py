"""What was refused, grouped by why; and whether another attempt to read it fares better."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import ibis
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from headwater.engine import Exhibit, Progress, Session, StageContext, silent
from headwater.errors import ConfigError, InputError
from headwater.evidence import Failure, SealedPool, file_and_members, member_reasons, stamp_of
from headwater.media import sources_of
from headwater.schema import content_id
from headwater.schema.state import READ_AGAIN
from headwater.workflow.case import Actor, Case
from headwater.workflow.folders import require_reason
from headwater.workflow.intake import recorded

__all__ = ["ReadAgain", "Refusal", "attempts_that_read", "read_again", "refusals"]

_EXAMPLES: Final = 3
_NOT_AT_HAND: Final = "the exhibit is not at hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Entries that were not read, all for one reason.

    Attributes:
        refusal_id: Digest of exhibit, disposition and reason, by which it is asked for.
        exhibit_id: The exhibit.
        disposition: refused or deferred.
        reason: Why.
        entries: How many.
        files: How many of these are files, which another attempt may read.
        size_bytes: Bytes that their directories state.
        examples: Some of their paths, shown.
    """

    refusal_id: str
    exhibit_id: str
    disposition: str
    reason: str
    entries: int
    files: int
    size_bytes: int
    examples: tuple[str, ...]


def refusals(tables: Session) -> list[Refusal]:
    """What was refused or deferred, the most entries first."""
    items = tables.table("items")
    unread = items.filter(items.disposition != "catalogued")
    keys = ["exhibit_id", "disposition", "reason"]
    is_file = unread.entry_type == "file"
    sums = unread.group_by(keys).aggregate(
        n=unread.count().cast("int64"),
        files=is_file.cast("int64").sum().cast("int64"),
        b=is_file.ifelse(unread.size_bytes, 0).sum().cast("int64"),
    )
    order = ibis.row_number().over(group_by=[unread[key] for key in keys], order_by=unread.path_bytes)
    numbered = unread.select(*keys, "path", number=order)
    examples: dict[tuple[str, ...], list[str]] = {}
    for row in tables.result(numbered.filter(numbered.number < _EXAMPLES), order_by=[*keys, "number"]).to_pylist():
        examples.setdefault(tuple(str(row[key] or "") for key in keys), []).append(row["path"])
    found = []
    for row in tables.result(sums, order_by=keys).to_pylist():
        key = tuple(str(row[name] or "") for name in keys)
        found.append(
            Refusal(
                refusal_id=content_id("rfs", *key), exhibit_id=key[0], disposition=key[1], reason=key[2],
                entries=row["n"], files=row["files"], size_bytes=row["b"], examples=tuple(examples[key]),
            )
        )  # fmt: skip
    return sorted(found, key=lambda one: (-one.entries, one.exhibit_id, one.reason))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAgain:
    """What another attempt came to.

    Attributes:
        refusal: What was tried again.
        tried: Files.
        read_now: Of these, those that were read to their end.
        still: Why the others were not, and how many each time.
    """

    refusal: Refusal
    tried: int
    read_now: int
    still: Mapping[str, int]


def read_again(
    case: Case,
    actor: Actor,
    refusal_id: str,
    *,
    at_most: int = 0,
    allow_unsealed: bool = False,
    secrets: Mapping[str, Path] | None = None,
    progress: Progress = silent,
) -> ReadAgain:
    """Try to read the files of a refusal once more; if one can be read now, the next run reads the evidence anew.

    The tables of the case stay as they are: a table is never changed, and what a run finds is on record before it
    counts. So this is an attempt, which says whether such a run is worth its time.

    Args:
        case: The case.
        actor: Who asks for it, and why.
        refusal_id: Of `refusals`.
        at_most: Refuse where there are more files; 0 for no limit.
        allow_unsealed: Go on where the sandbox is missing; recorded.
        secrets: By exhibit, a file that holds the passphrase of an image.
        progress: Told of files.

    Raises:
        InputError: There is no such refusal, or the exhibit is gone.
        ConfigError: No reason is given, there are too many files or none, or the passphrase is missing.
    """
    with recorded(case, "consulted", actor, read="refused entries again"):
        require_reason(actor)
        refusal, items, exhibit = _refused_items(case, refusal_id)
        if at_most and len(items) > at_most:
            raise ConfigError(
                f"{len(items):,} files are more than {at_most:,}, which is what fits here; "
                f"use 'headwater refused CASE --retry {refusal_id}'"
            )
        if exhibit.row.get("encrypted") and exhibit.exhibit_id not in (secrets or {}):
            raise ConfigError(
                f"exhibit {exhibit.exhibit_id} is encrypted and its passphrase is not kept; "
                f"give it again with --passphrase-fd {exhibit.exhibit_id}=FD"
            )
        stamp_of(exhibit.path, exhibit.exhibit_kind)
        at = Exhibit(
            exhibit_id=exhibit.exhibit_id, exhibit_kind=exhibit.exhibit_kind, path=exhibit.path,
            secret=(secrets or {}).get(exhibit.exhibit_id),
        )  # fmt: skip
        still: Counter[str] = Counter()
        tried = read_now = 0
        with case.tables() as tables, SealedPool(workers=1, allow_unsealed=allow_unsealed) as pool:
            context = StageContext(tables=tables, exhibits=(at,))
            for reason in _attempts(context, items, pool):
                tried += 1
                read_now += reason is None
                still.update([] if reason is None else [reason])
                progress("files", tried, len(items))
    told = ReadAgain(refusal=refusal, tried=tried, read_now=read_now, still=dict(sorted(still.items())))
    _keep(case, actor, told, allow_unsealed=allow_unsealed)
    return told


def _refused_items(case: Case, refusal_id: str) -> tuple[Refusal, list[dict[str, Any]], Any]:
    with case.tables() as tables:
        refusal = next((one for one in refusals(tables) if one.refusal_id == refusal_id), None)
        if refusal is None:
            raise InputError(refusal_id, "no such refusal", remedy="copy an id that 'headwater refused CASE' prints")

        def is_meant(part: pa.Table) -> pa.Array:
            wanted = {
                "exhibit_id": refusal.exhibit_id, "disposition": refusal.disposition, "reason": refusal.reason,
                "entry_type": "file",
            }  # fmt: skip
            masks = [pc.fill_null(pc.equal(part[name], value), fill_value=False) for name, value in wanted.items()]
            whole = masks[0]
            for mask in masks[1:]:
                whole = pc.and_(whole, mask)
            return whole

        items = tables.chosen("items", is_meant).to_pylist()
    if not items:
        raise ConfigError("none of these entries is a file: there is nothing in them to read")
    exhibit = next((one for one in case.exhibits() if one.exhibit_id == refusal.exhibit_id), None)
    if exhibit is None:
        raise InputError(refusal.exhibit_id, "no such exhibit", remedy="take it in with 'headwater evidence add'")
    return refusal, items, exhibit


def _attempts(context: StageContext, items: Sequence[dict[str, Any]], pool: SealedPool) -> Iterator[str | None]:
    """For each file why it is not read, by the reader that refused it; None if it is read.

    A file is a group of its own, so that no other can spoil it; members are read with the archive that they are in.
    """
    by_archive: dict[tuple[int, bytes], list[tuple[int, ...]]] = {}
    files = []
    for item in items:
        path, members = file_and_members(item["path_bytes"])
        if path != item["path_bytes"] and not members:
            # A second entry of the same name: its path leads to the first one, which is another file.
            yield str(item["reason"])
        elif members:
            by_archive.setdefault((item["volume_index"], path), []).append(tuple(members))
        else:
            files.append(item)
    for here, sources in sources_of(context, files):
        if sources is None:
            yield from (_NOT_AT_HAND for _ in here)
            continue
        groups = ({**sources.parameters, "entries": [entry]} for entry in sources.entries)
        for result in pool.groups("digest_entries", sources.files, groups):
            yield result.reason if isinstance(result, Failure) else result["reason"][0].as_py()
    for (volume, path), wanted in by_archive.items():
        archive = {**items[0], "volume_index": volume, "path_bytes": path, "inode": None}
        [(_, sources)] = sources_of(context, [archive])
        if sources is None:
            yield from (_NOT_AT_HAND for _ in wanted)
            continue
        told = member_reasons(pool, sources.files, {**sources.parameters, "entries": sources.entries})
        yield from (told.get(place, "the archive was not read as far as it") for place in wanted)


def _keep(case: Case, actor: Actor, told: ReadAgain, *, allow_unsealed: bool) -> None:
    case.register(actor)
    params: dict[str, object] = {
        "read": "refused entries again",
        "reason": told.refusal.reason,
        "tried": told.tried,
        "read_now": told.read_now,
        "unsealed_allowed": allow_unsealed,
    }
    with case.database.begin() as connection:
        if told.read_now:
            connection.execute(
                READ_AGAIN.insert().values(
                    refusal_id=told.refusal.refusal_id, exhibit_id=told.refusal.exhibit_id, tried=told.tried,
                    read_now=told.read_now, operator=actor.name, why=actor.justification, at_utc=case.now(),
                )
            )  # fmt: skip
        # Before the transaction ends: a run that reads anew has an entry that says who wanted that.
        case.record("consulted", actor, object_ids=(told.refusal.exhibit_id, told.refusal.refusal_id), params=params)


def attempts_that_read(case: Case) -> int:
    """How many attempts have read what a run had refused: the evidence stage runs anew after each."""
    with case.database.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(READ_AGAIN)).scalar() or 0)
