"""A sender without a case: keys, packages of one invented lead each, notices; and a store that trusts it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from headwater.custody import CustodyLog, Head, create_case_key, raw_public_key
from headwater.engine import Session
from headwater.packages import CaseInfo, CaseRecord, draft, recall_notices, release, write_recall
from headwater.receiving import ReceivingStore, TrustedSender, accept
from headwater.schema import table_named

HEAD = Head(entries=7, root="ab" * 32, at_utc=datetime(2026, 11, 3, tzinfo=UTC), signature="")


def lead(number: int, **changes: object) -> dict[str, object]:
    seen = {"country": "ES", "evidence": "x", "weight": 40, "observed": 1, "table": "logins", "example_id": "log-1"}
    lists = ("rules_fired", "rules_not_fired", "completeness", "next_lawful_steps", "contrary", "rivals", "shared_with")
    return {
        "lead_id": f"led-{number}",
        "rank": number,
        "risk_tier": 1,
        "account_id": f"acc-{number}",
        "rules_version": "1",
        "jurisdiction": [seen],
        "jurisdiction_version": "1",
        "lead_country": "ES",
        "assertion_kind": "computed",
        "why_now": "an invented reason",
        "data_subject_category": "unclassified",
        "deconfliction_key": "dk" * 16,
        **{name: [] for name in lists},
        **changes,
    }


class Sender:
    """Whoever sends; time goes on by a minute at every look at the clock."""

    def __init__(self, folder: Path, recipient: str) -> None:
        self.folder = folder
        self.recipient = recipient
        self.author_key, self.approver_key = (Ed25519PrivateKey.generate() for _ in range(2))
        self._minutes = 0
        self.begin("log")
        self.answer_to = ""

    def clock(self) -> datetime:
        self._minutes += 1
        return datetime(2026, 11, 3, 9, 30, tzinfo=UTC) + timedelta(minutes=self._minutes)

    def begin(self, name: str) -> None:
        """Another case with a key and a log of its own, in the same folder of packages."""
        self.log = self.folder.with_name(f"{self.folder.name}-{name}")
        self.log.mkdir(parents=True)
        self.case_key = create_case_key(self.log)
        who = {"actor": "Ana", "role": "analyst", "justification": "an exercise", "clock": self.clock}
        CustodyLog.create(self.log, signing_key=self.case_key, **who)

    @property
    def key(self) -> str:
        return raw_public_key(self.case_key.public_key()).hex()

    def send(self, *numbers: int, **changes: object) -> Path:
        tables = Session({})
        tables.put("leads", table_named("leads").rows([lead(number) for number in numbers or (1,)]))
        terms = {"legal_basis": "Agreement 7", "answer_to": self.answer_to}
        arguments = {
            "country": "ES",
            "recipient_key": self.recipient,
            "author": "Ana",
            "why": "an exercise",
            "case_info": CaseInfo(case_id="case-1", authority_ref="Warrant 1", **terms),
            "out_dir": self.folder,
            "signing_key": self.author_key,
            "clock": self.clock,
            "record": CaseRecord(case_dir=self.log),
            **changes,
        }
        with tables:
            drafted = draft(tables, **arguments)
        keys = {"approver_key": self.approver_key, "case_key": self.case_key}
        who = {"approver": "Bo", "why": "read", "clock": self.clock, "leads_opened": drafted.lead_ids}
        return release(drafted.folder, custody_head=HEAD, **keys, **who).sealed_folder

    def recall(self, *ids: str, why: str = "found to be wrong") -> list[Path]:
        notices = recall_notices(
            self.folder,
            ids,
            operator="Ana",
            why=why,
            operator_key=self.author_key,
            case_key=self.case_key,
            clock=self.clock,
        )
        for notice in notices:
            write_recall(notice, case_key=self.case_key, clock=self.clock, custody_head=HEAD)
        return [notice.folder / "sealed" for notice in notices]


class Receiver:
    """The store and whoever works with it."""

    def __init__(self, folder: Path) -> None:
        self.store = ReceivingStore.create(
            folder, agency="Agency Two", country="ES", operator="Cleo", clock=lambda: datetime(2026, 11, 4, tzinfo=UTC)
        )

    def trust(self, key: str, *, oldest_format: int = 2) -> None:
        sender = TrustedSender(name="Agency One", key=key, oldest_format=oldest_format)
        self.store.trust_sender(sender, operator="Cleo", why="compared by telephone")

    def take(self, folder: Path):
        return accept(self.store, folder, operator="Cleo", why="it came by courier")

    def log(self) -> list[tuple[str, str]]:
        return [(entry.event, entry.outcome) for entry in self.store.custody.entries()]


@pytest.fixture
def receiver(tmp_path: Path) -> Receiver:
    return Receiver(tmp_path / "store")


@pytest.fixture
def sender(tmp_path: Path, receiver: Receiver) -> Sender:
    made = Sender(tmp_path / "packages", receiver.store.recipient())
    receiver.trust(made.key)
    return made
