"""The planted situations: a fixed cast that every seizure holds, whatever the seed and however few the accounts.

Everybody else of the population behaves at random. The cast is what a test may count on: relatives who pay, shared
households, shared addresses, hidden networks, first uploaders who can be found and the innocent people near them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["CAST", "CAST_ACCOUNTS", "Conduct", "PlannedHousehold", "PlannedMember", "RecordPlan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """What the holder of an account does and tells.

    Attributes:
        uploads: none, copies (of what is there already) or origin (of scenes never seen before).
        network: home, vpn, mixed (mostly hidden, now and then from home) or hotspot.
        email: personal, throwaway or none.
        gives_phone: Whether the account carries the holder's telephone number.
        gives_pgp: Whether it carries a PGP fingerprint.
        role: member, moderator or administrator.
        payer: self, relative or nobody.
        route: How the payment comes, one of the chain's routes.
        exchange_index: Which exchange the payer is a customer of; 0 and 1 are in the tag pack.
        unpaid: Invoices that nobody ever paid.
        deleted: Whether the platform had marked the account as deleted.
    """

    uploads: str = "none"
    network: str = "mixed"
    email: str = "throwaway"
    gives_phone: bool = False
    gives_pgp: bool = False
    role: str = "member"
    payer: str = "nobody"
    route: str = "exchange_direct"
    exchange_index: int = 0
    unpaid: int = 0
    deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPlan:
    """What a register holds of a person.

    Attributes:
        convicted: Whether a relevant conviction is on record.
        email: Whether the person's own e-mail address is.
        phone: Whether the person's telephone number is.
        nickname: Whether the nickname of the person's account is.
        moved: Whether the address is one where the person lived before.
        rows: How many rows are about the person.
    """

    convicted: bool = False
    email: bool = False
    phone: bool = False
    nickname: bool = False
    moved: bool = False
    rows: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedMember:
    """One member of a planned household.

    Attributes:
        accounts: Conduct of each account of the person.
        record: What a register holds; None for nothing.
        namesake: Whether the person bears the full name of the first member of the household before.
    """

    accounts: tuple[Conduct, ...] = ()
    record: RecordPlan | None = None
    namesake: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedHousehold:
    """One household of the cast.

    Attributes:
        situation: Name of what it stands for.
        members: The people.
        kin: Whether they are relatives of the household before.
        same_house: Whether they live at the street address of the household before, as strangers.
        hotspot: Number of the public network that its accounts use, if any.
    """

    situation: str
    members: tuple[PlannedMember, ...]
    kin: bool = False
    same_house: bool = False
    hotspot: int | None = None


_ORIGIN = Conduct(uploads="origin")
_COPIES = Conduct(uploads="copies")
_CONVICTED = RecordPlan(convicted=True)
_OTHER_MATTER = RecordPlan()


def _one(situation: str, conduct: Conduct, record: RecordPlan | None = None) -> PlannedHousehold:
    return PlannedHousehold(situation=situation, members=(PlannedMember(accounts=(conduct,), record=record),))


CAST: tuple[PlannedHousehold, ...] = (
    _one("origin_paid_direct", replace(_ORIGIN, network="vpn", payer="self"), _CONVICTED),
    _one(
        "origin_paid_from_wallet", replace(_ORIGIN, payer="self", route="exchange_wallet", exchange_index=1), _CONVICTED
    ),
    _one(
        "origin_by_email",
        replace(_ORIGIN, email="personal", payer="self", route="coinjoin"),
        RecordPlan(convicted=True, email=True, rows=2),
    ),
    _one("origin_by_phone", replace(_ORIGIN, gives_phone=True), RecordPlan(convicted=True, phone=True, moved=True)),
    _one(
        "origin_by_nickname",
        replace(_ORIGIN, network="vpn", payer="self", route="self_funded"),
        RecordPlan(nickname=True),
    ),
    # The partner at the same address paid, and did nothing else.
    PlannedHousehold(
        situation="relative_of_household_paid",
        members=(
            PlannedMember(
                accounts=(replace(_ORIGIN, email="personal", payer="relative"),),
                record=RecordPlan(convicted=True, email=True),
            ),
            PlannedMember(),
        ),
    ),
    # A relative at another address paid, who is on record for something else altogether.
    _one("uploader_paid_by_kin", replace(_COPIES, payer="relative", route="exchange_wallet", network="vpn")),
    PlannedHousehold(situation="kin_who_paid", members=(PlannedMember(record=_OTHER_MATTER),), kin=True),
    # Two accounts behind one router; the second holder only looked around, and is on record for something else.
    PlannedHousehold(
        situation="shared_household",
        members=(
            PlannedMember(
                accounts=(replace(_ORIGIN, network="home", payer="self", route="exchange_two_hops", exchange_index=1),),
                record=_CONVICTED,
            ),
            PlannedMember(accounts=(Conduct(network="home"),), record=_OTHER_MATTER),
        ),
    ),
    # Strangers in one street address: one uploads, the other has no account and is on record.
    _one("house_uploader", replace(_COPIES, network="home", payer="self"), RecordPlan(convicted=True, moved=True)),
    PlannedHousehold(
        situation="house_neighbour", members=(PlannedMember(record=RecordPlan(phone=True)),), same_house=True
    ),
    # Strangers on one public network.
    PlannedHousehold(
        situation="hotspot_uploader",
        members=(
            PlannedMember(
                accounts=(replace(_COPIES, network="hotspot", gives_phone=True),),
                record=RecordPlan(convicted=True, phone=True),
            ),
        ),
        hotspot=0,
    ),
    PlannedHousehold(
        situation="hotspot_bystander",
        members=(PlannedMember(accounts=(Conduct(network="hotspot"),), record=RecordPlan(email=True)),),
        hotspot=0,
    ),
    _one("vpn_only", Conduct(network="vpn", payer="self", route="exchange_direct", exchange_index=1)),
    _one("vpn_with_leak", replace(_COPIES, network="mixed"), RecordPlan(convicted=True, nickname=True)),
    _one(
        "administrator",
        replace(_COPIES, role="administrator", network="vpn", gives_pgp=True, email="personal"),
        RecordPlan(convicted=True, email=True),
    ),
    _one(
        "moderator", Conduct(role="moderator", network="mixed", gives_pgp=True, payer="self", route="exchange_two_hops")
    ),
    # A payer whose full name somebody else bears, who is on record.
    _one("namesake_payer", Conduct(payer="self", route="exchange_direct")),
    PlannedHousehold(situation="namesake_on_record", members=(PlannedMember(record=_CONVICTED, namesake=True),)),
    # One person, two accounts.
    PlannedHousehold(
        situation="two_accounts",
        members=(
            PlannedMember(
                accounts=(replace(_COPIES, network="home", payer="self"), Conduct(network="home", email="personal")),
                record=RecordPlan(convicted=True, email=True),
            ),
        ),
    ),
    _one("never_paid", Conduct(unpaid=2)),
    _one("deleted_uploader", replace(_COPIES, deleted=True, email="personal"), RecordPlan(convicted=True, email=True)),
    _one("untagged_exchange", Conduct(payer="self", route="exchange_wallet", exchange_index=2)),
)

CAST_ACCOUNTS = sum(len(member.accounts) for household in CAST for member in household.members)
