"""Which scripts belong to a service that keeps its customers' coins together: tags, spread over address clusters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from headwater.money.clusters import AddressClusters
from headwater.money.defects import Defects

__all__ = ["POOLING_CATEGORIES", "ServiceClaim", "ServiceMap", "service_map"]

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

_NETWORKS: Final = ("btc", "xbt", "bitcoin", "tbtc", "btc-test", "btc-testnet", "btc-signet", "btc-regtest", "regtest")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceClaim:
    """Why an output counts as a service's.

    Attributes:
        actor: The service as tags name it; None where tags of one cluster name several.
        tag: The tag relied upon.
        service: Its row in the register, if any.
    """

    actor: str | None
    tag: Row
    service: Row | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceMap:
    """The services among the scripts of a snapshot.

    Attributes:
        leaders: For each script, its cluster.
        addresses: For each script, its address.
        by_cluster: Tags of custodial services by cluster, in the order of their ids.
        register: Services by actor.
    """

    leaders: Sequence[int]
    addresses: Sequence[str | None]
    by_cluster: Mapping[int, tuple[Row, ...]]
    register: Mapping[str, Row]

    @property
    def scripts(self) -> frozenset[int]:
        """Numbers of all scripts that belong to one."""
        return frozenset(number for number, leader in enumerate(self.leaders) if leader in self.by_cluster)

    def claim(self, script: int) -> ServiceClaim:
        """Why a script of `scripts` counts as a service's.

        A tag of its very address comes before tags of its cluster. Where tags that come equally near name several
        actors, none is named: the trace stops all the same, and nobody is asked on a guess.
        """
        tags = self.by_cluster[self.leaders[script]]
        direct = tuple(tag for tag in tags if _written(tag["address"]) == self.addresses[script])
        nearest = direct or tags
        actors = {_actor(tag) for tag in nearest}
        actor = _actor(nearest[0]) if len(actors) == 1 else None
        return ServiceClaim(actor=actor, tag=nearest[0], service=None if actor is None else self.register.get(actor))


def service_map(
    clusters: AddressClusters,
    addresses: Sequence[str | None],
    tags: Sequence[Row],
    services: Sequence[Row],
    defects: Defects,
) -> ServiceMap:
    """The services among the scripts of a snapshot.

    Args:
        clusters: Their clusters.
        addresses: For each script, its address.
        tags: Rows of `tags`.
        services: Rows of `services`.
        defects: Told of clusters that tags of several actors meet in.
    """
    register = {row["actor"]: row for row in sorted(services, key=lambda row: str(row["service_id"]))}
    scripts_of: dict[str, list[int]] = {}
    for number, address in enumerate(addresses):
        if address is not None:
            scripts_of.setdefault(address, []).append(number)
    by_cluster: dict[int, dict[str, Row]] = {}
    for tag in tags:
        if str(tag["network"]).lower() in _NETWORKS and _is_custodial(tag, register):
            for number in scripts_of.get(_written(tag["address"]), ()):
                by_cluster.setdefault(clusters.leaders[number], {})[tag["tag_id"]] = tag
    ordered = {leader: tuple(found[tag_id] for tag_id in sorted(found)) for leader, found in sorted(by_cluster.items())}
    for found in ordered.values():
        actors = sorted({_actor(tag) for tag in found})
        if len(actors) > 1:
            defects.add(
                "tags_disagree",
                f"tags of {', '.join(actors)} meet in one address cluster: traces stop there, and only an address that "
                f"is tagged itself is ascribed; first tags: {', '.join(tag['tag_id'] for tag in found[:4])}",
                reference_name=found[0]["reference_name"],
                source_table="tags",
            )
    return ServiceMap(leaders=clusters.leaders, addresses=addresses, by_cluster=ordered, register=register)


def _actor(tag: Row) -> str:
    return str(tag["actor"] or tag["label"])


def _written(address: str) -> str:
    """The address as this program writes it: witness addresses are the same in capitals."""
    return address.lower() if address.isupper() else address


def _is_custodial(tag: Row, register: Mapping[str, Row]) -> bool:
    service = register.get(_actor(tag))
    if service is not None:
        return bool(service["custodial"])
    return str(tag["category"] or "").lower() in POOLING_CATEGORIES
