"""A case small enough to read: items, hashes, lists and uploads, stated row by row."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from headwater.engine import Exhibit, Session, StageContext
from headwater.schema import table_named

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def flipped(pdq: str, bits: int, *, seed: int = 0) -> str:
    """The hash with so many of its bits changed."""
    value = int(pdq, 16)
    for place in np.random.default_rng(seed).permutation(256)[:bits]:
        value ^= 1 << int(place)
    return f"{value:064x}"


def random_pdq(seed: int) -> str:
    return np.random.default_rng(seed).bytes(32).hex()


class Case:
    """Collects rows of tables, then gives a context over them."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {
            name: []
            for name in (
                "items",
                "media_files",
                "media_hashes",
                "media_transformed_hashes",
                "hash_list_entries",
                "uploads",
                "upload_items",
                "hub_judgements",
            )
        }
        self.session = Session({})
        self.hub_distant_items = 4
        self.parameters: dict[str, object] = {}
        self.exhibits: list[Exhibit] = []

    def item(
        self, name: str, *, content: bytes | None = None, kind: str = "still", exhibit: str = "E1", **values: Any
    ) -> str:
        content = name.encode() if content is None else content
        digests = {each: hashlib.new(each, content).hexdigest() for each in ("md5", "sha1", "sha256")}
        row = {
            "item_id": f"itm-{name}",
            "exhibit_id": exhibit,
            "volume_index": 0,
            "path": name,
            "path_bytes": name.encode(),
            "directory": "",
            "entry_type": "file",
            "size_bytes": len(content),
            "disposition": "catalogued",
            "read_bytes": len(content),
            **digests,
            "content_kind": kind,
            "content_format": "unknown",
            "copies": 1,
            **values,
        }
        self.rows["items"].append(row)
        return str(row["item_id"])

    def media(
        self,
        name: str,
        *hashes: str | tuple[str, int],
        kind: str = "still",
        status: str = "ok",
        reason: str | None = None,
        content: bytes | None = None,
    ) -> str:
        """A still or video with these hashes, of quality 100 unless a pair states another."""
        item_id = self.item(name, content=content, kind=kind)
        pairs = [(each, 100) if isinstance(each, str) else each for each in hashes]
        self.rows["media_files"].append(
            {
                "item_id": item_id,
                "media_kind": kind,
                "status": status,
                "reason": reason,
                "hashing_tier": "still" if kind == "still" else "keyframe",
                "frames_hashed": len(pairs),
                "best_quality": max((quality for _, quality in pairs), default=None),
            }
        )
        for index, (pdq, quality) in enumerate(pairs):
            at_ms = index * 1000 if kind == "video" else None
            self.rows["media_hashes"].append(
                {"item_id": item_id, "frame_index": index, "at_ms": at_ms, "pdq": pdq, "quality": quality}
            )
        return item_id

    def listed(self, entry: str, *, polarity: str = "known-illegal", **values: Any) -> str:
        self.rows["hash_list_entries"].append(
            {
                "entry_id": f"hle-{entry}",
                "reference_name": "list",
                "reference_version": "1",
                "reference_row": len(self.rows["hash_list_entries"]),
                "polarity": polarity,
                "media_kind": "unknown",
                "victim_identified": "unknown",
                "distributed": "unknown",
                "offender_identified": "unknown",
                **values,
            }
        )
        return f"hle-{entry}"

    def upload(self, name: str, item_ids: Sequence[str], *, hours: int, account: str = "acc-1") -> str:
        self.rows["uploads"].append(
            {
                "upload_id": f"upl-{name}",
                "account_id": account,
                "at_utc": START + dt.timedelta(hours=hours),
                "exhibit_id": "E2",
                "source_item_id": "itm-of-the-dump",
                "source_table": "uploads",
                "source_row": len(self.rows["uploads"]),
                "source_offset_bytes": 0,
                "source_length_bytes": 1,
                "mapping_id": "map-1",
            }
        )
        self.rows["upload_items"] += [
            {"upload_id": f"upl-{name}", "item_id": item_id, "resolved_by": "path"} for item_id in item_ids
        ]
        return f"upl-{name}"

    def context(self, *, reverse: bool = False) -> StageContext:
        for name, rows in self.rows.items():
            self.session.put(name, table_named(name).rows(rows[::-1] if reverse else rows))
        return StageContext(
            tables=self.session,
            exhibits=tuple(self.exhibits),
            parameters={"hub_distant_items": self.hub_distant_items, **self.parameters},
        )


@pytest.fixture
def case() -> Iterator[Case]:
    built = Case()
    yield built
    built.session.close()


class HashTools:
    """The functions above, for test modules that cannot import this one."""

    flipped = staticmethod(flipped)
    random = staticmethod(random_pdq)


@pytest.fixture
def pdq() -> HashTools:
    return HashTools()


def by_key(table: pa.Table, key: str) -> Mapping[str, dict[str, Any]]:
    return {row[key]: row for row in table.to_pylist()}


@pytest.fixture
def rows_by():
    return by_key
