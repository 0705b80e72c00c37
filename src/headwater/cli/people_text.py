"""Links and leads as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from headwater.cli.output import printable

__all__ = ["hub_text", "lead_explained_text", "lead_text", "link_text", "outcomes_text"]


def link_text(link: Mapping[str, Any]) -> str:
    """A link: what speaks against it, both rows, then the weight of each field."""
    lines = [f"{link['link_id']}  {link['claim']}"]
    lines += [f"  against: {printable(fact)}" for fact in link["contrary"]]
    if link["rivals"]:
        lines.append(f"  rivals: {link['rivals']} other candidate(s) for the same {link['left_table'][:-1]}")
    for side in ("left", "right"):
        cells = "  ".join(f"{k}={printable(v)}" for k, v in link[side].items() if v not in {None, ""})
        lines.append(f"  {link[f'{side}_table'][:-1]}: {cells}")
    for part in link["comparisons"]:
        lines.append(f"  {part['weight_mbits'] / 1000:+8.2f} bits  {part['field']}: {printable(part['level'])}")
    weight = link["match_weight_mbits"] / 1000
    lines.append(f"  {weight:+8.2f} bits in all; probability {link['probability_ppm'] / 10_000:.2f} %")
    lines.append(f"  because: {printable(link['because'])}")
    if link["judged"]:
        lines.append(f"  judged: {link['judged']}")
    return "\n".join(lines)


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
    lines += [f"         against: {printable(fact)}" for fact in lead["contrary"][:3]]
    if len(lead["contrary"]) > 3:
        lines.append(f"         against: {len(lead['contrary']) - 3} more")
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
    lines += [f"  against: {printable(fact)}" for fact in told["contrary"]]
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
