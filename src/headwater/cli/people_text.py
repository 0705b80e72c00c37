"""Leads and hubs as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from headwater.cli.output import printable

__all__ = ["hub_text", "lead_explained_text", "lead_text", "outcomes_text", "rivals_text"]


def hub_text(hub: Mapping[str, Any]) -> str:
    """A listed hash that is set aside: what it is near, and where it is listed."""
    listed = f"{printable(hub['reference_name'])}@{printable(hub['reference_version'])}"
    near = f"near {hub['items']:,} items, at least {hub['distant_items']:,} of them unlike each other"
    return (
        f"{hub['media_hub_id']}  {near}\n"
        f"  listed: {listed}, {hub['entries']:,} entries, category {printable(hub['category'])}, series "
        f"{printable(hub['series'])}, victim identified: {hub['victim_identified']}\n"
        f"  {hub['standing']}; judge it positive if it stands for what it lists, negative if it is a template"
    )


def lead_text(lead: Mapping[str, Any]) -> str:
    """A lead: rank, tier, reasons, where, what speaks against, what next."""
    who = f"account {printable(lead['nickname'])}  [{_countries(lead)}]"
    lines = [f"{lead['rank']:>5}  tier {lead['risk_tier']}  {lead['lead_id']}  {who}"]
    lines += [
        f"         because: {printable(rule['because'])} ({rule['rule']}, {rule['observed']}x)"
        for rule in lead["rules_fired"]
    ]
    against = _statements(lead["contrary"])
    lines += [f"         against: {printable(statement)}" for statement in against[:3]]
    if len(against) > 3:
        lines.append(f"         against: {len(against) - 3} more")
    if lead["rivals"]:
        others = len({rival["other_id"] for rival in lead["rivals"]})
        lines.append(f"         beside the payer: {others} other person(s) who may have used the account")
    lines += [f"         outcome: {printable(words)}" for words in _outcomes(lead["outcomes"])]
    lines += [f"         {printable(words)}" for words in _pieces(lead)]
    lines.append(f"         why now: {printable(lead['why_now'])}")
    lines += [
        f"         next: {printable(s['step'])} to {printable(s['holder'])} ({printable(s['country'])})"
        for s in lead["next_lawful_steps"][:2]
    ]
    return "\n".join(lines)


def lead_explained_text(told: Mapping[str, Any]) -> str:
    """A lead: what speaks against it first, then each rule, its neighbours, and what would move it."""
    lines = [f"{told['lead_id']}  rank {told['rank']:,} of {told['leads']:,}  tier {told['risk_tier']}"]
    lines += [
        f"  against: {printable(fact['statement'])} ({fact['fact_kind']}; see {printable(fact['source_id'])})"
        for fact in told["contrary"]
    ]
    lines += rivals_text(told["rivals"])
    lines += [f"  outcome: {printable(words)}" for words in _outcomes(told["outcomes"])]
    lines.append(f"  why now: {printable(told['why_now'])}")
    lines.append(f"  country: {_countries(told)}{_margin(told)}")
    lines += [f"    {printable(words)}" for words in _pieces(told)]
    for rule in told["rules"]:
        if rule["fired"]:
            lines.append(f"  tier {rule['tier']}  fired      {rule['rule']}: {printable(rule['because'])}")
            lines.append(f"          see {rule['example_id']}; source: {printable(rule['source'])}")
        else:
            needs = f"needs {rule['at_least']} of: {printable(rule['act'])}"
            lines.append(f"  tier {rule['tier']}  not fired  {rule['rule']}: {needs}")
    for other in told["neighbours"]:
        differs = f"{other['differs_in']}: {printable(other['there'])} there, {printable(other['here'])} here"
        lines.append(f"  {other['place']:<6}  rank {other['rank']:,}  {other['lead_id']}: {differs}")
    for move in told["moves"]:
        to = f"rank {move['rank']:,}, tier {move['risk_tier']}" if move["rank"] else "no lead at all"
        lines.append(f"  {'->':<6}  {to}: {printable(move['what'])}")
    if told["missing"]:
        lines.append(f"  not known: {', '.join(printable(field) for field in told['missing'])}")
    return "\n".join(lines)


def _statements(facts: Iterable[Mapping[str, Any]]) -> list[str]:
    """What facts say, each once: two links may have the same said of them."""
    return list(dict.fromkeys(str(fact["statement"]) for fact in facts))


def rivals_text(rivals: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Other people beside a payer, with what fits and what does not of either."""
    # Of several payments by one payer the rows say the same.
    for rival in {(rival["payer_id"], rival["other_id"]): rival for rival in rivals}.values():
        shared = ", ".join(dict.fromkeys(printable(one["shared_kind"]) for one in rival["shared"]))
        yield f"  beside the payer {rival['payer_id']}: {rival['other_id']}, who shares {shared} ({rival['rival_id']})"
        for who in ("payer", "other"):
            for side, word in (("support", "fits"), ("contradiction", "does not fit")):
                for told in rival[f"{who}_{side}"]:
                    yield f"    the {who} used it, {word}: {printable(told['statement'])} ({told['row_id']})"


def _countries(lead: Mapping[str, Any]) -> str:
    """The country that is proposed to lead, and those that share it."""
    if lead["lead_country"] is None:
        return "unattributed"
    shared = f", shared with {', '.join(map(printable, lead['shared_with']))}" if lead["shared_with"] else ""
    return f"{printable(lead['lead_country'])}{shared}"


def _margin(lead: Mapping[str, Any]) -> str:
    """By how much the first country is heavier than the next."""
    if lead["lead_country_margin"] is None:
        return ""
    if lead["lead_country_margin"] == 0:
        return " (even with the next: more kinds of evidence, then the code, decided)"
    return (
        f" (by {lead['lead_country_margin']} more than the next; points of {printable(lead['jurisdiction_version'])})"
    )


def _pieces(lead: Mapping[str, Any]) -> Iterator[str]:
    """Each piece of evidence for a country, with its weight."""
    for piece in lead["jurisdiction"]:
        seen = f"{piece['observed']:,}x; {piece['example_id']}"
        yield f"+{piece['weight']} {piece['country']}: {piece['evidence']} ({seen})"


def outcomes_text(sums: Mapping[str, Any]) -> str:
    """What became of some leads, in one line."""
    counts = ", ".join(
        f"{sums[name]:,} {name.replace('_', ' ')}"
        for name in ("child_safeguarded", "payer_identified", "no_action", "wrong_person")
    )
    share = "right in none that was decided"
    if sums["right_ppm"] is not None:
        ends = f"{sums['right_least_ppm'] / 10_000:.1f} to {sums['right_most_ppm'] / 10_000:.1f} %"
        share = f"right in {sums['right_ppm'] / 10_000:.1f} % of those decided (95 %: {ends})"
    return f"{printable(sums['leads_of'])}: {sums['reported']:,} reported on: {counts}; {share}"


def _outcomes(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for row in rows:
        note = f": {row['note']}" if row["note"] else ""
        yield f"{row['outcome'].replace('_', ' ')}, {row['reported_by']}, {row['reported_on']}{note}"
