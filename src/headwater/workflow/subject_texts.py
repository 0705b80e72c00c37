"""Texts about subjects that the case's database holds: under the keys of those whom they are about."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from headwater.config import CaseSettings
from headwater.custody import KEYS_FOLDER, SubjectKeys
from headwater.errors import ConfigError
from headwater.judgements import Remark
from headwater.schema import canonical_json

__all__ = ["GONE", "case_subject_keys", "is_sealed", "opened_text", "remark_place", "sealed_text"]

GONE = "(erased)"
"""What stands in the place of a text whose key is gone."""
_MARK = "sealed "


def case_subject_keys(case_dir: Path, settings: CaseSettings) -> SubjectKeys:
    """The keys of a case's subjects, wherever its settings put them.

    Raises:
        ConfigError: The settings name a folder that is not there.
    """
    if not settings.subject_keys_folder:
        return SubjectKeys(case_dir / KEYS_FOLDER)
    folder = case_dir / settings.subject_keys_folder
    if not folder.is_dir():
        raise ConfigError(
            f"{folder}: the subjects' keys are not there; put their medium in, or correct 'subject_keys_folder' in "
            "case.toml"
        )
    return SubjectKeys(folder, required=True)


def sealed_text(keys: SubjectKeys, text: str, subjects: Collection[str], place: str) -> str:
    """The text as the database holds it: sealed under the keys of all these subjects; as it is, where there are none.

    Args:
        keys: The case's.
        text: What somebody wrote.
        subjects: Whom it is about.
        place: What the text belongs to; it opens nowhere else.
    """
    if not subjects:
        return text
    return _MARK + canonical_json(keys.sealed(text.encode("utf-8"), subjects, _context(place))).decode("ascii")


def remark_place(remark: Remark) -> str:
    """Where the text of a remark stands, so that it opens with no other."""
    return f"remark on {remark.object_id} at {remark.at_utc}"


def is_sealed(text: str) -> bool:
    """Whether the database holds the text sealed."""
    return text.startswith(_MARK + "{")


def opened_text(keys: SubjectKeys, text: str, place: str) -> str:
    """The text as somebody wrote it, or `GONE`.

    Raises:
        ValueError: It is not what was sealed there.
    """
    if not is_sealed(text):
        return text
    opened = keys.opened(json.loads(text.removeprefix(_MARK)), _context(place))
    return GONE if opened is None else opened.decode("utf-8")


def _context(place: str) -> bytes:
    return b"case.db\n" + place.encode("utf-8")
