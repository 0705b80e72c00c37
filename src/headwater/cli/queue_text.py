"""Pairs that wait for a judgement, what was judged, and what it is worth, as text for a terminal."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final

from rich.cells import cell_len, chop_cells

from headwater.cli.output import printable
from headwater.cli.people_text import rivals_text

__all__ = ["agreement_text", "band_text", "judgement_text", "known_answers_text", "pair_text"]

_QUESTIONS: Final = {
    "used": "was this account used by this person?",
    "paid": "was this payment made by this customer?",
    "held": "is this customer this person?",
}
_SINGULAR: Final = {"accounts": "account", "payments": "payment", "customers": "customer", "records": "record"}
_LABEL, _LEAST_SIDE, _ARM = 20, 26, 12
_COLUMNS_WITHOUT_TERMINAL: Final = 100
_LEAST_PPM, _MOST_PPM = 100, 999_900


def pair_text(pair: Mapping[str, Any], *, columns: int | None = None) -> str:
    """A pair: what speaks against it, both rows side by side, rivals, then what its weight is made of.

    Args:
        pair: As the queue gives it.
        columns: Width of the terminal; None for what it says of itself.
    """
    width = columns or shutil.get_terminal_size((_COLUMNS_WITHOUT_TERMINAL, 24)).columns
    lines = [f"{pair['link_id']}  {pair['claim']}: {_QUESTIONS[pair['claim']]}"]
    lines += [f"  against: {printable(fact)}" for fact in pair["contrary"]] or ["  against: nothing on record"]
    lines += _rows_text(pair, width)
    lines += _candidates_text(pair)
    lines += rivals_text(pair["beside"])
    if pair["score_hidden"]:
        lines.append("  weights and probability are hidden until you have judged it")
    else:
        lines += _waterfall_text(pair, width)
    if pair["judged"]:
        lines.append(f"  judged: {pair['judged']}")
    return "\n".join(lines) + "\n"


def _rows_text(pair: Mapping[str, Any], width: int) -> Iterator[str]:
    """Both rows, field beside field where the terminal is wide enough, else one below the other."""
    left_name, right_name = (_SINGULAR[pair[f"{side}_table"]] for side in ("left", "right"))
    cells = list(_cells(pair))
    side = (width - _LABEL - 6) // 2
    if side < _LEAST_SIDE:
        for place, name in enumerate((left_name, right_name)):
            yield f"  {name}"
            for label, *values in cells:
                if values[place]:
                    yield f"    {label}: {values[place]}"
        return
    yield _line("", left_name, right_name, side)
    for label, left, right in cells:
        for number, (one, other) in enumerate(zip_longest(_chopped(left, side), _chopped(right, side), fillvalue="")):
            yield _line("" if number else label, one, other, side)


def _cells(pair: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Each field that either row holds, with both values: ids first, then what only the left row can have."""
    left, right = pair["left"], pair["right"]
    left_id, *left_names = left
    right_id, *right_names = right
    yield "id", printable(left[left_id]), printable(right[right_id])
    for name in (*(name for name in left_names if name not in right_names), *right_names):
        one, other = printable(left.get(name)), printable(right.get(name))
        if one or other:
            yield name.removesuffix("_utc").replace("_", " "), one, other


def _chopped(value: str, width: int) -> list[str]:
    return chop_cells(value, width) if value else [""]


def _line(label: str, left: str, right: str, side: int) -> str:
    return f"  {_padded(label, _LABEL)}  {_padded(left, side)}  {right}".rstrip()


def _padded(text: str, width: int) -> str:
    return text + " " * max(0, width - cell_len(text))


def _candidates_text(pair: Mapping[str, Any]) -> Iterator[str]:
    left = _SINGULAR[pair["left_table"]]
    if not pair["candidates"]:
        yield f"  rivals: no other candidate for this {left}"
        return
    yield f"  rivals: {len(pair['candidates']):,} other candidate(s) for this {left}"
    for candidate in pair["candidates"]:
        row_id, *names = candidate["right"]
        told = ", ".join(printable(candidate["right"][name]) for name in names if candidate["right"][name])
        yield f"    {printable(candidate['right'][row_id])}  {told}"
        if "match_weight_mbits" in candidate:
            yield f"      {_weight(candidate)}; {_differences(candidate['differs'])}"


def _differences(differs: Sequence[Mapping[str, Any]]) -> str:
    told = [
        f"{'better' if part['better_by_mbits'] > 0 else 'worse'} in {part['field'].replace('_', ' ')} by "
        f"{abs(part['better_by_mbits']) / 1000:.2f} ({printable(part['level'])})"
        for part in differs
    ]
    return ", ".join(told) or "equal in every field"


def _weight(link: Mapping[str, Any]) -> str:
    weight = f"{link['match_weight_mbits'] / 1000:+.2f} bits"
    return f"{weight}, probability {_percent(link['probability_ppm'])}"


def _percent(ppm: int) -> str:
    """The probability; nothing is rounded to certainty."""
    if ppm < _LEAST_PPM:
        return "under 0.01 %"
    return "over 99.99 %" if ppm > _MOST_PPM else f"{ppm / 10_000:.2f} %"


def _waterfall_text(pair: Mapping[str, Any], width: int) -> Iterator[str]:
    """Each bar with its bits, the sum so far, how many rows have the value, and its sentence."""
    bars = pair["comparisons"]
    most = max([1, *(abs(bar["weight_mbits"]) for bar in bars)])
    yield f"  {_padded('weight', _LABEL)}  {'bits':>8}  {'sum':>8}  {'rows':>6}"
    for bar in bars:
        length = -(-abs(bar["weight_mbits"]) * _ARM // most)
        arms = (length * "-", "") if bar["weight_mbits"] < 0 else ("", length * "+")
        drawn = f"{arms[0]:>{_ARM}}|{arms[1]:<{_ARM}}" if width >= 2 * _LABEL + 2 * _ARM + 30 else ""
        rows = "" if bar["rows_with_value"] is None else f"{bar['rows_with_value']:,}"
        numbers = f"{bar['weight_mbits'] / 1000:>+8.2f}  {bar['sum_mbits'] / 1000:>+8.2f}  {rows:>6}"
        label = _padded(bar["field"].replace("_", " "), _LABEL)
        yield f"  {label}  {numbers}  {drawn}".rstrip()
        yield f"    {printable(bar['sentence'])}"
    yield f"  in all: {_weight(pair)}"
    yield f"  because: {printable(pair['because'])}"


def judgement_text(told: Mapping[str, Any]) -> str:
    """One judgement of the record."""
    shown = "not shown by the queue"
    if told["was_shown"]:
        shown = "weights hidden" if told["score_hidden"] else f"weights shown ({told['weight_mbits'] / 1000:+.2f} bits)"
    version = f"headwater {told['headwater_version']}" if told["headwater_version"] else "version not recorded"
    return (
        f"{told['at_utc']}  {printable(told['operator'])}: {told['verdict']} on {printable(told['link_id'])} "
        f"({told['claim']})\n"
        f"  why: {printable(told['why'])}\n"
        f"  {shown}; {version}; {told['judgement_id']}"
    )


def _share(row: Mapping[str, Any], name: str) -> str:
    if row[f"{name}_ppm"] is None:
        return "not measured"
    bounds = f"{row[f'{name}_least_ppm'] / 10_000:.1f} to {row[f'{name}_most_ppm'] / 10_000:.1f} %"
    return f"{row[f'{name}_ppm'] / 10_000:.1f} % (95 %: {bounds})"


def known_answers_text(row: Mapping[str, Any]) -> str:
    """How one person judged pairs of known answer."""
    right = row["same_right"] + row["different_right"]
    decided = right + row["same_wrong"] + row["different_wrong"]
    head = f"{printable(row['operator'])}: {right:,} of {decided:,} known answers right, {_share(row, 'right')}"
    lines = [
        f"{head}; {row['unsure']:,} unsure",
        f"  of one person: {row['same_right']:,} right, {row['same_wrong']:,} wrong",
        f"  of two people: {row['different_right']:,} right, {row['different_wrong']:,} wrong",
    ]
    if row["expected_ppm"] is None:
        lines.append("  for the precision of their positives: nothing, as they judged no link yet")
    else:
        lines.append(
            f"  where {row['expected_ppm'] / 10_000:.1f} % of the links given are right, of their positives are right: "
            f"{_share(row, 'positives_right')}"
        )
    return "\n".join(lines)


def agreement_text(row: Mapping[str, Any]) -> str:
    """How judgements of the same pairs go together."""
    who = f"{printable(row['operator'])} and {printable(row['other'])}"
    if row["measure"] == "with_self":
        who = f"{printable(row['operator'])} on pairs shown again"
    kappa = "not defined" if row["kappa_ppm"] is None else f"{row['kappa_ppm'] / 1_000_000:.2f}"
    return f"{who}: agreed in {row['agreed']:,} of {row['pairs']:,}, {_share(row, 'agreed')}; kappa {kappa}"


def band_text(row: Mapping[str, Any]) -> str:
    """What the model expected of a band of its links, and what came of them."""
    span = f"{row['least_ppm'] / 10_000:g} to {row['below_ppm'] / 10_000:g} %"
    return (
        f"{row['claim']}, {span}: {row['links']:,} links; expected right {_percent(row['expected_ppm'])}, "
        f"observed {_share(row, 'observed')}\n"
        f"  judged: {row['judged_positive']:,} positive, {row['judged_negative']:,} negative, "
        f"{row['judged_unsure']:,} unsure; by outcome: {row['outcome_right']:,} right, {row['outcome_wrong']:,} wrong"
    )
