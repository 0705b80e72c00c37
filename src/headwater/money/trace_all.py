"""Every receipt of the platform traced both ways by every rule that the case asks for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from headwater.config import Parameters
from headwater.engine import StageContext
from headwater.errors import ConfigError
from headwater.money.clusters import AddressClusters
from headwater.money.coinjoin import CoinjoinVerdict
from headwater.money.defects import Defects
from headwater.money.flows import FURTHER_POLICIES, POISON, POLICIES
from headwater.money.platform_addresses import addresses_of_invoices
from headwater.money.poison import poison_bounds
from headwater.money.probable_services import Reach, probable_services
from headwater.money.receipts import receipts_of
from headwater.money.services import ServiceMap, actor_of, is_later, service_map
from headwater.money.snapshot import Snapshot
from headwater.money.stops import DIRECTIONS, StopRules
from headwater.money.trace_tables import TraceTables
from headwater.money.tracing import Tracer
from headwater.schema import table_named

__all__ = ["Chain", "further_policies", "trace_parameters", "trace_receipts"]

_RECEIPTS_AT_ONCE: Final = 1_024  # bounds memory; what they reach in one layer is held at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A snapshot and what is known of it.

    Attributes:
        snapshot: The chain.
        txids: Its transactions as displayed.
        addresses: For each script, its address.
        verdicts: Of each transaction, whether it joins coins of several people.
        clusters: Address clusters.
        members: The table `address_clusters`, or at least its rows about scripts with a tag.
        probable: Clusters that pay or hold as services do, the platform's own left out; None to reckon them from the
            snapshot.
    """

    snapshot: Snapshot
    txids: Sequence[str]
    addresses: Sequence[str | None]
    verdicts: Sequence[CoinjoinVerdict]
    clusters: AddressClusters
    members: pa.Table
    probable: Mapping[int, Reach] | None = None


def trace_receipts(context: StageContext, chain: Chain, platform: pa.Table, defects: Defects) -> dict[str, pa.Table]:
    """The tables `cluster_tags`, `traces`, `trace_flows`, `endpoints`, `trace_bounds` and `request_sheets`.

    Args:
        context: Parameters, and the tables `invoices`, `payments`, `tags`, `services` and `actors`.
        chain: Where to trace.
        platform: The table `platform_addresses`.
        defects: Told of what does not fit together.

    Raises:
        ConfigError: `trace_further_policies` names a rule that is none.
    """
    parameters = trace_parameters(context)
    policies = further_policies(parameters.trace_further_policies)
    snapshot, tables = chain.snapshot, context.tables
    services = _services(context, chain, platform, parameters, defects)
    _tell_of_platform_at_service(snapshot, platform, services, defects)
    tagged = _cluster_tags(chain, services)
    tracer = Tracer(
        snapshot,
        chain.verdicts,
        StopRules(
            scripts_by_reason=services.scripts_by_reason(),
            max_hops=parameters.trace_max_hops,
            max_days=parameters.trace_max_days,
            dust_sat=parameters.trace_dust_sat,
        ),
    )
    receipts = receipts_of(
        snapshot,
        chain.txids,
        platform.to_pylist(),
        tables.arrow("invoices").to_pylist(),
        tables.result(addresses_of_invoices(tables), order_by=["invoice_id", "address"]).to_pylist(),
        tables.arrow("payments").to_pylist(),
        defects,
    )
    cluster_ids = dict(zip(tagged["script_hex"].to_pylist(), tagged["address_cluster_id"].to_pylist(), strict=True))
    traced = TraceTables(
        snapshot,
        chain.txids,
        services,
        {chain.clusters.leaders[number]: cluster_ids[snapshot.scripts[number].hex()] for _, number in services.tagged},
        defects,
    )
    for begin in range(0, len(receipts), _RECEIPTS_AT_ONCE):
        some = receipts[begin : begin + _RECEIPTS_AT_ONCE]
        outputs = [receipt.output for receipt in some]
        for direction in DIRECTIONS:
            for policy in (*POLICIES, *policies):
                if policy == POISON:
                    traced.add_bounds(some, direction, poison_bounds(tracer, outputs, direction))
                else:
                    traced.add(some, tracer.traces(outputs, direction, policy))
        context.progress("receipts", begin + len(some), len(receipts))
    return {"cluster_tags": tagged, **traced.tables()}


def further_policies(setting: str) -> tuple[str, ...]:
    """The rules that a case asks for besides FIFO and pro rata, each once, in the order in which they are known.

    Raises:
        ConfigError: A word of the setting is none of them.

    Example:
        >>> further_policies("tiho lifo")
        ('lifo', 'tiho')
    """
    words = setting.split()
    for word in words:
        if word not in FURTHER_POLICIES:
            raise ConfigError(
                f"'trace_further_policies' holds {word[:20]!r}; known are {', '.join(FURTHER_POLICIES)}, set apart by "
                f"spaces, and {' and '.join(POLICIES)} are always there"
            )
    return tuple(policy for policy in FURTHER_POLICIES if policy in words)


def trace_parameters(context: StageContext) -> Parameters:
    """The parameters of tracing; others are as they are by default."""
    known: dict[str, Any] = {name: value for name, value in context.parameters.items() if name.startswith("trace_")}
    return Parameters(**known)


def _services(
    context: StageContext, chain: Chain, platform: pa.Table, parameters: Parameters, defects: Defects
) -> ServiceMap:
    return service_map(
        chain.clusters,
        chain.addresses,
        context.tables.arrow("tags").to_pylist(),
        context.tables.arrow("services").to_pylist(),
        defects,
        actors=context.tables.arrow("actors").to_pylist(),
        probable=_probable(chain, platform, parameters) if chain.probable is None else chain.probable,
        ends_on=_last_day(chain.snapshot),
    )


def _probable(chain: Chain, platform: pa.Table, parameters: Parameters) -> Mapping[int, Reach]:
    numbers = chain.snapshot.script_numbers
    own = [numbers.get(bytes.fromhex(script_hex)) for script_hex in platform["script_hex"].to_pylist()]
    return probable_services(
        chain.snapshot,
        chain.clusters,
        chain.verdicts,
        min_scripts=parameters.trace_service_min_scripts,
        min_payees=parameters.trace_service_min_payees,
        # The platform may be as large as a service; its own coins are what is followed.
        apart_from={chain.clusters.leaders[number] for number in own if number is not None},
    )


def _last_day(snapshot: Snapshot) -> dt.date | None:
    """The day of the last block; block times may go back by up to two hours, so the latest of all."""
    times_s = [block.header.time_s for block in snapshot.blocks]
    return dt.datetime.fromtimestamp(max(times_s), tz=dt.UTC).date() if times_s else None


def _cluster_tags(chain: Chain, services: ServiceMap) -> pa.Table:
    """The table `cluster_tags`: every tag on an address of the snapshot, with what it says."""
    scripts = [chain.snapshot.scripts[number].hex() for _, number in services.tagged]
    members = chain.members.filter(pc.is_in(chain.members["script_hex"], pa.array(scripts, type=pa.string())))
    ids = dict(zip(members["script_hex"].to_pylist(), members["address_cluster_id"].to_pylist(), strict=True))
    return table_named("cluster_tags").rows(
        {
            "address_cluster_id": ids[script_hex],
            "script_hex": script_hex,
            "tag_id": tag["tag_id"],
            "actor": actor_of(tag),
            "stops_as": services.stops_as(tag),
            "confidence": tag["confidence"],
            "source": tag["source"],
            "last_modified": tag["last_modified"],
            "tag_is_later": is_later(tag, services.ends_on),
        }
        for script_hex, (tag, _) in zip(scripts, services.tagged, strict=True)
    )


def _tell_of_platform_at_service(
    snapshot: Snapshot, platform: pa.Table, services: ServiceMap, defects: Defects
) -> None:
    """Say so where an address cluster holds the platform's addresses and a service's: one of the two is wrong."""
    met = {**services.bridges, **services.by_cluster}
    alone = {script: tags[0] for of in services.by_script.values() for script, tags in of.items()}
    found: dict[str, tuple[Mapping[str, Any], list[str]]] = {}
    for script_hex, address in zip(platform["script_hex"].to_pylist(), platform["address"].to_pylist(), strict=True):
        number = snapshot.script_numbers.get(bytes.fromhex(script_hex))
        if number is None or not (number in alone or services.leaders[number] in met):
            continue
        tag = alone[number] if number in alone else met[services.leaders[number]][0]
        found.setdefault(tag["tag_id"], (tag, []))[1].append(address or f"script {script_hex}")
    for tag, addresses in sorted(found.values(), key=lambda item: item[1]):
        defects.add(
            "platform_at_service",
            f"tag {tag['tag_id']} and {len(addresses)} derived platform addresses, first {addresses[0]}, meet in one "
            "address cluster: look at its merges before relying on either",
            reference_name=tag["reference_name"],
            source_table="tags",
        )
