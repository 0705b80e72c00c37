"""At which accounts traces of tokens stop because of whose they are: tags by address, and contracts by the tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headwater.money.actor_names import ActorNames
from headwater.money.defects import Defects
from headwater.money.services import actor_of, is_later, stop_of_tag
from headwater.references import BadRowError, account_address, chain_named

__all__ = ["TokenClaim", "TokenOwners"]

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenClaim:
    """Why an account counts as a service's.

    Attributes:
        actor: The service as tags name it; None where tags of the address name several.
        tag: The tag relied upon.
        service: Its row in the register, if any.
        tag_is_later: Whether the tag is dated after the last transfer of the chain; None where nobody can tell.
    """

    actor: str | None
    tag: Row
    service: Row | None
    tag_is_later: bool | None


class TokenOwners:
    """Whose accounts are, as far as it stops traces. There are no address clusters here: a tag speaks of its address.

    Args:
        tags: Rows of `tags`.
        services: Rows of `services`.
        actors: Rows of `actors`.
        transfers: Rows of `token_transfers`, for what any of them calls a contract, and for the day they end on.
        own: Chain and address of each account of the platform: they stop no trace.
        defects: Told of tags that cannot be used.
    """

    def __init__(
        self,
        tags: Sequence[Row],
        services: Sequence[Row],
        actors: Sequence[Row],
        transfers: Sequence[Row],
        own: frozenset[tuple[str, str]],
        defects: Defects,
    ) -> None:
        # An alias of several actors is told of where bitcoin is traced; here it is taken for none of them all the same.
        self.names = ActorNames(actors, services, (), Defects())
        self._ends_on = _last_days(transfers)
        self._tags: dict[tuple[str, str], list[Row]] = {}
        self._stops: dict[str, dict[str, str]] = {}
        for chain, address in sorted(_contracts(transfers)):
            if (chain, address) not in own:
                self._stops.setdefault(chain, {})[address] = "swap_or_contract"
        for tag in sorted(tags, key=lambda row: str(row["tag_id"])):
            network = chain_named(str(tag["network"]))
            stop = stop_of_tag(tag, self.names)
            if network is None or stop is None:
                continue
            try:
                named = account_address(network, tag["address"])
            except BadRowError as error:
                defects.add("address_checksum", str(error), reference_name=tag["reference_name"], source_table="tags")
                continue
            if (network, named) in own:
                defects.add(
                    "platform_at_service",
                    f"tag {tag['tag_id']} names {named}, which is the platform's: one of the two is wrong",
                    reference_name=tag["reference_name"],
                    source_table="tags",
                )
                continue
            self._tags.setdefault((network, named), []).append(tag)
            stops = self._stops.setdefault(network, {})
            stops[named] = "service" if "service" in {stop, stops.get(named)} else stop
        self._tell_of_disagreement(defects)

    def stops(self, chain: str) -> Mapping[str, str]:
        """By account of a chain, the reason for which no trace goes through it."""
        return self._stops.get(chain, {})

    def claim(self, chain: str, address: str) -> TokenClaim | None:
        """Why an account counts as somebody's; None where no tag says so. An earlier tag is relied upon first."""
        tags = self._tags.get((chain, address))
        if tags is None:
            return None
        actors = {self.names.actor(actor_of(tag)) for tag in tags}
        actor = next(iter(actors)) if len(actors) == 1 else None
        ends_on = self._ends_on.get(chain)
        tag = min(tags, key=lambda tag: (bool(is_later(tag, ends_on)), str(tag["tag_id"])))
        return TokenClaim(
            actor=actor,
            tag=tag,
            service=None if actor is None else self.names.service(actor),
            tag_is_later=is_later(tag, ends_on),
        )

    def _tell_of_disagreement(self, defects: Defects) -> None:
        for (_, address), tags in sorted(self._tags.items(), key=lambda item: item[0]):
            actors = sorted({self.names.actor(actor_of(tag)) for tag in tags})
            if len(actors) > 1:
                defects.add(
                    "tags_disagree",
                    f"tags of {', '.join(actors)} name the one address {address}: traces stop there, and it is "
                    "ascribed to nobody",
                    reference_name=tags[0]["reference_name"],
                    source_table="tags",
                )


def _last_days(transfers: Sequence[Row]) -> dict[str, dt.date]:
    days: dict[str, dt.date] = {}
    for row in transfers:
        days[row["chain"]] = max(row["at_utc"].date(), days.get(row["chain"], dt.date.min))
    return days


def _contracts(transfers: Sequence[Row]) -> set[tuple[str, str]]:
    """Chain and address of whatever any row calls a contract; of several tables one may know and another not."""
    return {
        (row["chain"], row[f"{side}_address"])
        for row in transfers
        for side in ("from", "to")
        if row[f"{side}_is_contract"]
    }
