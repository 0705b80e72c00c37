"""Finding a row by what somebody wrote down of it: names, addresses, digests, with a slip of the pen or two."""

from headwater.search.columns import SEARCHED, SearchedColumn
from headwater.search.finding import LEAST_LETTERS, Found, SearchIndex
from headwater.search.folding import folded
from headwater.search.index import forget_index, index_at, index_name, make_index

__all__ = [
    "LEAST_LETTERS",
    "SEARCHED",
    "Found",
    "SearchIndex",
    "SearchedColumn",
    "folded",
    "forget_index",
    "index_at",
    "index_name",
    "make_index",
]
