"""Which acts of the custody log go with a package, and which of their words: need to know, applied to a log.

An entry is signed as a whole, so it is given as a whole or not at all. One that names what is not this country's is
proved to be in the log by its leaf alone; a text is withheld by the commitment that its entry holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from headwater.custody import SUBJECT_PREFIXES, Chosen, Entry, RecordedAct, SubjectKeys
from headwater.engine import Session
from headwater.packages.alternatives import Decided
from headwater.packages.guards import redacted
from headwater.packages.own import Own
from headwater.schema import TABLES, table_named

__all__ = ["CustodyChoice"]

_OTHERS: Final = "it names what this package is not about"
_OTHER_RECIPIENT: Final = "it was for another recipient"
_KEYS: Final = "it holds key material or encoded bytes"
_FREE_TEXT: Final = "free text of an act on people, under the key of nobody in this package"
_TEXT_OTHERS: Final = "the text is about others as well"
_TEXT_NAMES: Final = "the text has what may be the name, address or number of others"

_NEUTRAL: Final = re.compile(r"(run|jdg|rmk|key|subject|ers|rct)-[0-9a-f]+|entry-[0-9]+", re.ASCII)
"""Ids of runs, judgements, remarks, erasures and receipts: they stand for nobody."""
_PLAIN_NAMES: Final = frozenset(
    {
        *("parameters", "mapping", "exhibits", "unconfirmed hash lists", "signing_key", "custody_root", "receipt"),
        *("manifest", "approval", "archive", "envelope", "package", "seal.json", "column map", "bytes"),
        *("hub_judgements", "settled_links", "receiver_key", "notice", "sealed"),
    }
)
_STAGE_TABLE: Final = re.compile(r"[a-z_]+\.(?P<table>[a-z_]+)", re.ASCII)
_CASE_GRAPH: Final = re.compile(r"case_(?P<lead>led_[0-9a-z_]+)\.jsonld", re.ASCII)
_PACKAGE_FILE: Final = re.compile(r"[a-z][a-z0-9_]*\.(json|jsonl|csv|txt|ttl|pdf)", re.ASCII)
_RUN_EVENTS: Final = frozenset({"parsed", "matched", "combined"})
_ON_THINGS: Final = _RUN_EVENTS | {"created", "acquired", "mapped", "received"}
"""Acts on exhibits, references and tables: their texts are under nobody's key, as they are meant to be about nobody."""
_IDENTIFIER: Final = re.compile(
    r"\S@\S|\d+\.\d+\.\d+\.\d+|[0-9a-f]{1,4}:[0-9a-f:]*:[0-9a-f]|[0-9a-z]{26,}"
    r"|(?!\d{4}-\d\d-\d\d\b)(?<!\d)\+?\d[\d ()/-]{6,}\d",
    re.IGNORECASE,
)
"""E-mail and network addresses, digests, wallet addresses, telephone numbers."""
_SUBJECT_ID: Final = re.compile(rf"\b(?:{'|'.join(SUBJECT_PREFIXES)})-[0-9a-zA-Z-]+")
_WORD: Final = re.compile(r"[^\s,;:()\[\]\"'<>]+")
_LONGEST_NAME_WORDS: Final = 6
_SHORTEST_NAME: Final = 3  # characters; what is shorter is in every text
_NAMING: Final = ("full_name", "given_name", "surname", "nickname", "email", "phone", "pgp_fingerprint")
_IDS: Final = {"accounts": "account_id", "records": "record_id", "customers": "customer_id"}


class CustodyChoice:
    """Chooses from a log for one package; afterwards `judged` says what it found of each judgement.

    Args:
        tables: The tables of the case.
        own: What is this country's.
        subject_keys: The keys of the case's subjects; None if there are none.
    """

    def __init__(self, tables: Session, own: Own, subject_keys: SubjectKeys | None) -> None:
        self._tables, self._own, self._ids, self._subjects = tables, own, own.ids, own.subjects
        # A proposed candidate alone makes no act one about these leads.
        self._about = own.ids - ({row["right_id"] for row in own.links} - own.named)
        self._keys = _keys_of(own.subjects, subject_keys)
        # Why a candidate was rejected is about the candidate too; a text that names them is withheld all the same.
        self._judged_keys = _keys_of(own.judged, subject_keys)
        self.judged: dict[str, Decided] = {}

    def __call__(self, acts: Sequence[RecordedAct]) -> Mapping[int, Chosen]:
        """The acts that concern the package, and what of each is given."""
        concerned = [act for act in acts if self._concerns(act.entry)]
        texts = {act.entry.seq: _texts(act.entry) for act in concerned}
        naming = self._naming_others([*texts.values(), *(_file_names(act.entry) for act in concerned)])
        withheld = {act.entry.seq: self._entry_withheld(act.entry, naming) for act in concerned}
        chosen = {}
        for act in concerned:
            seq = act.entry.seq
            why = "" if withheld[seq] else self._texts_withheld(act, texts[seq], naming)
            chosen[seq] = Chosen(entry_withheld=withheld[seq], texts_withheld=why)
            if act.entry.event == "judged" and not withheld[seq]:
                readable = not why and act.erased_by is None
                decided = Decided(entry=seq, role=act.entry.role, why=act.entry.justification if readable else None)
                given = (name for name in act.entry.object_ids if name.startswith(("jdg-", "rmk-")))
                # Of a withdrawal the last id is what it withdraws, which another entry recorded.
                self.judged |= {name: decided for name in given if name not in self.judged}
        return chosen

    def without_others(self, texts: Iterable[str]) -> frozenset[str]:
        """Those of the texts in which nothing looks like somebody or something that is not this country's."""
        listed = frozenset(texts)
        naming = self._naming_others(listed)
        return frozenset(text for text in listed if not self._names_others(text, naming) and not redacted(text)[1])

    def _names_others(self, text: str, naming: frozenset[str]) -> bool:
        if _IDENTIFIER.search(_SUBJECT_ID.sub("", text)):
            return True
        return bool(naming & _phrases(text) or set(_SUBJECT_ID.findall(text)) - self._ids)

    def _concerns(self, entry: Entry) -> bool:
        if entry.event in {"created", "mapped"} or (entry.event in _RUN_EVENTS and _is_run(entry)):
            return True
        return not self._about.isdisjoint(entry.object_ids)

    def _entry_withheld(self, entry: Entry, naming: frozenset[str]) -> str:
        named = {name for name in entry.object_ids if not _NEUTRAL.fullmatch(name)}
        names = {*entry.input_digests, *entry.output_digests}
        free = entry.event in {"received", "mapped"} and not naming & _phrases(_file_names(entry))
        if not named <= self._ids or not (free or all(self._is_ours(name) for name in names)):
            return f"{entry.event}: {_OTHERS}"
        country = self._own.country
        ours = entry.recipient.startswith(f"{country}, ") or entry.recipient == f"nobody yet: a draft for {country}"
        if entry.operation == "disclosure" and entry.recipient and not ours:
            return _OTHER_RECIPIENT
        return _KEYS if redacted(_plain(entry))[1] else ""

    def _is_ours(self, name: str) -> bool:
        """Whether the name of a digest says nothing of others."""
        if name in _PLAIN_NAMES or name in _TABLE_NAMES or name.removesuffix(".parquet") in _TABLE_NAMES:
            return True
        if name.startswith("exhibit ") and name.removeprefix("exhibit ") in self._own.exhibits:
            return True
        reference, _, table = name.rpartition(".")
        if reference in self._own.references and table in _TABLE_NAMES:
            return True
        if (found := _STAGE_TABLE.fullmatch(name)) and found["table"] in _TABLE_NAMES:
            return True
        if found := _CASE_GRAPH.fullmatch(name):
            return found["lead"].replace("_", "-") in self._ids
        return _PACKAGE_FILE.fullmatch(name) is not None or name in self._ids

    def _texts_withheld(self, act: RecordedAct, text: str, naming: frozenset[str]) -> str:
        entry = act.entry
        if act.erased_by is not None:
            return ""
        keys = self._judged_keys if entry.event == "judged" else self._keys
        if act.sealed_under and not keys.issuperset(act.sealed_under):
            return _TEXT_OTHERS
        # Why a package was drafted, released or recalled, the other side is told anyway.
        of_package = entry.operation == "disclosure" or entry.event == "recalled"
        if not act.sealed_under and not of_package and entry.event not in _ON_THINGS:
            return _FREE_TEXT
        if self._names_others(text, naming):
            return _TEXT_NAMES
        return _KEYS if redacted(text)[1] else ""

    def _naming_others(self, texts: Iterable[str]) -> frozenset[str]:
        """The phrases of the texts that are the name, address or number of somebody who is not in the package."""
        phrases = pa.array(sorted({phrase for text in texts for phrase in _phrases(text)}), pa.string())
        if not len(phrases):
            return frozenset()
        found: set[str] = set()
        for name, key in _IDS.items():
            columns = [column.name for column in table_named(name).columns if column.name in _NAMING]
            ours = pa.array(sorted(self._subjects), pa.string())
            for part in self._tables.parts(name, [key, *columns]):
                others = part.filter(pc.invert(pc.is_in(part[key], value_set=ours)))
                for column in columns:
                    values = pc.utf8_lower(pc.utf8_trim_whitespace(others[column].cast(pa.string())))
                    found |= set(values.filter(pc.is_in(values, value_set=phrases)).to_pylist())
        return frozenset(found - {None})


_TABLE_NAMES: Final = frozenset(table.name for table in TABLES)


def _keys_of(subjects: Iterable[str], subject_keys: SubjectKeys | None) -> frozenset[str]:
    return frozenset() if subject_keys is None else frozenset(subject_keys.ids_of_all(subjects))


def _is_run(entry: Entry) -> bool:
    return bool(entry.object_ids) and all(name.startswith("run-") for name in entry.object_ids)


def _texts(entry: Entry) -> str:
    return f"{entry.justification or ''}\n{entry.outcome}"


def _file_names(entry: Entry) -> str:
    """Names of files that somebody chose, as words."""
    return re.sub(r"[-_./]", " ", " ".join([*entry.input_digests, *entry.output_digests]))


def _plain(entry: Entry) -> dict[str, Any]:
    """The entry as JSON would hold it, without its texts."""
    told = asdict(entry) | {"justification": "", "outcome": ""}
    return {
        name: value.isoformat() if isinstance(value, datetime) else json.loads(json.dumps(value))
        for name, value in told.items()
    }


def _phrases(text: str) -> frozenset[str]:
    """Every run of up to six words, in small letters, without the signs around them."""
    words = [word.strip(".!?") for word in _WORD.findall(text.lower())]
    runs = (
        " ".join(words[start : start + count])
        for start in range(len(words))
        for count in range(1, _LONGEST_NAME_WORDS + 1)
        if start + count <= len(words)
    )
    return frozenset(run for run in runs if len(run) >= _SHORTEST_NAME)
