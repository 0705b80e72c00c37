"""One case as people review it, pair after pair: rows by index, judgements read once, and a version for each pair."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import sqlalchemy as sa

from headwater.engine import Session
from headwater.errors import InputError
from headwater.judgements import Judgement, add_shown, history, newest, same_person
from headwater.schema.state import IMPORTS, RUNS
from headwater.workflow.case import Case
from headwater.workflow.judged_pairs import JudgedPairs
from headwater.workflow.judging import reason_of
from headwater.workflow.queue import Review, shown_pair
from headwater.workflow.review_rows import IndexedRows, OrderOfReview
from headwater.workflow.reviewed import SHOWN_COLUMNS, reviewed_pairs

__all__ = ["DeskPair", "OwnJudgement", "ReviewDesk", "ReviewTables"]

_AHEAD: Final = 500
"""Places among which a pair is looked for that somebody steps through without judging."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskPair:
    """A pair on somebody's screen.

    Attributes:
        row: As the queue gives it.
        version: Number of the newest judgement of the case when it was shown. It says nothing of this pair.
        before: The pair before it in this person's order, or the one judged last; None for neither.
        after: The pair after it; None at the end.
        proposed: Links that the case proposes.
        judged: Links on which anybody's judgement stands.
    """

    row: dict[str, Any]
    version: int
    before: str | None
    after: str | None
    proposed: int
    judged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnJudgement:
    """What somebody judged last.

    Attributes:
        link_id: The pair, by the id that it has now.
        judgement: The judgement.
        why: Its reason, readable.
        becomes: What taking it back says: this person's judgement on the pair before it, or unsure if there was none.
    """

    link_id: str
    judgement: Judgement
    why: str
    becomes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewTables:
    """What reviewing reads of the tables: no judgement changes it.

    Attributes:
        rows: By index.
        order: Of review.
    """

    rows: IndexedRows
    order: OrderOfReview

    @classmethod
    def of(cls, tables: Session) -> ReviewTables:
        """Read them through, which takes seconds for each million rows."""
        rows = IndexedRows(tables, SHOWN_COLUMNS)
        rows.hold("links", "link_id", "left_id")
        rows.hold("known_links", "link_id", "left_id")
        rows.hold("known_pairs")
        rows.hold("rival_hypotheses", "link_id")
        rows.hold("contrary_facts", "link_id", "account_id")
        for table, (key, *_) in SHOWN_COLUMNS.items():
            rows.hold(table, key)
        return cls(rows=rows, order=OrderOfReview(tables))


@dataclass(slots=True, kw_only=True)
class _Held:
    """What the tables of one state of the case gave."""

    state: tuple[object, ...]
    rows: IndexedRows
    order: OrderOfReview
    judged: JudgedPairs
    read_to: int = 0


class ReviewDesk:
    """What reviewing needs of a case, kept from one pair to the next. Threads may share it.

    The tables are read through once for each state of the case that a judgement does not change; that takes seconds
    for each million rows. Judgements are read as they come, whichever program gave them.

    Args:
        case: The case; it stays open for as long as this is used.
        read: Gives the tables of the case as it is now, which may be kept for several desks; None to read them.
    """

    def __init__(self, case: Case, read: Callable[[], ReviewTables] | None = None) -> None:
        self._case = case
        self._tables_of = read or self._read_tables
        self._lock = threading.RLock()
        self._held: _Held | None = None

    def first(self, operator: str, claim: str | None = None) -> str | None:
        """The pair that this person is given next; None if nothing waits."""
        with self._lock:
            return next((link for link, _ in self._review(operator).given(claim)), None)

    def show(self, operator: str, link_id: str, *, hide_score: bool, claim: str | None = None) -> DeskPair:
        """A pair with everything that a decision needs, after it was noted that this person was shown it.

        Args:
            operator: Who looks.
            link_id: The pair; whether it waits or not.
            hide_score: Weights, probability and bars are left out until this person has judged it.
            claim: Which claim's pairs stand before and after it; None for all.

        Raises:
            InputError: There is no such pair.
        """
        with self._lock:
            review = self._review(operator)
            held = self._current()
            version = held.read_to
            pairs = reviewed_pairs(held.rows, [link_id])
            if not pairs:
                raise InputError(link_id, "no such link", remedy="take one that the queue gives")
            given = list(islice(review.given(claim), 2))
            if link_id not in {link for link, _ in given}:
                given = list(islice(review.given(claim), _AHEAD))
            place = next((at for at, (link, _) in enumerate(given) if link == link_id), None)
            waits = place is not None
            hidden = hide_score and (link_id not in review.mine or waits)
            shown_as = given[place][1] if place is not None else review.shown_as(link_id)
            told = link_id in review.mine and not waits
            row, record = shown_pair(
                self._case, review, pairs[0], shown_as, operator, hidden=hidden, judged=told
            )  # fmt: skip
            with self._case.database.begin() as connection:
                add_shown(connection, [record])
            before = given[place - 1][0] if place else review.last_judged()
            following = given[(0 if place is None else place + 1) :]
            return DeskPair(
                row=row,
                version=version,
                before=before if before != link_id else None,
                after=next((link for link, _ in following if link != link_id), None),
                proposed=held.order.proposed,
                judged=len(held.judged.there),
            )

    def last(self, operator: str) -> OwnJudgement | None:
        """What this person judged last; None if nothing."""
        with self._lock:
            own = self._current().judged.own(same_person(operator))
        if not own:
            return None
        link, judgement = own[-1]
        earlier = [one.verdict for _, one in own[:-1] if one.subject == judgement.subject]
        return OwnJudgement(
            link_id=link,
            judgement=judgement,
            why=reason_of(self._case.custody.subject_keys, judgement),
            becomes=earlier[-1] if earlier else "unsure",
        )

    def rows(self) -> IndexedRows:
        """The rows of the case as it is now."""
        with self._lock:
            return self._current().rows

    def _review(self, operator: str) -> Review:
        held = self._current()
        return Review(self._case, held.order, held.judged, operator)

    def _current(self) -> _Held:
        with self._case.database.connect() as connection:
            runs = connection.execute(sa.select(sa.func.max(RUNS.c.seq))).scalar()
            imports = connection.execute(sa.select(sa.func.count()).select_from(IMPORTS)).scalar()
            last = newest(connection)
        state = (runs, imports, len(self._case.erased_ids()))
        if self._held is None or self._held.state != state:
            self._held = self._read(state)
        if self._held.read_to < last:
            with self._case.database.connect() as connection:
                fresh = history(connection, after=self._held.read_to, up_to=last)
            self._held.judged.add(fresh)
            self._held.read_to = last
        return self._held

    def _read(self, state: tuple[object, ...]) -> _Held:
        tables = self._tables_of()
        return _Held(state=state, rows=tables.rows, order=tables.order, judged=JudgedPairs(tables.rows))

    def _read_tables(self) -> ReviewTables:
        with self._case.tables(with_unconfirmed=True) as tables:
            return ReviewTables.of(tables)
