"""Key material in text: what the private half of a wallet or of a person's keys looks like, found to be withheld.

References:
    BIP 32, extended keys; BIP 38, encrypted keys; BIP 39, words of a seed; age, the format of secret keys; NIP-19.
"""

from __future__ import annotations

import hashlib
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from embit import bip39
from embit.wordlists.bip39 import WORDLIST

__all__ = ["find_key_material", "key_material", "without_keys"]

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_WIF = re.compile(r"(?<![A-Za-z0-9])(?:[5KL9c][1-9A-HJ-NP-Za-km-z]{50,51}|6P[1-9A-HJ-NP-Za-km-z]{56})(?![A-Za-z0-9])")
_EXTENDED = re.compile(r"[xyztuvYZUV]prv[1-9A-HJ-NP-Za-km-z]{30,}")
_AGE_SECRET = re.compile(r"AGE-SECRET-KEY-[A-Z0-9-]*1[A-Z0-9]{20,}|AGE-PLUGIN-[A-Z0-9-]+1[A-Z0-9]{20,}", re.IGNORECASE)
_PEM = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----(?:[^-]*-----END [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----)?"
)
_NOSTR = re.compile(r"nsec1[02-9ac-hj-np-z]{50,}", re.IGNORECASE)
_WORD = re.compile(r"[a-z]+")
_WORDS = frozenset(WORDLIST)
# What is worth a closer look, in one pass over a column; it must find all that the patterns above do.
_SUSPECT = (
    r"[1-9A-HJ-NP-Za-km-z]{51}|prv[1-9A-HJ-NP-Za-km-z]{30}|(?i:age-secret-key-|age-plugin-|nsec1)|PRIVATE KEY"
    r"|(?:[A-Za-z]{3,8}[^A-Za-z]+){11}[A-Za-z]{3,8}"
)
_SHORTEST = 27  # the shortest of them is the head of a key in PEM
_MNEMONIC_LENGTHS = (24, 21, 18, 15, 12)  # source: BIP 39, "Generating the mnemonic"; longest first


def key_material(text: str) -> list[tuple[int, int, str]]:
    """Where in the text key material begins and ends, and of what kind; sorted, without overlaps.

    A private key written as plain hexadecimal digits looks like any digest and cannot be told from one.
    """
    found = [(m.start(), m.end(), "an extended private key") for m in _EXTENDED.finditer(text)]
    found += [(m.start(), m.end(), "an age secret key") for m in _AGE_SECRET.finditer(text)]
    found += [(m.start(), m.end(), "a private key in PEM") for m in _PEM.finditer(text)]
    found += [(m.start(), m.end(), "a Nostr secret key") for m in _NOSTR.finditer(text)]
    found += [(m.start(), m.end(), "a Bitcoin private key") for m in _WIF.finditer(text) if _checksum_holds(m.group())]
    found += _mnemonics(text)
    apart: list[tuple[int, int, str]] = []
    for start, end, kind in sorted(found):
        if apart and start < apart[-1][1]:
            apart[-1] = (apart[-1][0], max(end, apart[-1][1]), apart[-1][2])
        else:
            apart.append((start, end, kind))
    return apart


def find_key_material(content: bytes) -> list[tuple[int, int, str]]:
    """Where in any bytes key material in text begins and ends, and of what kind; each byte is taken for a character."""
    return key_material(content.decode("latin-1"))


def without_keys(texts: pa.Array) -> tuple[pa.Array, dict[int, str]]:
    """The texts with null in place of each that holds key material, and for each of those its place and the kind.

    Args:
        texts: Text, null for none.
    """
    long = pc.greater_equal(pc.utf8_length(texts), _SHORTEST)
    if not pc.any(long).as_py():
        return texts, {}
    closer = pc.fill_null(pc.and_(long, pc.match_substring_regex(texts, _SUSPECT)), fill_value=False)
    found: dict[int, str] = {}
    for place in np.flatnonzero(closer.to_numpy(zero_copy_only=False)).tolist():
        kinds = key_material(texts[place].as_py())
        if kinds:
            found[place] = kinds[0][2]
    if not found:
        return texts, {}
    held = np.zeros(len(texts), bool)
    held[list(found)] = True
    return pc.if_else(pa.array(held), None, texts), found


def _checksum_holds(text: str) -> bool:
    number = 0
    for character in text:
        number = number * 58 + _BASE58.index(character)
    content = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return hashlib.sha256(hashlib.sha256(content[:-4]).digest()).digest()[:4] == content[-4:]


def _mnemonics(text: str) -> list[tuple[int, int, str]]:
    """Runs of listed words that carry a valid checksum."""
    if " " not in text:
        return []
    runs: list[list[re.Match[str]]] = [[]]
    for word in _WORD.finditer(text.lower()):
        previous = runs[-1][-1] if runs[-1] else None
        apart = previous is not None and len(text[previous.end() : word.start()].strip(" \t\r\n,;.:|0123456789")) > 0
        if word.group() not in _WORDS or apart:
            runs.append([])
        if word.group() in _WORDS:
            runs[-1].append(word)
    return [place for run in runs for place in _valid_phrases(run)]


def _valid_phrases(run: list[re.Match[str]]) -> list[tuple[int, int, str]]:
    places: list[tuple[int, int, str]] = []
    first = 0
    while first <= len(run) - _MNEMONIC_LENGTHS[-1]:
        for length in _MNEMONIC_LENGTHS:
            words = run[first : first + length]
            if len(words) == length and bip39.mnemonic_is_valid(" ".join(word.group() for word in words)):
                places.append((words[0].start(), words[-1].end(), "the words of a wallet's seed"))
                first += length
                break
        else:
            first += 1
    return places
