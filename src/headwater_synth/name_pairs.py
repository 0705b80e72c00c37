"""Labelled pairs of names of invented people: one person's in two spellings, and two people's that look alike."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

import yaml

__all__ = ["HALVES", "NamePair", "name_pairs"]

HALVES: Final = ("tuning", "held_out")
_SURNAME_FIRST: Final = frozenset(("chinese", "japanese", "korean", "vietnamese"))
_TOGETHER: Final = frozenset(("chinese", "japanese", "korean"))
_READ_FOR: Final = {"o": "0", "l": "1", "i": "1", "s": "5", "b": "8", "e": "3"}
_READ_PAIRS: Final = (("m", "rn"), ("rn", "m"), ("d", "cl"), ("cl", "d"), ("w", "vv"), ("h", "li"))
_TITLES: Final = ("Dr.", "Mr", "Prof.", "Ing.", "Mrs.", "Herr", "Mme")
_NO_NAMES: Final = ("unknown", "n/a", "-", "???", "N.N.", "не указано", "unbekannt", "", "...", "null")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamePair:
    """Two names, and whether they are one person's.

    Attributes:
        left: As one register has it.
        right: As another has it.
        same: Whether it is one person.
        kind: What was done to them.
        origin: The country whose names they are.
    """

    left: str
    right: str
    same: bool
    kind: str
    origin: str


@dataclass(frozen=True, slots=True)
class _Form:
    gender: str
    native: str
    latin: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Origin:
    name: str
    given: tuple[_Form, ...]
    surnames: tuple[_Form, ...]
    short: Mapping[str, tuple[str, str]]
    patronymics: tuple[str, ...]


@functools.cache
def _stored() -> Mapping[str, Any]:
    text = resources.files("headwater_synth").joinpath("data", "name_forms.yaml").read_text(encoding="utf-8")
    stored: Mapping[str, Any] = yaml.safe_load(text)
    return stored


def _form(line: str) -> _Form:
    gender, native, *latin = (word.replace("_", " ") for word in line.split(" "))
    return _Form(gender, native, tuple(latin) or (native,))


@functools.cache
def _origins(half: str) -> tuple[_Origin, ...]:
    start = HALVES.index(half)
    found = []
    for name, spec in _stored().items():
        if name in {"near", "near_surnames"}:
            continue
        short = {
            long: (native, latin)
            for long, native, latin in (entry.split(":") for entry in str(spec.get("short", "")).split())
        }
        found.append(
            _Origin(
                name,
                tuple(_form(line) for line in spec["given"][start::2]),
                tuple(_form(line) for line in spec["surnames"][start::2]),
                short,
                tuple(str(spec.get("patronymics", "")).split()),
            )
        )
    return tuple(found)


@functools.cache
def _near(half: str) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    start = HALVES.index(half)
    given, surnames = (
        tuple((a, b) for a, b in (pair.split(":") for pair in str(_stored()[key]).split()))[start::2]
        for key in ("near", "near_surnames")
    )
    return given, surnames


@dataclass(frozen=True, slots=True)
class _Person:
    origin: _Origin
    given: _Form
    surname: _Form

    def written(self, given: str, surname: str, middle: str = "", *, native: bool = False) -> str:
        """The name in the order and spacing of the register."""
        if self.origin.name in _TOGETHER and native:
            return surname + given
        parts = (surname, middle, given) if self.origin.name in _SURNAME_FIRST else (given, middle, surname)
        return " ".join(part for part in parts if part)

    @property
    def native(self) -> str:
        """In the own writing."""
        return self.written(self.given.native, self.surname.native, native=True)

    def latin(self, rng: random.Random) -> str:
        """In Latin letters, in one of the spellings in use."""
        return self.written(rng.choice(self.given.latin), rng.choice(self.surname.latin))


def _person(rng: random.Random, origin: _Origin) -> _Person:
    return _Person(origin, rng.choice(origin.given), rng.choice(origin.surnames))


def _mistyped(rng: random.Random, word: str) -> str:
    """One slip of the pen, not in the first letter."""
    if len(word) < 5:
        return word + word[-1]
    at = rng.randrange(1, len(word) - 1)
    kind = rng.randrange(4)
    if kind == 0:
        return word[:at] + word[at + 1 :]
    if kind == 1:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == 2:
        return word[:at] + word[at] + word[at:]
    return word[:at] + rng.choice("aeinrstlok") + word[at + 1 :]


def _misread(rng: random.Random, word: str) -> str:
    """As a machine reads a bad copy."""
    places = [(a, b) for a, b in _READ_PAIRS if a in word[1:]]
    letters = [n for n, letter in enumerate(word) if n and letter in _READ_FOR]
    if letters and (not places or rng.random() < 0.6):
        at = rng.choice(letters)
        return word[:at] + _READ_FOR[word[at]] + word[at + 1 :]
    if places:
        a, b = rng.choice(places)
        return word[0] + word[1:].replace(a, b, 1)
    return word


_Made = tuple[str, str] | None


def _native_and_latin(rng: random.Random, p: _Person) -> _Made:
    return p.native, p.latin(rng)


def _two_spellings(rng: random.Random, p: _Person) -> _Made:
    return p.latin(rng), p.latin(rng)


def _turned(rng: random.Random, p: _Person) -> _Made:
    given, surname = rng.choice(p.given.latin), rng.choice(p.surname.latin)
    comma = rng.choice((",", ""))
    return p.latin(rng), f"{surname.upper() if rng.random() < 0.5 else surname}{comma} {given}"


def _short(rng: random.Random, p: _Person) -> _Made:
    if p.given.native not in p.origin.short:
        return None
    native, latin = p.origin.short[p.given.native]
    if rng.random() < 0.3 and native != latin:
        return p.written(native, p.surname.native), p.latin(rng)
    return p.written(latin, rng.choice(p.surname.latin)), p.latin(rng)


def _initial(rng: random.Random, p: _Person) -> _Made:
    given = rng.choice(p.given.latin)
    return f"{given[0]}. {p.surname.latin[0]}", p.written(given, p.surname.latin[0])


def _slip(rng: random.Random, p: _Person) -> _Made:
    given, surname = rng.choice(p.given.latin), rng.choice(p.surname.latin)
    if rng.random() < 0.5:
        return p.written(given, surname), p.written(_mistyped(rng, given), surname)
    return p.written(given, surname), p.written(given, _mistyped(rng, surname))


def _bad_copy(rng: random.Random, p: _Person) -> _Made:
    given, surname = rng.choice(p.given.latin), rng.choice(p.surname.latin)
    return p.written(given, surname), p.written(_misread(rng, given), _misread(rng, surname))


def _titled(rng: random.Random, p: _Person) -> _Made:
    return p.latin(rng), f"{rng.choice(_TITLES)} {p.latin(rng)}"


def _middle_left_out(rng: random.Random, p: _Person) -> _Made:
    if p.origin.name in _TOGETHER:
        return None
    middle = rng.choice(p.origin.patronymics or ("A.", rng.choice(p.origin.given).latin[0]))
    return p.written(p.given.latin[0], p.surname.latin[0], middle), p.latin(rng)


def _two_surnames(rng: random.Random, p: _Person) -> _Made:
    other = rng.choice(p.origin.surnames).latin[0]
    if p.origin.name not in {"spanish", "german", "polish", "french", "english"} or other == p.surname.latin[0]:
        return None
    first = p.surname.latin[0]
    both = f"{first} {other}" if p.origin.name == "spanish" else f"{first}-{other}"
    return p.written(p.given.latin[0], both), p.latin(rng)


def _woman(rng: random.Random, p: _Person) -> _Made:
    form = p.surname.latin[0]
    if p.surname.gender != "m" or p.given.gender != "f":
        return None
    for man, woman in (("skiy", "skaya"), ("sky", "skaya"), ("ski", "ska"), ("cki", "cka"), ("ki", "ka"), ("v", "va")):
        if form.endswith(man):
            changed = form[: -len(man)] + woman
            return p.written(p.given.latin[0], form), p.written(rng.choice(p.given.latin), changed)
    return None


def _joined(rng: random.Random, p: _Person) -> _Made:
    given, surname = rng.choice(p.given.latin), rng.choice(p.surname.latin)
    spaced = given.replace("-", " ") if "-" in given else None
    return (p.written(given, surname), p.written(spaced, surname)) if spaced else None


_SAME: Final[Mapping[str, Callable[[random.Random, _Person], _Made]]] = {
    "native_and_latin": _native_and_latin, "two_spellings": _two_spellings, "turned": _turned, "short_form": _short,
    "initial": _initial, "slip": _slip, "bad_copy": _bad_copy, "titled": _titled, "middle_left_out": _middle_left_out,
    "two_surnames": _two_surnames, "woman": _woman, "joined": _joined,
}  # fmt: skip


def _other_given(rng: random.Random, p: _Person, other: _Person) -> _Made:
    if other.given is p.given:
        return None
    right = _Person(p.origin, other.given, p.surname)
    return _written(rng, p), _written(rng, right)


def _other_surname(rng: random.Random, p: _Person, other: _Person) -> _Made:
    if other.surname is p.surname:
        return None
    return _written(rng, p), _written(rng, _Person(p.origin, p.given, other.surname))


def _written(rng: random.Random, p: _Person) -> str:
    return p.native if rng.random() < 0.35 else p.latin(rng)


def _father(rng: random.Random, p: _Person, other: _Person) -> _Made:
    if other.given is p.given or p.origin.name not in {"russian", "arabic", "english"}:
        return None
    first, second, surname = p.given.latin[0], other.given.latin[0], p.surname.latin[0]
    if p.origin.name == "arabic":
        return f"{first} bin {second} {surname}", f"{second} {surname}"
    if p.origin.name == "english":
        return f"{first} {surname} Sr.", f"{first} {surname} Jr."
    fathers = rng.sample(p.origin.patronymics, 2)
    return f"{first} {fathers[0]} {surname}", f"{first} {fathers[1]} {surname}"


def _other_initial(rng: random.Random, p: _Person, other: _Person) -> _Made:
    given, initial = p.given.latin[0], other.given.latin[0][0]
    if (
        initial in {form[0] for form in p.given.latin}
        or p.origin.name in _TOGETHER
        or {initial, given[0]} <= set("YJI")
    ):
        return None
    return f"{initial}. {p.surname.latin[0]}", p.written(given, rng.choice(p.surname.latin))


_DIFFERENT: Final[Mapping[str, Callable[[random.Random, _Person, _Person], _Made]]] = {
    "other_given_name": _other_given, "other_surname": _other_surname, "father_and_son": _father,
    "other_initial": _other_initial,
}  # fmt: skip


def _near_names(rng: random.Random, half: str) -> NamePair:
    given, surnames = _near(half)
    if rng.random() < 0.6:
        a, b = rng.choice(given)
        surname = rng.choice(rng.choice(surnames))
        left, right = f"{a} {surname}", f"{b} {surname}"
    else:
        a, b = rng.choice(surnames)
        first = rng.choice(rng.choice(given))
        left, right = f"{first} {a}", f"{first} {b}"
    return NamePair(left=left, right=right, same=False, kind="near", origin="mixed")


def name_pairs(seed: int, half: str, count: int) -> list[NamePair]:
    """Pairs, half of them one person's; the same arguments give the same pairs.

    Args:
        seed: Which draw.
        half: One of `HALVES`: whose names are drawn from. No name is in both.
        count: How many.
    """
    rng = random.Random(f"{seed}-{half}")
    origins = _origins(half)
    found: list[NamePair] = []
    kinds: Sequence[str] = (*_SAME, *("native_and_latin",) * 5, *("two_spellings",) * 2)
    others: Sequence[str] = (*_DIFFERENT, "other_given_name", "other_given_name", "near", "near", "no_name")
    while len(found) < count:
        p = _person(rng, rng.choice(origins))
        if len(found) % 2 == 0:
            kind = rng.choice(kinds)
            made = _SAME[kind](rng, p)
        else:
            kind = rng.choice(others)
            if kind == "near":
                found.append(_near_names(rng, half))
                continue
            if kind == "no_name":
                if rng.random() < 0.3:
                    nothing = rng.choice(_NO_NAMES)
                    found.append(NamePair(left=nothing, right=nothing, same=False, kind=kind, origin="mixed"))
                continue
            made = _DIFFERENT[kind](rng, p, _person(rng, p.origin))
        if made is not None and made[0] != made[1]:
            found.append(
                NamePair(left=made[0], right=made[1], same=len(found) % 2 == 0, kind=kind, origin=p.origin.name)
            )
    return found
