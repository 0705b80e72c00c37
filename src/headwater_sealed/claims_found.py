"""What a file says of who or what made it, as rows: short texts, each with the field that says it, never a verdict.

A claim is worth what its writer is worth: anybody can write any of it, and most files that pass through a platform have
lost theirs. What could not be read is a row too, so that it never looks like nothing found.
"""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from headwater_sealed.claims_generators import LOOKED_AT_CHARACTERS, generator_of
from headwater_sealed.refusal import UnreadableError, refusing

__all__ = [
    "MAX_CLAIMS",
    "MAX_PIECE_BYTES",
    "MAX_TEXT_CHARACTERS",
    "MAX_WORK_BYTES",
    "SUMMARY",
    "UNREADABLE",
    "Budget",
    "Claim",
    "Claims",
    "Source",
    "decoded",
    "short_text",
    "source_type_says",
]

MAX_TEXT_CHARACTERS = 256
"""Longest text kept: a program, camera or vocabulary term is shorter, and what is longer is something else."""

MAX_CLAIMS = 200
"""Most claims of one content; honest files have a few dozen."""

MAX_PIECE_BYTES = 16 << 20
"""Longest segment, chunk or box that is read: a manifest store with thumbnails has some megabytes."""

MAX_WORK_BYTES = 96 << 20
"""Most bytes looked at of one content, whatever it repeats, nests or refers to; a small step counts as 64."""

SUMMARY, UNREADABLE = "summary", "unreadable"
_STEP_BYTES = 64
_LOOKS = 8  # patterns that a text is searched for

# IPTC NewsCodes, scheme digitalsourcetype, and the terms that C2PA adds (C2PA specification, "Digital source
# type"). Only these speak for or against a generator; every other term of the scheme leaves the question open.
_SAYS = {
    "trainedAlgorithmicMedia": "yes",
    "compositeWithTrainedAlgorithmicMedia": "yes",
    "algorithmicMedia": "yes",
    "trainedAlgorithmicData": "yes",
    "digitalCapture": "no",
}
_SCHEMES = ("cv.iptc.org/newscodes/digitalsourcetype/", "c2pa.org/digitalsourcetype/", "digsrctype:")


def source_type_says(text: str) -> str:
    """yes, no or unknown: whether a digital source type states a generator.

    A term of another scheme, or one that is not known here, says nothing.
    """
    plain = text.strip().rstrip("/").removeprefix("https://").removeprefix("http://")
    for scheme in _SCHEMES:
        plain = plain.removeprefix(scheme)
    return _SAYS.get(plain, "unknown")


def decoded(raw: bytes) -> str:
    """The bytes as text: UTF-8, or else one character a byte; up to the first NUL."""
    raw = raw.split(b"\0", 1)[0]
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def short_text(text: str) -> str:
    """The text in one line, without control or direction characters, of at most `MAX_TEXT_CHARACTERS`."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text[: 8 * MAX_TEXT_CHARACTERS])
    return " ".join(printable.split())[:MAX_TEXT_CHARACTERS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One statement of a file about its making.

    Attributes:
        claim_kind: c2pa-manifest, digital-source-type, creator-tool, software, camera, generator-chunk, encoder,
            handler, brand, comment; unreadable for a field that could not be read.
        claim: What it says, shortened; None where only its being there is kept.
        claimed_by: The field of the container that says so.
        offset_bytes: Where the segment, chunk or box of that field begins in the file.
        claims_synthetic: yes, no or unknown: whether this says that a generator made or edited the file.
        signature_checked: `no` for what a C2PA manifest says; None elsewhere, where there is nothing to check.
        reason: Why it could not be read.
        note: What else there is to say.
    """

    claim_kind: str
    claim: str | None
    claimed_by: str
    offset_bytes: int
    claims_synthetic: str = "unknown"
    signature_checked: str | None = None
    reason: str | None = None
    note: str | None = None


class Budget:
    """How much may still be looked at of one content."""

    def __init__(self) -> None:
        self._left_bytes = MAX_WORK_BYTES

    def spend(self, count: int = 0) -> None:
        """Counts a step over so many bytes.

        Raises:
            UnreadableError: It is one step too many.
        """
        self._left_bytes -= max(count, _STEP_BYTES)
        if self._left_bytes < 0:
            raise UnreadableError(f"more than {MAX_WORK_BYTES >> 20} MiB of metadata")


class Claims:
    """Collects the claims of one content, each once, in the order in which they were found.

    Attributes:
        capped: Whether some were left out because there are too many.
        budget: What all reading of this content shares.
    """

    def __init__(self) -> None:
        self.budget = Budget()
        self._says: set[str] = set()
        self._found: dict[tuple[str, str | None, str, str | None], Claim] = {}
        self.capped = False

    def add(self, claim: Claim) -> None:
        """Takes a claim; one that says the same in the same field is there already."""
        key = claim.claim_kind, claim.claim, claim.claimed_by, claim.reason
        if key in self._found:
            return
        self._says.add(claim.claims_synthetic)
        if len(self._found) >= MAX_CLAIMS:
            self.capped = True
            return
        self._found[key] = claim

    def say(
        self, claim_kind: str, text: str, claimed_by: str, offset_bytes: int, *, signature_checked: str | None = None
    ) -> None:
        """Takes a text of the file.

        Where it holds a generator's parameters, which some programs write into fields meant for a camera or a program,
        the generator is kept and the text is not.
        """
        if self.generated(text, claimed_by, offset_bytes):
            return
        said = short_text(text)
        if said:
            cut = f"first {len(said)} of {len(text)} characters" if len(text.strip()) > MAX_TEXT_CHARACTERS else None
            self.add(
                Claim(
                    claim_kind=claim_kind,
                    claim=said,
                    claimed_by=short_text(claimed_by),
                    offset_bytes=offset_bytes,
                    signature_checked=signature_checked,
                    note=cut,
                )
            )

    def generated(self, text: str, claimed_by: str, offset_bytes: int, *, keyword: str = "") -> bool:
        """Whether the text holds a generator's parameters; if so, which generator's and how long, not what they say.

        Args:
            text: Of the file.
            claimed_by: The field.
            offset_bytes: Where it stands.
            keyword: What the container calls the text.
        """
        self.budget.spend(_LOOKS * min(len(text), LOOKED_AT_CHARACTERS))
        seen = generator_of(text, keyword)
        if seen is None:
            return False
        self.add(
            Claim(
                claim_kind="generator-chunk",
                claim=short_text(seen.name),
                claimed_by=short_text(claimed_by),
                offset_bytes=offset_bytes,
                claims_synthetic=seen.claims_synthetic,
                note=f"{seen.form}; {len(text)} characters, not kept",
            )
        )
        return True

    def source_type(
        self,
        text: str,
        claimed_by: str,
        offset_bytes: int,
        *,
        signature_checked: str | None = None,
        of_part: bool = False,
    ) -> None:
        """Takes a digital source type; what a part was captured by does not speak for the whole (`of_part`)."""
        said = short_text(text)
        if not said:
            return
        says = source_type_says(text)
        self.add(
            Claim(
                claim_kind="digital-source-type",
                claim=said,
                claimed_by=short_text(claimed_by),
                offset_bytes=offset_bytes,
                claims_synthetic="unknown" if of_part and says == "no" else says,
                signature_checked=signature_checked,
                note="of an ingredient" if of_part else None,
            )
        )

    def unreadable(self, claimed_by: str, offset_bytes: int, reason: str) -> None:
        """Takes the reason why a field could not be read."""
        self.add(
            Claim(
                claim_kind=UNREADABLE,
                claim=None,
                claimed_by=short_text(claimed_by),
                offset_bytes=offset_bytes,
                reason=short_text(reason),
            )
        )

    @contextmanager
    def reading(self, claimed_by: str, offset_bytes: int) -> Iterator[None]:
        """A block that reads one field: whatever goes wrong in it becomes a row, and the fields behind go on."""
        try:
            with refusing("damaged"):
                yield
        except UnreadableError as error:
            self.unreadable(claimed_by, offset_bytes, error.reason)

    @property
    def found(self) -> tuple[Claim, ...]:
        """All of them, in a fixed order."""
        return tuple(
            sorted(
                self._found.values(),
                key=lambda one: (one.offset_bytes, one.claimed_by, one.claim_kind, one.claim or "", one.reason or ""),
            )
        )

    def summary(self, container: str) -> Claim:
        """The row of the whole file: what its claims come to, and how far it could be read."""
        found = self.found
        says = self._says
        counts = Counter(one.claim_kind for one in found)
        failed = counts.pop(UNREADABLE, 0)
        nothing = "no claim in what could be read" if failed else "no claim found"
        notes = [", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())) or nothing]
        if {"yes", "no"} <= says:
            notes.append("its claims contradict each other")
        reasons = [f"could not read: {failed} of its fields"] if failed else []
        if self.capped:
            reasons.append(f"more than {MAX_CLAIMS} claims")
        return Claim(
            claim_kind=SUMMARY,
            claim=None,
            claimed_by=container,
            offset_bytes=0,
            claims_synthetic=next((word for word in ("yes", "no") if word in says), "unknown"),
            reason="; ".join(reasons) or None,
            note="; ".join(notes),
        )


class Source:
    """Bytes of one content, read where they are asked for.

    Args:
        file: The content, or a part of it that is in memory.
        budget: What all reading of the content shares.
    """

    def __init__(self, file: BinaryIO, budget: Budget) -> None:
        self._file = file
        self._budget = budget
        self.size_bytes = file.seek(0, os.SEEK_END)

    @classmethod
    def of(cls, content: bytes, claims: Claims) -> Source:
        """Bytes that are in memory already."""
        return cls(io.BytesIO(content), claims.budget)

    def at(self, offset_bytes: int, count: int) -> bytes:
        """Exactly so many bytes from there.

        Raises:
            UnreadableError: The content ends before, or too much was asked for.
        """
        if count > MAX_PIECE_BYTES:
            raise UnreadableError(f"{count:,} bytes in one piece")
        if offset_bytes < 0 or offset_bytes + count > self.size_bytes:
            raise UnreadableError(f"ends at byte {self.size_bytes:,}, before byte {offset_bytes + count:,}")
        self._budget.spend(count)
        self._file.seek(offset_bytes)
        read = self._file.read(count)
        if len(read) != count:
            raise UnreadableError(f"{len(read)} of {count} bytes at {offset_bytes:,} could be read")
        return read
