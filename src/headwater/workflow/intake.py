"""Take evidence, references and a mapping into a case; refusals are recorded and leave the case as it was."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from headwater.engine import Progress, silent
from headwater.errors import ConfigError, HeadwaterError, InputError, RefusedError
from headwater.evidence import (
    EXHIBIT_KINDS,
    UNCONFIRMED,
    PlatformMapping,
    SealedPool,
    acquire,
    read_mapping,
    recognise,
    whole_digest,
)
from headwater.money import check_block_files, is_block_store
from headwater.references import KINDS, Imported, import_reference, read_column_map
from headwater.schema.state import IMPORTS, MAPPINGS
from headwater.workflow.case import Actor, Case, PlacedExhibit

__all__ = ["add_exhibit", "add_reference", "approve_mapping", "approve_mapping_text", "digest_again", "recorded"]


@contextmanager
def recorded(case: Case, event: str, actor: Actor, *, about: Sequence[str] = (), **params: object) -> Iterator[None]:
    """Record a refusal of what happens inside, and let it go on upwards; a file that cannot be opened is one.

    Args:
        case: The case.
        event: What it would have been.
        actor: Who tried.
        about: Subjects whom the refusal is about.
        **params: As of `Case.record`.
    """

    def refuse(outcome: str) -> None:
        told = {"attempted": event, **params}
        case.record("failed", actor, params=told, outcome=outcome, attempted=event, about=about)

    try:
        yield
    except HeadwaterError as error:
        word = "refused" if isinstance(error, InputError | RefusedError | ConfigError) else "failed"
        refuse(f"{word}: {error}")
        raise
    except OSError as error:
        unread = InputError(
            error.filename or event, error.strerror or "failed", remedy="check the medium and permissions"
        )
        refuse(f"refused: {unread}")
        raise unread from error


def add_exhibit(
    case: Case,
    actor: Actor,
    path: Path,
    *,
    exhibit_id: str,
    exhibit_kind: str | None = None,
    accept_defects: bool = False,
    allow_unsealed: bool = False,
    secret: Path | None = None,
    progress: Progress = silent,
) -> PlacedExhibit:
    """Take an exhibit in: recognised by content, digested whole, probed by a sealed worker.

    Args:
        case: The case.
        actor: Who takes it in.
        path: File or folder; it stays where it is and is only read.
        exhibit_id: The agency's number.
        exhibit_kind: One of EXHIBIT_KINDS; None recognises it by content.
        accept_defects: Take in what is damaged; what is missing becomes `defects`.
        allow_unsealed: Go on where the sandbox is missing; recorded.
        secret: File that holds the passphrase of an encrypted image, or a view key; it is not kept.
        progress: Told of bytes digested.

    Raises:
        InputError: It is not what it says, is damaged, or that exhibit number is taken.
    """
    with recorded(case, "acquired", actor, exhibit_id=exhibit_id):
        if not exhibit_id.strip() or not exhibit_id.isprintable():
            raise ConfigError("--exhibit must be printable and not empty; give the agency's exhibit number")
        if any(known.exhibit_id == exhibit_id for known in case.exhibits()):
            raise InputError(exhibit_id, "this exhibit number is taken", remedy="give each exhibit its own number")
        if exhibit_kind is not None and exhibit_kind not in EXHIBIT_KINDS:
            raise ConfigError(f"--kind '{exhibit_kind}' is unknown; known are {', '.join(EXHIBIT_KINDS)}")
        absolute = path.absolute()
        with SealedPool(workers=1, allow_unsealed=allow_unsealed) as pool:
            kind = exhibit_kind or ("blocks" if is_block_store(absolute) else recognise(absolute, pool))
            if kind == "blocks" and not accept_defects:
                check_block_files(absolute)
            acquired = acquire(
                absolute,
                exhibit_id=exhibit_id,
                exhibit_kind=kind,
                pool=pool,
                accept_defects=accept_defects,
                secret=secret,
                progress=progress,
            )
    placed = PlacedExhibit(
        exhibit_id=exhibit_id, exhibit_kind=kind, path=absolute, row=acquired.row, stamp=acquired.stamp
    )
    case.register(actor)
    case.record(
        "acquired",
        actor,
        object_ids=(exhibit_id,),
        params={"kind": kind, "accept_defects": accept_defects, "unsealed_allowed": allow_unsealed},
        inputs={f"exhibit {exhibit_id}": str(acquired.row["sha256"])},
    )
    case.place(placed)
    return placed


def digest_again(exhibit: PlacedExhibit) -> str:
    """SHA-256 of the exhibit as it lies there now, by the same recipe as when it was taken in."""
    return whole_digest(exhibit.path, exhibit.exhibit_kind)


def add_reference(
    case: Case,
    actor: Actor,
    kind: str,
    path: Path,
    *,
    name: str,
    version: str,
    polarity: str | None = None,
    accept_defects: bool = False,
    plain: str | None = None,
    columns: Path | None = None,
    progress: Progress = silent,
) -> Imported:
    """Import a reference and seal it; a hash list counts for nothing until a second operator confirms its polarity.

    `columns` is the file of a column map, for a register whose columns have other names than ours.

    Raises:
        InputError: It cannot be read, has a bad row, or this name and version are there already.
        ConfigError: The kind, name, version or polarity will not do.
    """
    with recorded(case, "received", actor, reference=name, version=version, kind=kind):
        left = case.path / "references" / f"{name}@{version}"
        if left.is_dir() and not any(
            (i["reference_name"], i["reference_version"]) == (name, version) for i in case.imports()
        ):
            # A crash between writing and recording left it; nothing has used it, because runs go by what is recorded.
            shutil.rmtree(left)
        column_map = None if columns is None else read_column_map(columns, kind)
        imported = import_reference(
            case.path,
            kind,
            path,
            name=name,
            version=version,
            polarity=polarity,
            accept_defects=accept_defects,
            plain=plain,
            columns=column_map,
            progress=progress,
        )
    case.register(actor)
    case.record(
        "received",
        actor,
        object_ids=(f"{name}@{version}",),
        params={
            "kind": kind,
            "polarity": polarity,
            "accept_defects": accept_defects,
            "table": KINDS[kind].table,
            "format": imported.format_name,
            "plain": plain,
        },
        inputs={path.name: imported.source_sha256} | ({} if column_map is None else {"column map": column_map.sha256}),
        outputs={"seal.json": imported.seal_sha256} | dict(imported.tables),
    )
    with case.database.begin() as connection:
        connection.execute(
            IMPORTS.insert().values(
                reference_name=name,
                reference_version=version,
                kind=kind,
                polarity=polarity,
                source_sha256=imported.source_sha256,
                seal_sha256=imported.seal_sha256,
                at_utc=case.now(),
                imported_by=actor.name,
            ),
        )
    return imported


def approve_mapping(case: Case, actor: Actor, path: Path) -> PlatformMapping:
    """Make a mapping the one that runs use; the approval carries a name.

    Raises:
        InputError: There is no such file.
        ConfigError: The mapping is not understood.
    """
    with recorded(case, "mapped", actor):
        if not path.is_file():
            raise InputError(path, "no such file", remedy="check the path")
        content = path.read_bytes()
    return approve_mapping_text(case, actor, content, name=path.name, source=str(path))


def approve_mapping_text(case: Case, actor: Actor, content: bytes, *, name: str, source: str) -> PlatformMapping:
    """As `approve_mapping`, of a text that lies in no file.

    Args:
        case: The case.
        actor: Who approves it.
        content: The mapping.
        name: What the custody log calls it.
        source: What errors call it.

    Raises:
        ConfigError: The mapping is not understood, or one of its bindings is still a suggestion.
    """
    with recorded(case, "mapped", actor):
        mapping = read_mapping(content, source=source)
        for number, binding in enumerate(mapping.bindings):
            if binding.because.startswith(UNCONFIRMED):
                raise ConfigError(
                    f"{source}: tables[{number}], {binding.table}: 'because' is still a suggestion; "
                    "read the binding against the dump and say in your own words why it is so"
                )
    case.register(actor)
    digest = hashlib.sha256(content).hexdigest()
    case.record("mapped", actor, object_ids=(mapping.mapping_id,), inputs={name: digest})
    with case.database.begin() as connection:
        connection.execute(
            MAPPINGS.insert().values(
                mapping_id=mapping.mapping_id, approved_by=actor.name, content=content, at_utc=case.now()
            ),
        )
    return mapping
