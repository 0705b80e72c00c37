"""Which scripts no trace goes through, because of whose they are: tags, spread over address clusters, and sizes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from headwater.money.actor_names import ActorNames
from headwater.money.clusters import AddressClusters
from headwater.money.defects import Defects
from headwater.money.probable_services import Reach

__all__ = [
    "BRIDGE_CATEGORIES",
    "POOLING_CATEGORIES",
    "ServiceClaim",
    "ServiceMap",
    "actor_of",
    "is_later",
    "service_map",
    "stop_of_tag",
    "tagged_address",
]

POOLING_CATEGORIES: Final = (  # where the register does not say; source: the categories of published TagPacks
    "atm",
    "custodian",
    "exchange",
    "gambling",
    "hosted_wallet",
    "market",
    "marketplace",
    "mixer",
    "mixing_service",
    "payment_processor",
    "wallet_service",
)
"""Categories of tags whose bearers pool coins: what goes in is not what comes out, so no trace goes through."""

BRIDGE_CATEGORIES: Final = (  # source: the categories of published actor packs, and the words that tags use for them
    "bridge",
    "cross_chain_swap",
    "defi_bridge",
    "defi_dex",
    "swap",
    "swap_service",
)
"""Categories of tags behind which coins go on as something else: on another chain, or as another coin."""

_NETWORKS: Final = ("btc", "xbt", "bitcoin", "tbtc", "btc-test", "btc-testnet", "btc-signet", "btc-regtest", "regtest")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceClaim:
    """Why an output counts as a service's.

    Attributes:
        actor: The service by its one name; None where tags that come equally near name several.
        tag: The tag relied upon.
        service: Its row in the register, if any.
        tags: How many tags stand for the claim, this one among them; the table `cluster_tags` has all of the cluster.
        tag_is_later: Whether the tag is dated after the last block of the snapshot; None where its date cannot be read.
    """

    actor: str | None
    tag: Row
    service: Row | None
    tags: int
    tag_is_later: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceMap:
    """The services among the scripts of a snapshot.

    Attributes:
        leaders: For each script, its cluster.
        addresses: For each script, its address.
        names: Which names mean the same actor, and the register.
        by_cluster: Tags of custodial services by cluster, the one to be relied upon first.
        bridges: Tags of bridges and swaps, alike.
        by_script: Tags of either that are about one address alone, as their publisher says, by stop reason and script.
        probable: Clusters that nobody tagged and that pay or hold as services do, with how far they reach.
        tagged: For each tag on an address of the snapshot, the script, in the order of tags; effect or none.
        ends_on: Day of the last block.
    """

    leaders: Sequence[int]
    addresses: Sequence[str | None]
    names: ActorNames
    by_cluster: Mapping[int, tuple[Row, ...]]
    bridges: Mapping[int, tuple[Row, ...]] = field(default_factory=dict)
    by_script: Mapping[str, Mapping[int, tuple[Row, ...]]] = field(default_factory=dict)
    probable: Mapping[int, Reach] = field(default_factory=dict)
    tagged: tuple[tuple[Row, int], ...] = ()
    ends_on: dt.date | None = None

    def scripts_by_reason(self) -> dict[str, frozenset[int]]:
        """Numbers of the scripts at which a trace stops, by the reason that it stops for."""
        leaders = np.asarray(self.leaders, dtype=np.int64)
        return {
            stop_reason: frozenset(np.flatnonzero(np.isin(leaders, np.array(sorted(found), dtype=np.int64))).tolist())
            | self.by_script.get(stop_reason, {}).keys()
            for stop_reason, found in (
                ("service", self.by_cluster),
                ("bridge", self.bridges),
                ("probable_service", self.probable),
            )
        }

    def claim(self, script: int) -> ServiceClaim:
        """Why a script that tags stop traces at counts as a service's.

        A tag of its very address comes before tags of its cluster, a custodial service before a bridge. Where
        tags that come equally near name several actors, none is named: the trace stops all the same, and nobody
        is asked on a guess. Of equal tags, one that is dated before the end of the snapshot is relied upon
        first.
        """
        leader = self.leaders[script]
        tags = self._met(script, leader, "service", self.by_cluster) or self._met(
            script, leader, "bridge", self.bridges
        )
        direct = tuple(tag for tag in tags if _written(tag["address"]) == self.addresses[script])
        nearest = direct or tags
        actors = {self.names.actor(actor_of(tag)) for tag in nearest}
        actor = min(actors) if len(actors) == 1 else None
        return ServiceClaim(
            actor=actor,
            tag=nearest[0],
            service=None if actor is None else self.names.service(actor),
            tags=len(nearest),
            tag_is_later=is_later(nearest[0], self.ends_on),
        )

    def _met(
        self, script: int, leader: int, stop_reason: str, by_cluster: Mapping[int, tuple[Row, ...]]
    ) -> tuple[Row, ...]:
        return (*self.by_script.get(stop_reason, {}).get(script, ()), *by_cluster.get(leader, ()))

    def stops_as(self, tag: Row) -> str | None:
        """The reason for which traces stop at the tag's cluster, or at its address alone, or None."""
        return stop_of_tag(tag, self.names)

    def told_of(self, actor: str) -> str:
        """What actor packs say of an actor that no register names, as a clause; empty where they say nothing."""
        row = self.names.described(actor)
        if row is None:
            return ""
        where = row["jurisdictions"] or "none stated"
        return f"; an actor pack gives jurisdictions {where} and {row['uri'] or 'no address on the web'}"


def service_map(
    clusters: AddressClusters,
    addresses: Sequence[str | None],
    tags: Sequence[Row],
    services: Sequence[Row],
    defects: Defects,
    *,
    actors: Sequence[Row] = (),
    probable: Mapping[int, Reach] | None = None,
    ends_on: dt.date | None = None,
) -> ServiceMap:
    """The services among the scripts of a snapshot.

    Args:
        clusters: Their clusters.
        addresses: For each script, its address.
        tags: Rows of `tags`.
        services: Rows of `services`.
        defects: Told of clusters that tags of several actors meet in.
        actors: Rows of `actors`.
        probable: Clusters that pay or hold as services do; those that a tag of a service names are left out of them.
        ends_on: Day of the last block.
    """
    names = ActorNames(actors, services, {actor_of(tag) for tag in tags}, defects)
    scripts_of: dict[str, list[int]] = {}
    for number, address in enumerate(addresses):
        if address is not None:
            scripts_of.setdefault(address, []).append(number)
    tagged: list[tuple[Row, int]] = []
    found: dict[str, dict[int, dict[str, Row]]] = {"service": {}, "bridge": {}}
    alone: dict[str, dict[int, dict[str, Row]]] = {"service": {}, "bridge": {}}
    for tag in sorted(tags, key=lambda row: str(row["tag_id"])):
        if str(tag["network"]).lower() not in _NETWORKS:
            continue
        stop_reason = stop_of_tag(tag, names)
        for number in scripts_of.get(_written(tag["address"]), ()):
            tagged.append((tag, number))
            if stop_reason is None:
                continue
            # Where a pack does not say, a tag is taken to be about whoever controls the address.
            if tag["is_cluster_definer"] is False:
                alone[stop_reason].setdefault(number, {})[tag["tag_id"]] = tag
            else:
                found[stop_reason].setdefault(int(clusters.leaders[number]), {})[tag["tag_id"]] = tag

    def ordered(by_cluster: Mapping[int, Mapping[str, Row]]) -> dict[int, tuple[Row, ...]]:
        return {
            leader: tuple(sorted(met.values(), key=lambda tag: (bool(is_later(tag, ends_on)), str(tag["tag_id"]))))
            for leader, met in sorted(by_cluster.items())
        }

    services_met, bridges_met = ordered(found["service"]), ordered(found["bridge"])
    by_script = {stop_reason: ordered(met) for stop_reason, met in alone.items()}
    met = [*services_met.values(), *bridges_met.values(), *(tags for of in by_script.values() for tags in of.values())]
    _tell_of_disagreement(met, names, defects)
    return ServiceMap(
        leaders=clusters.leaders,
        addresses=addresses,
        names=names,
        by_cluster=services_met,
        bridges=bridges_met,
        by_script=by_script,
        probable={
            leader: reach
            for leader, reach in (probable or {}).items()
            if leader not in services_met and leader not in bridges_met
        },
        tagged=tuple(tagged),
        ends_on=ends_on,
    )


def is_later(tag: Row, ends_on: dt.date | None) -> bool | None:
    """Whether a tag is dated after a day; None where its date, or the day, is not known.

    Example:
        >>> is_later({"last_modified": "2026-11-03 10:00:00"}, dt.date(2026, 11, 2))
        True
    """
    if ends_on is None or tag["last_modified"] is None:
        return None
    try:
        return dt.date.fromisoformat(str(tag["last_modified"])[:10]) > ends_on
    except ValueError:
        return None


def _tell_of_disagreement(met: Sequence[Sequence[Row]], names: ActorNames, defects: Defects) -> None:
    for found in met:
        actors = sorted({names.actor(actor_of(tag)) for tag in found})
        if len(actors) > 1:
            defects.add(
                "tags_disagree",
                f"tags of {', '.join(actors)} meet in one address cluster: traces stop there, and only an address that "
                f"is tagged itself is ascribed; first tags: {', '.join(tag['tag_id'] for tag in found[:4])}",
                reference_name=found[0]["reference_name"],
                source_table="tags",
            )


def actor_of(tag: Row) -> str:
    """The service as a tag names it."""
    return str(tag["actor"] or tag["label"])


def tagged_address(tag: Row) -> str:
    """The address of a tag as this program writes it."""
    return _written(tag["address"])


def _written(address: str) -> str:
    """The address as this program writes it: witness addresses are the same in capitals."""
    return address.lower() if address.isupper() else address


def stop_of_tag(tag: Row, names: ActorNames) -> str | None:
    """The reason for which traces stop at the tag's cluster: what the register says, then what the category does."""
    service = names.service(actor_of(tag))
    if service is not None and service["custodial"]:
        return "service"
    categories = {str(tag["category"] or "").lower()}
    if not tag["category"] and (actor := names.described(actor_of(tag))) is not None:
        categories = set(str(actor["categories"] or "").lower().split())
    if service is None and categories & set(POOLING_CATEGORIES):
        return "service"
    # Whoever runs a bridge may keep nobody's coins, but what leaves it on this chain is not what went in.
    return "bridge" if categories & set(BRIDGE_CATEGORIES) else None
