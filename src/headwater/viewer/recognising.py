"""Which content of the case a graded row is about: by the strongest digest that both sides have, or by our item id."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.viewer.graded_rows import NOTHING_SAID, GradedRow, Said

__all__ = ["Content", "Recogniser"]

_KINDS = ("sha256", "sha1", "md5")


class Content(NamedTuple):
    """A content of the case.

    Attributes:
        sha256: Its digest.
        sha1: Its digest.
        md5: Its digest.
        item_id: The first of its items, by id.
        listed: What an export says of it before anybody graded it: series and victim of an exact match.
    """

    sha256: str
    sha1: str | None
    md5: str | None
    item_id: str
    listed: Said


class Recogniser:
    """The contents of a case that rows may be about.

    Args:
        tables: The case's tables.
        rows: The rows; only contents that one of them may mean are held.
    """

    def __init__(self, tables: Session, rows: Sequence[GradedRow]) -> None:
        wanted = [pa.array(sorted({d for row in rows if (d := row.digests[n])}), pa.string()) for n in range(3)]
        ids = pa.array(sorted({item for row in rows for item in row.item_ids}), pa.string())

        def is_meant(items: pa.Table) -> pa.ChunkedArray:
            meant = pc.is_in(items["item_id"], value_set=ids)
            for kind, values in zip(_KINDS, wanted, strict=True):
                meant = pc.or_(meant, pc.is_in(items[kind], value_set=values))
            return pc.and_(meant, pc.is_valid(items["sha256"]))

        held = tables.chosen("items", is_meant, columns=["item_id", *_KINDS])
        listed = _listed(tables, held["item_id"])
        self._contents: dict[str, Content] = {}
        self._by_item: dict[str, str] = {}
        self._by_weaker: dict[tuple[int, str], set[str]] = defaultdict(set)
        for row in held.sort_by("item_id").to_pylist():
            sha256 = row["sha256"]
            self._by_item[row["item_id"]] = sha256
            if sha256 not in self._contents:
                said = listed.get(row["item_id"], NOTHING_SAID)
                self._contents[sha256] = Content(sha256, row["sha1"], row["md5"], row["item_id"], said)
            for number in (1, 2):
                if row[_KINDS[number]]:
                    self._by_weaker[number, row[_KINDS[number]]].add(sha256)

    def content_of(self, row: GradedRow) -> Content | str:
        """The content that a row is about, or why it is about none."""
        named = {self._by_item.get(item, "") for item in row.item_ids}
        found = self._by_digest(row)
        if isinstance(found, str):
            if found or not row.item_ids:
                return found or ("a digest in it is none" if row.bad_digest else "no digest")
            known = named - {""}
            if len(known) != 1:
                return "no digest, and its item ids are of different files" if known else "no item has its item id"
            return self._contents[known.pop()]
        if named - {"", found.sha256}:
            return "its digest and its item id are of different files"
        return found

    def _by_digest(self, row: GradedRow) -> Content | str:
        """As `content_of`, by digests alone; empty text if the row states none."""
        stated = [(number, digest) for number, digest in enumerate(row.digests) if digest]
        if not stated:
            return ""
        strongest, digest = stated[0]
        contents = (
            {digest} & self._contents.keys() if strongest == 0 else self._by_weaker.get((strongest, digest), set())
        )
        if not contents:
            return f"no item has its {_KINDS[strongest].upper()}"
        if len(contents) > 1:
            return f"its {_KINDS[strongest].upper()} is of {len(contents)} different files"
        content = self._contents[next(iter(contents))]
        for number, weaker in stated[1:]:
            if weaker != (content.sha1, content.md5)[number - 1]:
                return f"its {_KINDS[strongest].upper()} and its {_KINDS[number].upper()} are of different files"
        return content


def _listed(tables: Session, item_ids: Iterable[str]) -> dict[str, Said]:
    verdicts = tables.arrow("media_verdicts")
    wanted = pc.and_(pc.is_in(verdicts["item_id"], value_set=item_ids), pc.equal(verdicts["verdict_group"], "known"))
    return {
        row["item_id"]: Said(None, row["series"], row["victim_identified"] or "unknown", None)
        for row in verdicts.filter(wanted).to_pylist()
    }
