"""One actor under several names: aliases of actor packs, between the names that tags use and those of the register."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from headwater.money.defects import Defects

__all__ = ["ActorNames"]

Row = Mapping[str, Any]


class ActorNames:
    """Which names mean the same actor.

    A name means itself where the register or an actor pack has it as an id. Else it means the actor whose alias it is,
    if it is one actor's alone; an alias of several actors means nobody, and a defect says so where it is used.

    Args:
        actors: Rows of `actors`; of several with one id the latest counts.
        services: Rows of `services`.
        used: Names that tags use, for the defects.
        defects: Told of aliases that are used and mean several actors.
    """

    def __init__(self, actors: Sequence[Row], services: Sequence[Row], used: Collection[str], defects: Defects) -> None:
        self._actors = {row["actor"]: row for row in sorted(actors, key=_dated)}
        self._register = {row["actor"]: row for row in sorted(services, key=lambda row: str(row["service_id"]))}
        owners: dict[str, set[str]] = {}
        for actor, row in self._actors.items():
            for alias in str(row["aliases"] or "").split():
                if alias not in self._actors:
                    owners.setdefault(alias, set()).add(actor)
        self._ids = {alias: min(found) for alias, found in owners.items() if len(found) == 1}
        self._by_id: dict[str, list[Row]] = {}
        for name, row in self._register.items():
            self._by_id.setdefault(self._id(name), []).append(row)
        for alias in sorted(set(used) | self._register.keys()):
            if len(owners.get(alias, ())) > 1:
                first = self._actors[min(owners[alias])]
                defects.add(
                    "actor_alias_ambiguous",
                    f"{alias} is an alias of {', '.join(sorted(owners[alias]))}: it is taken for none of them",
                    reference_name=first["reference_name"],
                    source_table="actors",
                )

    def service(self, name: str) -> Row | None:
        """The actor's row in the register, under this name or another one of it; None where there is not just one."""
        direct = self._register.get(name)
        if direct is not None:
            return direct
        found = self._by_id.get(self._id(name), [])
        return found[0] if len(found) == 1 else None

    def actor(self, name: str) -> str:
        """The one name for the actor: the register's, else the id of the actor pack, else the name as it is."""
        service = self.service(name)
        return self._id(name) if service is None else str(service["actor"])

    def described(self, name: str) -> Row | None:
        """The actor's row in the actor packs, if any."""
        return self._actors.get(name) or self._actors.get(self._id(name))

    def _id(self, name: str) -> str:
        return self._ids.get(name, name)


def _dated(actor: Row) -> tuple[str, str]:
    return str(actor["last_modified"] or ""), str(actor["actor_id"])
