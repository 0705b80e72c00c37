"""Names of actors: an alias joins a tag to the register, and one that is not clear joins nothing."""

from __future__ import annotations

from typing import Any

from headwater.money.actor_names import ActorNames
from headwater.money.defects import Defects


def actor(name: str, aliases: str | None, *, modified: str = "2024-01-01", **more: Any) -> dict[str, Any]:
    return {
        "actor_id": f"act-{name}-{modified}",
        "reference_name": "pack",
        "actor": name,
        "aliases": aliases,
        "last_modified": modified,
        **more,
    }


def named(actors: list[dict[str, Any]], register: list[str], used: tuple[str, ...] = ()) -> tuple[ActorNames, Defects]:
    defects = Defects()
    services = [{"service_id": f"svc-{name}", "actor": name} for name in register]
    return ActorNames(actors, services, used, defects), defects


def service_of(names: ActorNames, name: str) -> str | None:
    row = names.service(name)
    return None if row is None else str(row["actor"])


def test_an_alias_leads_to_the_register_from_either_side() -> None:
    pack = [actor("northquay", "nq north_quay")]
    for register in ("northquay", "nq", "north_quay"):
        names, defects = named(pack, [register], ("nq",))
        for name in ("northquay", "nq", "north_quay"):
            assert service_of(names, name) == register
            assert names.actor(name) == register
        assert service_of(names, "other") is None
        assert defects.rows == []


def test_without_a_register_aliases_are_still_one_actor() -> None:
    names, _ = named([actor("northquay", "nq")], [])
    assert {names.actor(name) for name in ("northquay", "nq")} == {"northquay"}
    described = names.described("nq")
    assert described is not None
    assert described["actor"] == "northquay"
    assert names.described("other") is None


def test_an_alias_of_two_actors_means_neither_and_is_told_where_it_is_used() -> None:
    pack = [actor("alder", "coins"), actor("birch", "coins b")]
    names, defects = named(pack, ["alder", "birch"], ("coins",))
    assert service_of(names, "coins") is None
    assert names.actor("coins") == "coins"
    assert service_of(names, "b") == "birch"
    [row] = defects.rows
    assert row["code"] == "actor_alias_ambiguous"
    assert row["reason"].startswith("coins is an alias of alder, birch")
    assert named(pack, ["alder"], ("alder",))[1].rows == []


def test_an_alias_that_is_another_actors_id_means_that_actor() -> None:
    names, _ = named([actor("alder", "birch"), actor("birch", None)], ["alder", "birch"])
    assert [service_of(names, name) for name in ("alder", "birch")] == ["alder", "birch"]


def test_two_rows_of_the_register_for_one_actor_are_found_by_their_own_names_only() -> None:
    names, _ = named([actor("northquay", "nq nq_eu other")], ["nq", "nq_eu"])
    assert [service_of(names, name) for name in ("nq", "nq_eu")] == ["nq", "nq_eu"]
    assert service_of(names, "other") is None
    assert service_of(names, "northquay") is None


def test_the_latest_row_of_an_actor_counts() -> None:
    names, _ = named([actor("alder", "old", modified="2023-01-01"), actor("alder", "new")], ["alder"])
    assert [service_of(names, name) for name in ("old", "new")] == [None, "alder"]
