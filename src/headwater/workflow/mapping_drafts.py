"""The mapping that is being worked on: suggested, confirmed or rejected binding by binding, tried, then approved.

Each decision leaves a new text of the draft, with who decided and why; no text is changed or removed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa

from headwater.engine import Progress, silent
from headwater.errors import ConfigError, InputError
from headwater.evidence import (
    UNCONFIRMED,
    PlatformMapping,
    RowSource,
    SealedPool,
    TriedMapping,
    read_mapping,
    row_batches,
    tried_mapping,
)
from headwater.schema import content_id, item_id
from headwater.schema.state import MAPPING_DRAFTS
from headwater.workflow.case import Actor, Case
from headwater.workflow.draft_texts import (
    DraftBinding,
    binding_shown,
    keyed,
    suggestions_kept,
    tables_in,
    with_candidates,
    written,
)
from headwater.workflow.folders import require_reason
from headwater.workflow.intake import approve_mapping_text, recorded
from headwater.workflow.scratch import scratch_folder
from headwater.workflow.suggest import row_files, suggest_mapping

__all__ = [
    "DraftBinding",
    "MappingDraft",
    "TriedMapping",
    "approve_draft",
    "decide_binding",
    "edit_draft",
    "mapping_draft",
    "start_draft",
    "try_draft",
]

LEAST_BECAUSE: Final = 10
"""Characters of the words in which somebody says why a binding is so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingDraft:
    """The draft as it stands.

    Attributes:
        number: Of the text; each decision makes another.
        content: The text.
        bindings: What it binds.
        others: Tables that the suggestions have for each of ours besides, with their points; likeliest first.
        unbound: Tables that nothing is suggested for, with their rows.
        fault: Why the text cannot be read as a mapping; empty where it can.
        history: What was decided, by whom, why and when; the newest first.
    """

    number: int
    content: str
    bindings: tuple[DraftBinding, ...]
    others: tuple[Mapping[str, Any], ...]
    unbound: tuple[Mapping[str, Any], ...]
    fault: str
    history: tuple[Mapping[str, str], ...]

    @property
    def unconfirmed(self) -> int:
        """Bindings that wait for a decision."""
        return sum(not binding.confirmed for binding in self.bindings)


def mapping_draft(case: Case) -> MappingDraft | None:
    """The draft of the case; None if none was begun."""
    columns = MAPPING_DRAFTS.c
    with case.database.connect() as connection:
        rows = connection.execute(sa.select(MAPPING_DRAFTS).order_by(columns.seq.desc())).mappings().all()
    if not rows:
        return None
    newest = rows[0]
    suggested: dict[str, Any] = next((json.loads(row["suggestions"]) for row in rows if row["act"] == "suggested"), {})
    content = bytes(newest["content"]).decode("utf-8")
    fault = ""
    try:
        read_mapping(content.encode("utf-8"), source="the draft")
    except ConfigError as error:
        fault = str(error)
    bindings = tuple(binding_shown(key, table, suggested) for key, table in keyed(tables_in(content)))
    told = ("act", "binding", "operator", "why", "at_utc")
    return MappingDraft(
        number=newest["seq"],
        content=content,
        bindings=bindings,
        others=tuple(suggested.get("others", ())),
        unbound=tuple(suggested.get("unbound", ())),
        fault=fault,
        history=tuple({name: str(row[name]) for name in told} for row in rows),
    )


def start_draft(case: Case, actor: Actor, *, allow_unsealed: bool = False, progress: Progress = silent) -> MappingDraft:
    """A draft of what the dumps suggest; one that was there stays on record, and no longer stands.

    Raises:
        ConfigError: The case has no dump.
        InputError: An exhibit is gone.
    """
    made = suggest_mapping(case, actor, allow_unsealed=allow_unsealed, progress=progress)
    _add(case, actor, "suggested", "", made[2], suggestions=suggestions_kept(made))
    return _there(case)


def decide_binding(
    case: Case, actor: Actor, number: int, binding_id: str, *, confirm: bool, columns: Mapping[str, str] | None = None
) -> MappingDraft:
    """The draft after a person confirmed a binding, in their own words, or rejected it.

    Args:
        case: The case.
        actor: Who decides, and why; of a confirmed binding this is what its `because` says from now on.
        number: Of the draft that was looked at.
        binding_id: Which.
        confirm: Whether it is so.
        columns: Of a confirmed binding, columns of ours that another candidate gives; an empty one is left out.

    Raises:
        ConfigError: The draft is another by now, or no reason is given, or it is too short.
        InputError: There is no such binding or candidate.
    """
    with recorded(case, "mapped", actor, draft=number, binding=binding_id):
        require_reason(actor)
        draft = _looked_at(case, number)
        tables = tables_in(draft.content)
        place = next((n for n, (key, _) in enumerate(keyed(tables)) if key == binding_id), None)
        if place is None:
            raise InputError(binding_id, "no such binding in the draft", remedy="see 'headwater mapping show CASE'")
        if confirm:
            because = actor.justification.strip()
            if len(because) < LEAST_BECAUSE or because.startswith(UNCONFIRMED):
                raise ConfigError("say in your own words why the binding is so; the mapping keeps them")
            tables[place] = with_candidates(tables[place], draft.bindings[place], columns or {}) | {"because": because}
        else:
            del tables[place]
        content = written(draft.content, tables)
    _add(case, actor, "confirmed" if confirm else "rejected", binding_id, content)
    return _there(case)


def edit_draft(case: Case, actor: Actor, number: int, content: str) -> MappingDraft:
    """The draft with another text, that a person wrote.

    Raises:
        ConfigError: It is no mapping, or the draft is another by now.
    """
    with recorded(case, "mapped", actor, draft=number):
        require_reason(actor)
        if number:
            _looked_at(case, number)
        text = content.replace("\r\n", "\n")
        read_mapping(text.encode("utf-8"), source="the draft")
    _add(case, actor, "edited", "", text)
    return _there(case)


def try_draft(
    case: Case, actor: Actor, *, at_most_rows: int = 0, allow_unsealed: bool = False, progress: Progress = silent
) -> TriedMapping:
    """What the draft makes of the dumps, and what a wrong mapping would show; nothing is bound.

    Args:
        case: The case.
        actor: Who looks.
        at_most_rows: Of each file, look at so many rows; 0 for all.
        allow_unsealed: Go on where the sandbox is missing; recorded.
        progress: Told of rows.

    Raises:
        ConfigError: There is no draft, or it cannot be read as a mapping.
    """
    with recorded(case, "consulted", actor, read="a draft of a mapping, tried"):
        draft = _there(case)
        mapping = read_mapping(draft.content.encode("utf-8"), source="the draft")
        files = list(row_files(case))
    params = {"read": "a draft of a mapping, tried", "draft": draft.number, "unsealed_allowed": allow_unsealed}
    case.record("consulted", actor, object_ids=(mapping.mapping_id,), params=params)
    with (
        recorded(case, "consulted", actor, read="a draft of a mapping, tried"),
        case.tables() as tables,
        SealedPool(workers=1, allow_unsealed=allow_unsealed) as pool,
        scratch_folder(case.path / "tables") as scratch,
    ):

        def sources() -> Iterator[tuple[RowSource, Iterator[pa.RecordBatch]]]:
            for done, file in enumerate(sorted(files, key=lambda one: one.exhibit.exhibit_id)):
                progress("files", done, len(files))
                path = file.place.get("path_bytes", b"")
                source = RowSource(
                    exhibit_id=file.exhibit.exhibit_id,
                    item_id=item_id(file.exhibit.exhibit_id, file.place.get("volume_index", 0), path),
                    path=path.decode("utf-8", "backslashreplace"),
                    path_bytes=path,
                    source_format=file.source_format,
                )
                yield source, row_batches(pool, file.exhibit, file.source_format, **file.place)

        return tried_mapping(
            mapping, sources(), lambda names: tables.parts("entries", names), at_most_rows=at_most_rows, scratch=scratch
        )


def approve_draft(case: Case, actor: Actor, number: int) -> PlatformMapping:
    """Make the draft the mapping that runs use.

    Raises:
        ConfigError: The draft is another by now, is not understood, or one of its bindings is still a suggestion.
    """
    with recorded(case, "mapped", actor, draft=number):
        require_reason(actor)
        draft = _looked_at(case, number)
        if not draft.bindings:
            raise ConfigError("the draft binds nothing; confirm a binding first")
    content = draft.content.encode("utf-8")
    return approve_mapping_text(case, actor, content, name=f"draft {number}", source="the draft")


def _there(case: Case) -> MappingDraft:
    draft = mapping_draft(case)
    if draft is None:
        raise ConfigError("no draft of a mapping yet; begin with 'headwater mapping suggest CASE'")
    return draft


def _looked_at(case: Case, number: int) -> MappingDraft:
    draft = _there(case)
    if draft.number != number:
        raise ConfigError(f"the draft is number {draft.number} by now, not {number}: look at it again, then decide")
    return draft


def _add(
    case: Case, actor: Actor, act: str, binding: str, content: str, *, suggestions: Mapping[str, Any] | None = None
) -> None:
    case.register(actor)
    kept = b"" if suggestions is None else json.dumps(suggestions, sort_keys=True).encode()
    with case.database.begin() as connection:
        made = connection.execute(
            MAPPING_DRAFTS.insert().values(
                act=act, binding=binding, suggestions=kept, content=content.encode("utf-8"), operator=actor.name,
                why=actor.justification, at_utc=case.now(),
            )
        )  # fmt: skip
        key = made.inserted_primary_key
        case.record(
            "mapped",
            actor,
            object_ids=(content_id("map", content.encode("utf-8")), *([binding] if binding else [])),
            params={"draft": int(key[0]) if key else 0, "act": act},
        )
