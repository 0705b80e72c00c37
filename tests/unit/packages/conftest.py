"""A small invented case: two accounts, two countries, one service, a few media digests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from headwater.custody import Chosen, CustodyLog, RecordedAct, create_case_key
from headwater.engine import Session
from headwater.packages import CaseInfo, CaseRecord, Draft, draft, release
from headwater.schema import table_named


def at(day: int, hour: int = 9) -> datetime:
    return datetime(2026, 10, day, hour, 5, 7, 250, tzinfo=UTC)


DUMP = {
    "exhibit_id": "EX-1",
    "source_item_id": "itm-of-the-dump",
    "source_table": "mbr",
    "source_row": 4,
    "source_offset_bytes": 1000,
    "source_length_bytes": 210,
    "mapping_id": "map-1",
}
REFERENCE = {"reference_name": "demo", "reference_version": "1", "reference_row": 0}


def lead(number: int, country: str, **changes: object) -> dict[str, object]:
    rule = {"rule": "origin_of_unseen_media", "tier": 1, "because": "made the earliest upload of 1 group in no list"}
    seen = {"observed": 2, "table": "uploads", "example_id": f"upl-{number}"}
    return {
        "lead_id": f"led-{number}",
        "rank": number,
        "risk_tier": 1,
        "account_id": f"acc-{number}",
        "rules_version": "1",
        "rules_fired": [{**rule, **seen}],
        "rules_not_fired": ["administration_of_the_platform", "link_to_convicted_person"],
        "jurisdiction": [{"country": country, "evidence": "network addresses, by a list", "weight": 40, **seen}],
        "jurisdiction_version": "1",
        "lead_country": country,
        "lead_country_margin": 40,
        "shared_with": [],
        "why_now": "Uploaded media that no list holds, last on 2026-10-03",
        "latest_act_at_utc": at(3),
        "completeness": [
            {"field": "email", "state": "present"},
            {"field": "phone", "state": "absent"},
            {"field": "subscriber_records", "state": "not_collected"},
        ],
        "next_lawful_steps": [{"holder": "Example Access", "country": country, "step": "preservation"}],
        "volatile_until_utc": at(30),
        "data_subject_category": "unclassified",
        "assertion_kind": "computed",
        "named_record_id": None,
        "contrary": [fact("Two accounts used this network address within the same hour")],
        "rivals": [],
        "deconfliction_key": "dk" * 16,
        **changes,
    }


def fact(statement: str) -> dict[str, str]:
    """What speaks against, as it stands on a lead."""
    cited = {"fact_kind": "shared_network_address", "source_table": "logins", "source_id": "log-1-1"}
    return {"fact_id": f"fct-{len(statement)}", "statement": statement, **cited}


def item(number: int) -> dict[str, object]:
    path = f"srv/store/{number:02d}/title one.jpg"
    return {
        "item_id": f"itm-{number}",
        "exhibit_id": "EX-1",
        "volume_index": 0,
        "path": path,
        "path_bytes": path.encode(),
        "directory": "srv/store",
        "entry_type": "file",
        "size_bytes": 1000 + number,
        "disposition": "catalogued",
        "read_bytes": 1000 + number,
        "md5": f"{number:032x}",
        "sha1": f"{number:040x}",
        "sha256": f"{number:064x}",
        "content_kind": "still",
        "content_format": "jpeg",
        "copies": 1,
    }


def case_rows() -> dict[str, list[dict[str, object]]]:
    trace = {"direction": "backward", "policy": "fifo", "origin_txid": "aa" * 32, "origin_output_index": 0}
    link = {
        "left_table": "payments",
        "right_table": "records",
        "proposed": True,
        "match_weight_mbits": 12_345,
        "probability_ppm": 999_000,
        "comparisons": [
            {
                "field": "surname",
                "level": "exact",
                "weight_mbits": 9000,
                "rows_with_value": 2,
                "sentence": "surname: exact",
            }
        ],
        "because": "same surname and date of birth",
        "model_id": "mdl-1",
        "rivals": 1,
    }
    record = {**REFERENCE, "convicted": False}
    return {
        "leads": [
            lead(1, "ES", named_record_id="rec-1"),
            lead(2, "ES", risk_tier=2, contrary=[]),
            lead(3, "FR", risk_tier=3),
        ],
        "lead_acts": [
            {
                "lead_id": f"led-{n}",
                "act": "login",
                "act_id": f"log-{n}-{m}",
                "at_utc": at(m + 1),
                "network_address": f"198.51.100.{m}",
                "proxy": (None, True, False)[m % 3],
            }
            for n in (1, 2, 3)
            for m in range(15 if n == 1 else 2)
        ],
        "accounts": [
            {
                "account_id": f"acc-{n}",
                "platform_key": str(40 + n),
                "nickname": ("=HYPERLINK(1)", "ana#*_`$\u202e中", "third")[n - 1],
                "email": f"p{n}@example.org",
                "role": "member",
                "registered_at_utc": at(1),
                **DUMP,
            }
            for n in (1, 2, 3)
        ],
        "payments": [
            {"payment_id": f"pay-{n}", "platform_key": str(n), "account_id": f"acc-{n}", "at_utc": at(2), **DUMP}
            for n in (1, 2, 3)
        ],
        "uploads": [{"upload_id": f"upl-{n}", "account_id": f"acc-{n}", "at_utc": at(3), **DUMP} for n in (1, 2, 3)],
        "upload_items": [{"upload_id": f"upl-{n}", "item_id": f"itm-{n}", "resolved_by": "path"} for n in (1, 2, 3)],
        "items": [item(n) for n in (1, 2, 3)],
        "media_verdicts": [
            {"item_id": "itm-1", "verdict": "none", "verdict_group": "none"},
            {"item_id": "itm-2", "verdict": "exact", "verdict_group": "known", "series": "harbour"},
            {"item_id": "itm-3", "verdict": "none", "verdict_group": "none"},
        ],
        "media_clusters": [{"media_cluster_id": "mcl-1", "item_id": "itm-1", "distance_bits": 0}],
        "media_origins": [
            {
                "media_cluster_id": "mcl-1",
                "items": 1,
                "verdict_group": "none",
                "upload_id": "upl-1",
                "account_id": "acc-1",
                "at_utc": at(3),
                "uploads": 1,
            }
        ],
        "contrary_facts": [
            {
                "fact_id": "fct-1",
                "fact_kind": "shared_household",
                "account_id": "acc-1",
                "statement": "Another person of the same surname lives at this address",
                "source_table": "records",
                "source_id": "rec-2",
            }
        ],
        "rival_hypotheses": [
            {
                "rival_id": "rvl-1",
                "link_id": "lnk-1",
                "account_id": "acc-1",
                "payer_id": "cus-1",
                "other_table": "records",
                "other_id": "rec-9",
                "shared": [
                    {
                        "shared_kind": "household",
                        "payer_row_table": "customers",
                        "payer_row_id": "cus-1",
                        "other_row_table": "records",
                        "other_row_id": "rec-9",
                    }
                ],
                "payer_support": [],
                "payer_contradiction": [],
                "other_support": [
                    {"statement": "the account's nickname is this person's", "table": "records", "row_id": "rec-9"}
                ],
                "other_contradiction": [],
            }
        ],
        "links": [
            {"link_id": "lnk-1", "claim": "paid", "left_id": "pay-1", "right_id": "rec-1", **link},
            {"link_id": "lnk-2", "claim": "paid", "left_id": "pay-1", "right_id": "rec-2", **link},
            {"link_id": "lnk-3", "claim": "paid", "left_id": "pay-2", "right_id": "rec-2", **link},
        ],
        "judgements": [
            {
                "link_id": f"lnk-{n}",
                "claim": "paid",
                "left_id": left,
                "right_id": right,
                "verdict": verdict,
                "operator": "Iva Example",
                "positive_operators": positive,
            }
            for n, left, right, verdict, positive in (
                (1, "pay-1", "rec-1", "positive", 1),
                (2, "pay-1", "rec-2", "negative", 0),
            )
        ]
        + [
            {
                "link_id": "lnk-u",
                "claim": "used",
                "left_id": "acc-1",
                "right_id": "rec-1",
                "verdict": "positive",
                "operator": "Iva Example",
                "positive_operators": 2,
            }
        ],
        "records": [
            {**record, "record_id": "rec-1", "source_key": "R1", "full_name": "Łucja Ångström-Îles", "country": "ES"},
            {**record, "record_id": "rec-2", "source_key": "R2", "full_name": "Innocent Bystander", "country": "ES"},
        ],
        "request_sheets": [
            {
                "request_id": f"req-{n}",
                "service_id": "srv-1",
                "actor": "exampleexchange",
                "service_name": "Example Exchange Ltd",
                "country": "FR",
                "legal_contact": "orders@exchange.example",
                "direction": "backward",
                "question": "Who withdrew this output, and with which documents was that customer identified?",
                "txid": f"{n:02d}" * 32,
                "output_index": 1,
                "address": "bcrt1q" + "m" * 38,
                "output_sat": 1_250_000,
                "fifo_sat": 1_000_000,
                "pro_rata_sat": 900_000,
                "at_utc": at(1),
                "traces": 1,
                "accounts": 1,
                "tag_id": "tag-1",
            }
            for n in (1, 3)
        ],
        "traces": [
            {**trace, "trace_id": f"trc-{n}", "origin_sat": 5, "account_id": f"acc-{n}", "fee_sat": 0, "endpoints": 1}
            for n in (1, 3)
        ],
        "endpoints": [
            {
                "endpoint_id": f"end-{n}",
                "trace_id": f"trc-{n}",
                "txid": f"{n:02d}" * 32,
                "output_index": 1,
                "amount_sat": 5,
                "bound_sat": 5,
                "hops": 2,
                "stop_reason": "service",
                "service_id": "srv-1",
                "tag_id": "tag-1",
                "at_utc": at(1),
            }
            for n in (1, 3)
        ],
    }


def clock() -> datetime:
    return datetime(2026, 11, 3, 9, 30, tzinfo=UTC)


CASE_INFO = CaseInfo(
    case_id="case-demo",
    authority_ref="Warrant 12/2026 of the Example Court",
    agency="Example Agency",
    contact="desk@agency.example",
    legal_basis="Example Convention, article 26",
    handling_code="RESTRICTED // INVENTED DATA",
)

WHO = {"actor": "Iva Example", "role": "analyst", "justification": "an exercise", "clock": clock}
Rows = dict[str, list[dict[str, object]]]


def session(rows: Rows) -> Session:
    tables = Session({})
    for name, listed in rows.items():
        tables.put(name, table_named(name).rows(listed))
    return tables


class Case:
    """Keys, a recipient, and a folder of packages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.author_key = Ed25519PrivateKey.generate()
        self.approver_key = Ed25519PrivateKey.generate()
        self.log_folder = folder / "log"
        self.log_folder.mkdir()
        self.begin_log(self.log_folder)
        self.identity = pyrage.x25519.Identity.generate()
        self.clock = clock

    def begin_log(self, folder: Path) -> None:
        """A custody log of its own, with what a case of these rows would have recorded."""
        self.log_folder = folder
        self.case_key = create_case_key(folder)
        self.log = CustodyLog.create(folder, signing_key=self.case_key, **WHO)
        self.log.append(event="acquired", object_ids=["EX-1"], input_digests={"exhibit EX-1": "ab" * 32}, **WHO)
        outputs = {"leads.parquet": "cd" * 32}
        self.log.append(event="combined", object_ids=["run-01"], output_digests=outputs, **WHO)

    def all_of(self, acts: Sequence[RecordedAct]) -> dict[int, Chosen]:
        """Every entry with its texts, as a choice."""
        return {act.entry.seq: Chosen() for act in acts}

    def draft(self, rows: Rows | None = None, *, country: str = "ES", **changes: object) -> Draft:
        with session(case_rows() if rows is None else rows) as tables:
            arguments = {
                "country": country,
                "recipient_key": str(self.identity.to_public()),
                "author": "Iva Example",
                "why": "two accounts with unseen media",
                "case_info": CASE_INFO,
                "out_dir": self.folder / "packages",
                "signing_key": self.author_key,
                "clock": clock,
                "record": CaseRecord(case_dir=self.log_folder),
            }
            return draft(tables, **{**arguments, **changes})

    def release(self, drafted: Draft, **changes: object):
        arguments = {
            "approver": "Olu Example",
            "why": "read both leads",
            "approver_key": self.approver_key,
            "case_key": self.case_key,
            "clock": clock,
            "leads_opened": drafted.lead_ids,
        }
        return release(drafted.folder, **{**arguments, **changes})


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


@pytest.fixture
def rows() -> Rows:
    return case_rows()


@pytest.fixture
def make_session() -> Iterator[Callable[[Rows], Session]]:
    opened: list[Session] = []

    def make(listed: Rows) -> Session:
        opened.append(session(listed))
        return opened[-1]

    yield make
    for tables in opened:
        tables.close()
