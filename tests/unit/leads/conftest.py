"""A case small enough to read: what accounts did, what other stages say of them, and what people judged."""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from headwater.engine import Session, StageContext
from headwater.judgements import Judgement, Verdict, snapshot
from headwater.leads import rank_leads
from headwater.schema import content_id, table_named

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def _default(kind: pa.DataType) -> object:
    """What a required column holds where a test does not care."""
    if pa.types.is_list(kind):
        return []
    if pa.types.is_integer(kind):
        return 0
    if pa.types.is_boolean(kind):
        return False
    return START if pa.types.is_timestamp(kind) else "-"


class Case:
    """Collects rows of tables, then gives what the stage makes of them."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.judgements: list[Judgement] = []
        self.sessions: list[Session] = []

    def add(self, table: str, row_id: str = "", **values: Any) -> str:
        """A row with that id; what is not stated and may be absent is absent."""
        schema = table_named(table)
        row_id = row_id or f"{table[:3]}-{len(self.rows[table]):03}"
        row = {c.name: _default(c.type) for c in schema.columns if not c.nullable}
        self.rows[table].append(row | {schema.key[0]: row_id} | values)
        return row_id

    def account(self, name: str, *, role: str = "member", **values: Any) -> str:
        return self.add("accounts", name, role=role, **values)

    def login(self, account: str, address: str | None, *, day: int = 0) -> str:
        return self.add("logins", account_id=account, network_address=address, at_utc=START + dt.timedelta(days=day))

    def upload(
        self, account: str, *, day: int = 0, address: str | None = None, group: str = "", victim: str | None = None
    ) -> str:
        """An upload; with a verdict group, of one item of which the lists say that."""
        at_utc = START + dt.timedelta(days=day)
        upload = self.add("uploads", account_id=account, at_utc=at_utc, network_address=address)
        if group:
            item = f"itm-{upload}"
            self.add("upload_items", upload, item_id=item)
            self.add("media_verdicts", item, verdict_group=group, victim_identified=victim)
        return upload

    def origin(self, account: str | None, group: str = "none", victim: str | None = None) -> str:
        return self.add("media_origins", account_id=account, verdict_group=group, victim_identified=victim)

    def payment(self, account: str, *, day: int = 0) -> str:
        return self.add("payments", account_id=account, at_utc=START + dt.timedelta(days=day))

    def traced(self, payment: str, account: str, service: str, *, direction: str = "backward", day: int = 0) -> str:
        """A trace of the payment that ends at the service."""
        trace = self.add("traces", direction=direction, policy="fifo", payment_id=payment, account_id=account)
        at_utc = START + dt.timedelta(days=day)
        return self.add("endpoints", trace_id=trace, stop_reason="service", service_id=service, at_utc=at_utc)

    def link(self, claim: str, left: str, right: str, *, proposed: bool = True) -> str:
        link_id = content_id("lnk", claim, left, right)
        return self.add("links", link_id, claim=claim, left_id=left, right_id=right, proposed=proposed)

    def judge(self, claim: str, left: str, right: str, verdict: Verdict, *, operator: str = "A. Examiner") -> None:
        """One more judgement, after those before it."""
        self.judgements.append(
            Judgement(
                link_id=content_id("lnk", claim, left, right),
                claim=claim,
                left_id=left,
                right_id=right,
                verdict=verdict,
                operator=operator,
                why="for a test",
                seen_weight_mbits=1,
                model_id="mdl-1",
                at_utc=f"2026-01-01T00:00:{len(self.judgements):02}.000000Z",
            )
        )

    def session(self, *, shuffled: int | None = None) -> Session:
        """The tables; shuffled, as an engine might give them: not even in the order that tables have on disk."""
        session = Session({})
        self.sessions.append(session)
        tables = {name: table_named(name).rows(rows) for name, rows in self.rows.items()}
        for name, rows in (tables | {"judgements": snapshot(self.judgements)}).items():
            session.put(name, rows)
            if shuffled is not None:
                order = random.Random(f"{shuffled}{name}").sample(range(rows.num_rows), rows.num_rows)
                session._in_memory[name] = rows.take(pa.array(order, pa.int64()))
        return session

    def derived(self, **options: Any) -> dict[str, pa.Table]:
        return rank_leads(StageContext(tables=self.session(**options)))

    def leads(self, **options: Any) -> dict[str, dict[str, Any]]:
        """The leads by account, in order of rank."""
        return {lead["account_id"]: lead for lead in self.derived(**options)["leads"].to_pylist()}

    def lead(self, account: str = "acc-1") -> dict[str, Any]:
        return self.leads()[account]


@pytest.fixture
def case() -> Iterator[Case]:
    built = Case()
    yield built
    for session in built.sessions:
        session.close()


@pytest.fixture
def busy(case: Case) -> Case:
    """Accounts that did a little of everything, with evidence from every table that the stage reads."""
    generator = random.Random("busy")
    for n, country in enumerate(("SE", "PT", "NL")):
        case.add("networks", f"net-{n}", cidr=f"203.0.{n}.0/24", kind="access", country=country, holder=f"Line {n}")
        case.add("services", f"svc-{n}", name=f"Service {n}", country=country, retention_days=100 * n or None)
        case.add("customers", f"cus-{n}", country=country)
        case.add("records", f"rec-{n}", convicted=n == 1, full_name=f"Person {n}")
    case.add("networks", "net-vpn", cidr="203.0.1.128/25", kind="vpn", country="IS", holder="Tunnel")
    for n in range(24):
        account = case.account(
            f"acc-{n:02}",
            role=generator.choice(["member"] * 8 + ["moderator", "administrator"]),
            nickname=f"owl{n}",
            email=generator.choice([None, f"owl{n}@mail.test"]),
            phone=generator.choice([None, "+46 8 123 456 78", "020 7946 0018"]),
            registered_at_utc=START,
        )
        for _ in range(generator.randrange(4)):
            case.login(
                account, f"203.0.{generator.randrange(4)}.{generator.randrange(256)}", day=generator.randrange(9)
            )
        for _ in range(generator.randrange(4)):
            group = generator.choice(["", "none", "known", "near", "benign"])
            victim = generator.choice(["yes", "no", "unknown"]) if group in {"known", "near"} else None
            case.upload(account, day=generator.randrange(9), address=f"203.0.1.{n}", group=group, victim=victim)
        if n % 3 == 0:
            case.origin(account, generator.choice(["none", "known", "benign"]), generator.choice(["yes", "no"]))
        for _ in range(generator.randrange(3)):
            payment = case.payment(account, day=generator.randrange(9))
            case.traced(payment, account, f"svc-{generator.randrange(3)}", day=generator.randrange(9))
            link = case.link("paid", payment, f"cus-{generator.randrange(3)}", proposed=generator.random() < 0.7)
            case.add("contrary_facts", link_id=link, statement=f"payer of {account} is somebody else")
        if n % 4 == 0:
            right = f"rec-{generator.randrange(3)}"
            case.link("used", account, right)
            case.judge("used", account, right, generator.choice(["positive", "positive", "negative", "unsure"]))
            case.add("contrary_facts", account_id=account, statement=f"{account} shares a line")
    return case
