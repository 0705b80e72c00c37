"""The custody log's head below what a person reads or hands on: whoever keeps the page is a witness to the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headwater.workflow import Case

__all__ = ["head_text"]


def head_text(case: Case) -> str:
    """The newest tree head in words, as ENTRIES:ROOT."""
    head = case.custody.head()
    return f"custody head {head.entries}:{head.root}"
