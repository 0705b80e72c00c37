"""Which countries a lead concerns: each piece of evidence with its weight, and the country that is proposed to lead."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headwater.engine import Session
from headwater.errors import ConfigError
from headwater.leads.acts import DeclaredColumns
from headwater.leads.by_place import NOWHERE, Numbers, RowsByPlace, places_of
from headwater.leads.dated_acts import DatedActs, NotedActs
from headwater.leads.evidence import BY_DATABASE, BY_LIST, EVIDENCE_TABLES, Evidence

__all__ = [
    "JurisdictionRules",
    "PointsOfEvidence",
    "Proposed",
    "concerned",
    "pieces_of_evidence",
    "proposed",
    "read_jurisdiction",
]

_MOST_PERCENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsOfEvidence:
    """How much a kind of evidence counts.

    Attributes:
        name: The kind.
        points: What is divided among the countries that it names.
        because: What it shows, in words.
        source: Where that is from, and what it does not show.
    """

    name: str
    points: int
    because: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JurisdictionRules:
    """The file of points.

    Attributes:
        version: As the file states it; printed with every lead.
        shared_percent: From which share of all weight on another country shares the lead.
        evidence: The kinds, in the order of the file.
    """

    version: str
    shared_percent: int
    evidence: tuple[PointsOfEvidence, ...]


def read_jurisdiction(path: Path | None = None) -> JurisdictionRules:
    """The points in a file; without one, those that come with headwater.

    Raises:
        ConfigError: It is malformed, or its kinds are not those that there are.
    """
    path = path or Path(__file__).with_name("jurisdiction.toml")
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        evidence = tuple(PointsOfEvidence(**spec) for spec in document["evidence"])
        rules = JurisdictionRules(
            version=str(document["version"]), shared_percent=document["shared_percent"], evidence=evidence
        )
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: not a file of points for jurisdiction ({error!r}); restore it") from error
    if sorted(kind.name for kind in evidence) != sorted((BY_LIST, BY_DATABASE, *EVIDENCE_TABLES)):
        known = ", ".join((BY_LIST, BY_DATABASE, *EVIDENCE_TABLES))
        raise ConfigError(f"{path}: each kind of evidence has its points once; the kinds are {known}")
    if any(type(kind.points) is not int or kind.points < 1 for kind in evidence):
        raise ConfigError(f"{path}: points are whole numbers from 1")
    if type(rules.shared_percent) is not int or not 1 <= rules.shared_percent <= _MOST_PERCENT:
        raise ConfigError(f"{path}: shared_percent is a whole number from 1 to {_MOST_PERCENT}")
    return rules


def pieces_of_evidence(
    tables: Session, acts: DatedActs, accounts: pa.Array, place_of_account: Numbers, rules: JurisdictionRules
) -> RowsByPlace:
    """For each lead the pieces of evidence for its countries.

    Args:
        tables: What the kinds of evidence declare.
        acts: With the addresses they came from.
        accounts: The accounts that count.
        place_of_account: For each the place of its lead; -1 where it has none.
        rules: What counts how much.
    """
    found = [_no_piece(), *_by_networks(acts, place_of_account)]
    for name, evidence in EVIDENCE_TABLES.items():
        stated = evidence.rows(DeclaredColumns(tables, name, evidence))
        counted = stated.filter(stated.stated.notnull()).group_by(["account_id", "stated"])
        rows = tables.result(
            counted.aggregate(observed=ibis._.count().cast("int64"), example_id=ibis._.example_id.min()),
            order_by=["account_id", "stated"],
        )
        found.append(_by_country(rows, name, evidence, accounts, place_of_account))
    pieces = pa.concat_tables(found)
    places = pieces["place"].to_numpy()
    weight = _weights(places, pieces, rules)
    return RowsByPlace(places, pieces.drop_columns("place").append_column("weight", pa.array(weight)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """What follows for one lead.

    Attributes:
        pieces: Every piece with its weight, those of the heaviest country first.
        lead_country: The country that is proposed to lead; None without evidence.
        margin: By how much it is heavier than the next; 0 if they are even. None without evidence.
        shared_with: The other countries that are proposed to share it, the heaviest first.
    """

    pieces: tuple[Mapping[str, Any], ...]
    lead_country: str | None
    margin: int | None
    shared_with: tuple[str, ...]


def proposed(pieces: Sequence[Mapping[str, Any]], rules: JurisdictionRules) -> Proposed:
    """The countries of a lead in order: by weight, then by how many kinds of evidence name them, then by their code.

    Args:
        pieces: Its evidence.
        rules: From which share on a country shares it.
    """
    weights: dict[str, int] = defaultdict(int)
    kinds: dict[str, int] = defaultdict(int)
    for piece in pieces:
        weights[piece["country"]] += piece["weight"]
        kinds[piece["country"]] += 1
    order = sorted(weights, key=lambda country: (-weights[country], -kinds[country], country))
    if not order:
        return Proposed(pieces=(), lead_country=None, margin=None, shared_with=())
    least = rules.shared_percent * sum(weights.values())
    place = {country: number for number, country in enumerate(order)}
    return Proposed(
        pieces=tuple(sorted(pieces, key=lambda p: (place[p["country"]], -p["weight"], p["evidence"]))),
        lead_country=order[0],
        margin=weights[order[0]] - (weights[order[1]] if len(order) > 1 else 0),
        shared_with=tuple(country for country in order[1:] if _MOST_PERCENT * weights[country] >= least),
    )


def concerned(lead: Mapping[str, Any]) -> tuple[str, ...]:
    """The countries that a lead goes to: the one that is proposed to lead, and those that are proposed to share it."""
    return () if lead["lead_country"] is None else (lead["lead_country"], *lead["shared_with"])


def _no_piece() -> pa.Table:
    return _pieces([], "", [], [], [], [])


def _pieces(
    places: Sequence[int] | Numbers,
    evidence: str,
    countries: Sequence[str],
    observed: Sequence[int] | Numbers,
    example_tables: Sequence[str],
    example_ids: Sequence[str] | pa.Array,
) -> pa.Table:
    return pa.table(
        {
            "place": pa.array(places, pa.int64()),
            "country": pa.array(countries, pa.string()),
            "evidence": pa.repeat(evidence, len(places)).cast(pa.string()),
            "observed": pa.array(observed, pa.int64()),
            "table": pa.array(example_tables, pa.string()),
            "example_id": pa.array(example_ids, pa.string()),
        }
    )


def _by_country(
    rows: pa.Table,
    name: str,
    evidence: Evidence,
    accounts: pa.Array,
    place_of_account: Numbers,
) -> pa.Table:
    """Pieces of what was stated, put together where several of an account state one country."""
    account = places_of(rows["account_id"], accounts)
    places = np.where(account == NOWHERE, NOWHERE, place_of_account[account]) if len(account) else account
    rows = rows.append_column("place", pa.array(places)).filter(pa.array(places != NOWHERE))
    stated = rows["stated"].combine_chunks().dictionary_encode()
    countries = pa.array([evidence.country_of(value) for value in stated.dictionary.to_pylist()], pa.string())
    rows = rows.append_column("country", countries.take(stated.indices))
    rows = rows.filter(rows["country"].is_valid())
    grouped = rows.group_by(["place", "country"], use_threads=False)
    grouped = grouped.aggregate([("observed", "sum"), ("example_id", "min")])
    return _pieces(
        grouped["place"].to_pylist(),
        name,
        grouped["country"].to_pylist(),
        grouped["observed_sum"].to_pylist(),
        [evidence.table] * len(grouped),
        grouped["example_id_min"].to_pylist(),
    )


def _by_networks(acts: DatedActs, place_of_account: Numbers) -> Iterator[pa.Table]:
    """Pieces of the addresses that logins and uploads came from, unless something flags them.

    What a database says is a piece of its own where no list says the same of that address: else one statement of where
    a range is would count twice.
    """
    looked_up = acts.addresses
    listed = sorted({found.country for found in looked_up.ranges if found.is_open and found.country})
    names = sorted({*listed, *looked_up.countries})
    number_of = {country: number for number, country in enumerate(names)}
    of_range = [number_of[found.country] if found.is_open and found.country else NOWHERE for found in looked_up.ranges]
    by_list = np.array([*of_range, NOWHERE], np.int64)[looked_up.of_address]
    hides = np.array([*(found.hides for found in looked_up.ranges), False], bool)[looked_up.of_address]
    renamed = np.array([*(number_of[country] for country in looked_up.countries), NOWHERE], np.int64)
    by_databases: list[Numbers] = []
    for numbers in looked_up.database_countries:
        said = np.where(hides, NOWHERE, renamed[numbers])
        for other in (by_list, *by_databases):
            said = np.where(said == other, NOWHERE, said)
        by_databases.append(said)
    kinds = [kind for kind in acts.kinds if kind.written is not None]
    for name, columns in ((BY_LIST, [by_list]), (BY_DATABASE, by_databases)):
        yield _of_addresses(name, columns, names, kinds, place_of_account)


def _of_addresses(
    name: str, columns: Sequence[Numbers], names: Sequence[str], kinds: Sequence[NotedActs], place_of_account: Numbers
) -> pa.Table:
    """Pieces of one kind: lead, country, how many acts, and the first of them: a login, where there is one."""
    width = max(1, len(names))
    keys: Numbers = np.zeros(0, np.int64)
    observed: Numbers = np.zeros(0, np.int64)
    examples: list[tuple[str, str]] = []
    for kind in kinds:
        for numbers in columns:
            of = np.flatnonzero((kind.accounts != NOWHERE) & (kind.addresses >= 0))
            places, country = place_of_account[kind.accounts[of]], numbers[kind.addresses[of]]
            kept = (places != NOWHERE) & (country != NOWHERE)
            here, first, count = np.unique(places[kept] * width + country[kept], return_index=True, return_counts=True)
            ids = kind.ids.take(pa.array(of[kept][first])).to_pylist()
            examples += [(kind.table, act_id) for act_id in ids]
            keys, observed = np.concatenate([keys, here]), np.concatenate([observed, count])
    together, which = np.unique(keys, return_inverse=True)
    sums = np.zeros(len(together), np.int64)
    np.add.at(sums, which, observed)
    chosen: dict[int, tuple[str, str]] = {}
    for number, example in zip(which.tolist(), examples, strict=True):
        chosen[number] = min(chosen.get(number, example), example)
    places, country = np.divmod(together, width)
    return _pieces(
        places,
        name,
        [names[number] for number in country.tolist()],
        sums,
        [chosen[number][0] for number in range(len(together))],
        [chosen[number][1] for number in range(len(together))],
    )


def _weights(places: npt.NDArray[np.int64], pieces: pa.Table, rules: JurisdictionRules) -> Numbers:
    """The weight of each piece: its share of the points of its kind, by how often its country was observed."""
    kinds = [kind.name for kind in rules.evidence]
    kind = places_of(pieces["evidence"], pa.array(kinds, pa.string()))
    points = np.array([of.points for of in rules.evidence], np.int64)[kind]
    observed = pieces["observed"].to_numpy()
    _, group = np.unique(places * len(kinds) + kind, return_inverse=True)
    in_all = np.zeros(group.max(initial=-1) + 1, np.int64)
    np.add.at(in_all, group, observed)
    weight: Numbers = np.maximum(1, points * observed // in_all[group])
    return weight
