"""Claims in Photoshop's image resource blocks and in the IPTC information interchange model inside of them.

References:
    Adobe Photoshop file formats, "Image Resource Blocks": signature, id, padded name, length, padded content; 1028
    holds IPTC-IIM, 1057 the name of the writing program.
    IPTC-IIM 4.2, 1.5 (data sets) and 2:65 Originating Program, 2:70 Program Version.
"""

from __future__ import annotations

from headwater_sealed.claims_found import Claims, decoded
from headwater_sealed.refusal import UnreadableError

__all__ = ["read_iim", "read_photoshop_blocks"]

_MAX_BLOCKS = 1024
_MAX_DATA_SETS = 4096
_IIM, _VERSION = 0x0404, 0x0421
_PROGRAM, _PROGRAM_VERSION = (2, 65), (2, 70)


def read_photoshop_blocks(content: bytes, claims: Claims, place: str, offset_bytes: int) -> None:
    """Takes the claims of a run of image resource blocks."""
    with claims.reading(place, offset_bytes):
        at, count = 0, 0
        while at + 12 <= len(content):
            if content[at : at + 4] not in {b"8BIM", b"MeSa", b"PHUT", b"AgHg", b"DCSR"}:
                raise UnreadableError(f"no resource block at byte {at}")
            count += 1
            if count > _MAX_BLOCKS:
                raise UnreadableError(f"more than {_MAX_BLOCKS} resource blocks")
            number = int.from_bytes(content[at + 4 : at + 6], "big")
            at += 6 + (content[at + 6] + 2 & ~1)
            size = int.from_bytes(content[at : at + 4], "big")
            block = content[at + 4 : at + 4 + size]
            if len(block) != size:
                raise UnreadableError(f"a resource block of {size:,} bytes ends after {len(block):,}")
            if number == _IIM:
                read_iim(block, claims, f"{place} IPTC-IIM", offset_bytes)
            elif number == _VERSION:
                _read_version(block, claims, place, offset_bytes)
            at += 4 + size + (size & 1)
        if content[at:].strip(b"\0"):
            raise UnreadableError(f"no resource block in the last {len(content) - at} bytes")


def _read_version(block: bytes, claims: Claims, place: str, offset_bytes: int) -> None:
    """The writer's name: its length in characters stands behind a number of four bytes and one of one byte."""
    with claims.reading(f"{place} version", offset_bytes):
        letters = int.from_bytes(block[5:9], "big")
        if 9 + 2 * letters > len(block):
            raise UnreadableError(f"a name of {letters:,} letters")
        claims.say(
            "software", block[9 : 9 + 2 * letters].decode("utf-16-be", "replace"), f"{place} version", offset_bytes
        )


def read_iim(content: bytes, claims: Claims, place: str, offset_bytes: int) -> None:
    """Takes the program that the data sets name."""
    with claims.reading(place, offset_bytes):
        program: dict[tuple[int, int], str] = {}
        at, count = 0, 0
        while at + 5 <= len(content) and content[at] == 0x1C:
            count += 1
            if count > _MAX_DATA_SETS:
                raise UnreadableError(f"more than {_MAX_DATA_SETS} data sets")
            name = content[at + 1], content[at + 2]
            size = int.from_bytes(content[at + 3 : at + 5], "big")
            at += 5
            if size & 0x8000:  # an extended one: the length of the length
                width = size & 0x7FFF
                if width > 8:
                    raise UnreadableError(f"a length of {width} bytes")
                size = int.from_bytes(content[at : at + width], "big")
                at += width
            value = content[at : at + size]
            if len(value) != size:
                raise UnreadableError(f"a data set of {size:,} bytes ends after {len(value):,}")
            if name in {_PROGRAM, _PROGRAM_VERSION}:
                program.setdefault(name, decoded(value).strip())
            at += size
        said = " ".join(program[name] for name in (_PROGRAM, _PROGRAM_VERSION) if program.get(name))
        claims.say("software", said, f"{place} 2:65", offset_bytes)
        if at < len(content) and content[at:].strip(b"\0"):
            raise UnreadableError(f"no data set at byte {at}")
