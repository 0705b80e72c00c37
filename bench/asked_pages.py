"""What fifty analysts ask for: every page of a case by the routes of the workbench, those with an id by any id."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final
from urllib.parse import quote, urlencode

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from headwater.schema import table_named
from headwater.workflow import Case
from headwater_web.routes import ROUTES
from headwater_web.rules import CASE_READERS

__all__ = ["JUDGEMENT", "pages_of"]

Address = str | Callable[[random.Random], str]

JUDGEMENT: Final = "judgement"
TABLES: Final = (
    "accounts", "items", "media_verdicts", "links", "leads", "entries", "payments", "address_clusters",
)  # fmt: skip
WORDS: Final = ("lakewalker", "meadow", "qqqqqqqq", "a1b2c3d4")
MOST_IDS: Final = 2_000
# How often a page is asked for beside the others, which are one.
OFTEN: Final = {"leads": 3, "lead by rank": 3, "lead": 3, "search": 3, "review_pair": 3, JUDGEMENT: 4}
# Not pages: what hands out whole tables, sends somebody elsewhere, or needs what a person makes first.
LEFT_OUT: Final = frozenset(
    {"export", "export_form", "opened", "viewer_exported", "viewer_file", "grades_shown", "release_draft"}
)
# Pages that say what is wrong where nothing is asked for, or that are asked for below in other ways.
NEED_MORE: Final = frozenset({"go_to", "search", "leads", "intake_entries", "money_ends", "money_token_ends",
                              "review_undo_form", "review_cut_form", "row"})  # fmt: skip


class _Ids:
    """Ids of a case's rows, drawn from anywhere in a table."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.rows = {str(o["table_name"]): int(str(o["rows"])) for o in case.current_outputs()}
        self._run = {str(o["table_name"]): str(o["run_id"]) for o in case.current_outputs()}

    def of(self, table: str, column: str) -> list[str]:
        """Some values, from the first and the last part of the table and from between; none if it has no rows."""
        if not self.rows.get(table):
            return []
        file, found = pq.ParquetFile(self.case.table_file(table, self._run[table])), []
        groups = sorted({0, file.num_row_groups // 2, file.num_row_groups - 1})
        for group in groups:
            values = file.read_row_group(group, columns=[column])[column].drop_null()
            step = max(1, len(values) * len(groups) // MOST_IDS)
            found += values.take(list(range(0, len(values), step))).to_pylist() if len(values) else []
        return [str(value) for value in found]

    def sums(self) -> tuple[list[str], list[str]]:
        """Queries of the rows behind a sum: of coins, and of tokens."""
        if not self.rows.get("token_endpoints"):
            return [], []
        with self.case.tables() as tables:
            coins = tables.arrow("traces").select(["policy", "direction"]).to_pylist()
            traces = {row["trace_id"]: row for row in tables.arrow("token_traces").to_pylist()}
            ends = tables.arrow("token_endpoints").to_pylist()
        tokens = []
        for end in ends:
            trace = traces[end["trace_id"]]
            key = f"{trace['chain']}/{trace['token_contract']}"
            reason = f"{end['stop_reason']}:{end['service_id'] or ''}"
            tokens.append(urlencode({"coins": key, "direction": trace["direction"], "end": reason}))
        return sorted({urlencode(row) for row in coins}), sorted(set(tokens))

    def contents(self) -> list[str]:
        """SHA-256 of some media."""
        media = pa.array(self.of("media_verdicts", "item_id"))
        items = ds.dataset(self.case.table_file("items", self._run["items"]))
        rows = items.to_table(columns=["sha256"], filter=ds.field("item_id").isin(media))
        return [digest for digest in rows["sha256"].to_pylist() if digest]


def pages_of(case: Case, key: str) -> list[tuple[str, Address]]:
    """Every page of the case, by the name of its route; an address, or what draws one.

    Args:
        case: The case.
        key: Its name in addresses.
    """
    ids, base = _Ids(case), f"/case/{key}"
    pages: list[tuple[str, Address]] = [("anchor", "/own/headwater.css")]
    with_ids = set()
    for route in ROUTES:
        if not (route.in_case and "GET" in route.methods and route.roles & CASE_READERS):
            continue
        if route.name in LEFT_OUT | NEED_MORE:
            continue
        if route.path.count("{") == 1:
            pages.append((route.name, route.path.replace("{case}", key)))
        else:
            with_ids.add(route.name)
    drawn = _by_id(ids, base)
    if missing := with_ids - {name for name, _ in drawn} - {"table"}:
        raise SystemExit(f"no page is asked for of {', '.join(sorted(missing))}")
    pages += drawn + _by_place(ids, base, quote(case.exhibits()[0].exhibit_id))
    return [page for page in pages for _ in range(OFTEN.get(page[0], 1))]


def _any(base: str, values: Sequence[str], chance: random.Random) -> str:
    return base.format(quote(chance.choice(values)))


def _any_of(base: str, queries: Sequence[str], chance: random.Random) -> str:
    return f"{base}?{chance.choice(queries)}"


def _by_id(ids: _Ids, base: str) -> list[tuple[str, Address]]:
    """Each page that is of one object, and rows of tables by key."""
    contents = ids.contents()
    asked = {
        "lead": ("leads/{}", ids.of("leads", "lead_id")),
        "lead_timeline": ("leads/{}/timeline", ids.of("leads", "lead_id")),
        "review_pair": ("review/{}", ids.of("review_queue", "link_id")),
        "content": ("catalogue/content/{}", contents),
        "remarks_on": ("remarks/on/{}", ids.of("accounts", "account_id")),
        "remarks_on an item": ("remarks/on/{}", ids.of("items", "item_id")),
        "money_service": ("money/services/{}", ids.of("request_sheets", "service_id")),
        "money_sheet": ("money/services/{}/sheet", ids.of("request_sheets", "service_id")),
        "money_question": ("money/questions/{}", ids.of("request_sheets", "request_id")),
        "money_cluster": ("money/clusters/{}", ids.of("address_clusters", "address_cluster_id")),
        "leads of a country": ("leads/?country={}", ids.of("leads", "lead_country")),
        "leads of a tier": ("leads/?tier={}", ids.of("leads", "risk_tier")),
    }
    for table in (name for name in TABLES if len(table_named(name).key) == 1):
        column = table_named(table).key[0]
        asked[f"row of {table}"] = (f"tables/{table}/row?is.{column}={{}}", ids.of(table, column))
        asked[f"table {table} of a key"] = (f"tables/{table}/?is.{column}={{}}", ids.of(table, column))
    asked["logins of an account"] = ("tables/logins/?is.account_id={}", ids.of("accounts", "account_id"))
    asked["items of a digest"] = ("tables/items/?is.sha256={}", contents)
    return [(name, partial(_any, f"{base}/{path}", values)) for name, (path, values) in asked.items() if values]


def _by_place(ids: _Ids, base: str, exhibit: str) -> list[tuple[str, Address]]:
    """Lists from any row on, and what is searched for."""
    leads, some = ids.rows["leads"], max(1, ids.rows["media_verdicts"] // 10)
    pages: list[tuple[str, Address]] = [
        ("leads", lambda chance: f"{base}/leads/?first={chance.randrange(leads) // 50 * 50}"),
        ("lead by rank", lambda chance: f"{base}/leads/{chance.randrange(leads) + 1}"),
        (JUDGEMENT, f"{base}/review/"),
        ("search", lambda chance: f"{base}/search/?q={chance.choice(WORDS)}"),
        ("catalogue", lambda chance: f"{base}/catalogue/?first={chance.randrange(some)}"),
        ("catalogue by facet",
         lambda chance: f"{base}/catalogue/?not.group=known&each=yes&first={chance.randrange(some)}"),
        ("intake_entries", lambda chance: f"{base}/intake/entries?exhibit={exhibit}&first={chance.randrange(some)}"),
        ("intake level", f"{base}/intake/?exhibit={exhibit}"),
    ]  # fmt: skip
    for name, path, sums in zip(("money_ends", "money_token_ends"), ("ends", "token-ends"), ids.sums(), strict=True):
        pages += [(name, partial(_any_of, f"{base}/money/{path}", sums))] if sums else []
    pages += [(f"table {name}", partial(_from_any, f"{base}/tables/{name}/", ids.rows[name])) for name in TABLES]
    return pages


def _from_any(base: str, rows: int, chance: random.Random) -> str:
    return f"{base}?{urlencode({'first': chance.randrange(max(1, rows - 50))})}"
