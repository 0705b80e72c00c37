"""Two files of invented people, partly the same ones, with households, twins and namesakes; and the truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pa_csv

__all__ = ["CLEAN", "ERROR_MODELS", "ROUGH", "USUAL", "ErrorModel", "TwoFiles", "two_files", "write_two_files"]

I64 = npt.NDArray[np.int64]
Words = npt.NDArray[Any]
_SYLLABLES = [c + v for c in "bdfghjklmnprstvwz" for v in "aeiou"]
_KEYS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorModel:
    """How often a value of a file is not what it should be.

    Attributes:
        typo: An edit in a name or a street.
        moved: The address is an earlier one.
        missing: A value is absent; of dates and telephones, twice as often.
        date_wrong: A date has a wrong digit, day and month exchanged, or the year beside.
        exchanged: Given name and surname stand in each other's place.
        initial: Of a given name, the initial only.
        replaced: A name or a date is another one altogether.
    """

    typo: float
    moved: float
    missing: float
    date_wrong: float
    exchanged: float
    initial: float
    replaced: float


CLEAN = ErrorModel(
    typo=0.01, moved=0.02, missing=0.01, date_wrong=0.003, exchanged=0.001, initial=0.002, replaced=0.001
)
USUAL = ErrorModel(typo=0.05, moved=0.1, missing=0.04, date_wrong=0.015, exchanged=0.005, initial=0.01, replaced=0.003)
ROUGH = ErrorModel(typo=0.12, moved=0.2, missing=0.08, date_wrong=0.04, exchanged=0.02, initial=0.03, replaced=0.01)
ERROR_MODELS = {"clean": CLEAN, "usual": USUAL, "rough": ROUGH}


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoFiles:
    """Two files and the truth.

    Attributes:
        left: Rows, with `id` and a column for each field.
        right: Likewise.
        left_person: For each left row, whose it is.
        right_person: Likewise.
        household: For each person, the household.
    """

    left: pa.Table
    right: pa.Table
    left_person: I64
    right_person: I64
    household: I64

    @property
    def same(self) -> int:
        """Pairs of rows of one person."""
        return int(np.isin(self.right_person, self.left_person).sum())

    def right_links(self, left_ids: list[str], right_ids: list[str]) -> npt.NDArray[np.bool_]:
        """For each link, whether its rows are of one person."""
        left = np.array([int(text[1:]) for text in left_ids], np.int64)
        right = np.array([int(text[1:]) for text in right_ids], np.int64)
        return np.asarray(self.left_person[left] == self.right_person[right])


def two_files(
    rows: int, *, seed: int, shared: float = 0.6, left_errors: ErrorModel = CLEAN, right_errors: ErrorModel = USUAL
) -> TwoFiles:
    """Two files of people.

    Of a hundred households about three have twins, two a parent and a child of one name, and a fifth have the surname
    of relatives in the same town.

    Args:
        rows: Of each file.
        seed: Of everything.
        shared: Share of each file's rows whose person is in the other.
        left_errors: How often a value of the first file is wrong.
        right_errors: Of the second.
    """
    random = np.random.default_rng(seed)
    world = _People(random, int(rows * (2 - shared) * 1.02) + 4)
    everybody = random.permutation(len(world.household))
    both = int(rows * shared)
    left = everybody[:rows]
    right = random.permutation(np.concatenate((random.permutation(left)[:both], everybody[rows : 2 * rows - both])))
    return TwoFiles(
        left=world.file(random, left, "L", left_errors),
        right=world.file(random, right, "R", right_errors),
        left_person=left,
        right_person=right,
        household=world.household,
    )


def write_two_files(made: TwoFiles, folder: Path) -> tuple[Path, Path, Path]:
    """Paths of both files as CSV and of a column map for them."""
    paths = folder / "left.csv", folder / "right.csv", folder / "columns.toml"
    pa_csv.write_csv(made.left, paths[0])
    pa_csv.write_csv(made.right, paths[1])
    paths[2].write_text("".join(f'{name} = "{name}"\n' for name in made.left.column_names), encoding="utf-8")
    return paths


def _words(random: np.random.Generator, count: int, lengths: tuple[int, ...]) -> Words:
    found: dict[str, None] = {}
    while len(found) < count:
        size = int(random.choice(lengths))
        found["".join(_SYLLABLES[k] for k in random.integers(0, len(_SYLLABLES), size))] = None
    return np.array(list(found), object)


def _frequent(random: np.random.Generator, count: int, size: int) -> I64:
    """Numbers of which the first are the most frequent, as names are."""
    weight = 1 / np.arange(1, count + 1) ** 0.9
    return random.choice(count, size, p=weight / weight.sum()).astype(np.int64)


class _People:
    def __init__(self, random: np.random.Generator, count: int) -> None:
        given_names, surnames = min(2000, count // 2 + 20), min(40_000, count + 50)
        self._given_words = _words(random, given_names, (2, 3))
        self._surname_words = _words(random, surnames, (2, 3, 4))
        self._street_words = _words(random, min(15_000, count + 50), (2, 3))
        self._town_words = _words(random, min(2500, count // 10 + 20), (2, 3, 4))
        households = int(count / 2.4) + 1
        self.household = np.sort(random.integers(0, households, count))
        surname = _frequent(random, surnames, households)
        self._town = _frequent(random, len(self._town_words), households)
        kin = np.nonzero(random.random(households) < 0.2)[0]
        of = random.integers(0, households, len(kin))
        surname[kin], self._town[kin] = surname[of], self._town[of]
        self._street = random.integers(0, len(self._street_words), households)
        self._number = random.integers(1, 220, households)
        first = np.r_[True, self.household[1:] != self.household[:-1]]
        self._given = _frequent(random, given_names, count)
        self._surname = np.where(
            random.random(count) < 0.15, _frequent(random, surnames, count), surname[self.household]
        )
        self._birth = random.integers(0, 24_000, count)
        before = np.maximum(np.arange(count) - 1, 0)
        twin = ~first & (random.random(count) < 0.012)
        self._birth[twin], self._surname[twin] = self._birth[before[twin]], self._surname[before[twin]]
        namesake = ~first & ~twin & (random.random(count) < 0.008)
        self._given[namesake], self._surname[namesake] = self._given[before[namesake]], self._surname[before[namesake]]
        own = random.random(count) < 0.5
        self._phone = np.where(own, households + np.arange(count), self.household)
        self._mailbox = random.integers(0, 100, count)

    def file(self, random: np.random.Generator, people: I64, letter: str, errors: ErrorModel) -> pa.Table:
        """Rows of these people, with errors."""
        count = len(people)
        given = self._given_words[self._given[people]]
        surname = self._surname_words[self._surname[people]]
        mail = np.array(
            [f"{g}.{s}{n}@mail.example" for g, s, n in zip(given, surname, self._mailbox[people], strict=True)], object
        )
        given, surname = _typos(random, given, errors.typo), _typos(random, surname, errors.typo)
        given = _replaced(random, given, self._given_words, errors.replaced)
        surname = _replaced(random, surname, self._surname_words, errors.replaced)
        for k in np.nonzero(random.random(count) < errors.initial)[0]:
            given[k] = given[k][:1]
        exchanged = random.random(count) < errors.exchanged
        given, surname = np.where(exchanged, surname, given), np.where(exchanged, given, surname)
        moved = random.random(count) < errors.moved
        home = np.where(moved, random.integers(0, len(self._town), count), self.household[people])
        street = _typos(random, self._street_words[self._street[home]], errors.typo) + " street"
        town = self._town[home]
        born = np.datetime64("1940-01-01") + self._birth[people].astype("timedelta64[D]")
        dates = _dates(random, born.astype(str).astype(object), errors)
        columns = {
            "given_name": _missing(random, given, errors.missing),
            "surname": _missing(random, surname, errors.missing),
            "date_of_birth": _missing(random, dates, 2 * errors.missing),
            "street_number": _missing(random, self._number[home].astype(str).astype(object), errors.missing),
            "address": _missing(random, street, errors.missing),
            "suburb": _missing(random, _typos(random, self._town_words[town], errors.typo), errors.missing),
            "postcode": _missing(random, (10_000 + town * 7 + home % 7).astype(str).astype(object), errors.missing),
            "phone": _missing(
                random, np.array([f"+4930{n:08d}" for n in self._phone[people]], object), 0.3 + 2 * errors.missing
            ),
            "email": _missing(random, mail, 0.5 + 2 * errors.missing),
        }
        ids = pa.array([f"{letter}{n}" for n in range(count)])
        return pa.table({"id": ids, **{name: pa.array(values, pa.string()) for name, values in columns.items()}})


def _missing(random: np.random.Generator, values: Words, share: float) -> Words:
    kept = values.astype(object)
    kept[random.random(len(values)) < share] = None
    return kept


def _replaced(random: np.random.Generator, values: Words, words: Words, share: float) -> Words:
    return np.where(random.random(len(values)) < share, words[random.integers(0, len(words), len(values))], values)


def _typos(random: np.random.Generator, values: Words, share: float) -> Words:
    values = values.copy()
    for k in np.nonzero(random.random(len(values)) < share)[0]:
        text = values[k]
        at, kind, key = int(random.integers(0, len(text))), int(random.integers(0, 4)), _KEYS[random.integers(0, 26)]
        if kind == 0:
            values[k] = text[:at] + text[at + 1 :]
        elif kind == 1:
            values[k] = text[:at] + key + text[at:]
        elif kind == 2:
            values[k] = text[:at] + key + text[at + 1 :]
        else:
            values[k] = text[: max(0, at - 1)] + text[at : at + 1] + text[max(0, at - 1) : at] + text[at + 1 :]
    return values


def _dates(random: np.random.Generator, dates: Words, errors: ErrorModel) -> Words:
    for k in np.nonzero(random.random(len(dates)) < errors.date_wrong)[0]:
        year, month, day = dates[k].split("-")
        kind = int(random.integers(0, 3))
        if kind == 0 and int(day) <= 12:
            dates[k] = f"{year}-{day}-{month}"
        elif kind == 1:
            dates[k] = f"{int(year) + 1}-{month}-{day}"
        else:
            dates[k] = f"{year}-{month}-{(int(day) + int(random.integers(1, 9)) - 1) % 28 + 1:02d}"
    for k in np.nonzero(random.random(len(dates)) < errors.replaced)[0]:
        dates[k] = f"{random.integers(1940, 2005)}-{random.integers(1, 13):02d}-{random.integers(1, 29):02d}"
    return dates
