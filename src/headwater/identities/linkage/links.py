"""The links of two files as a table, and their file: beside its place first, then renamed into it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from headwater.errors import ConfigError, InputError
from headwater.identities.linkage.linkage_model import LEVELS
from headwater.identities.linkage.rows import PARQUET_SUFFIXES
from headwater.identities.linkage.weighed import SUMS, WeighedPairs

__all__ = ["SUFFIXES", "links_table", "one_to_one", "probabilities", "without_forbidden", "write_links"]

SUFFIXES = (".csv", *PARQUET_SUFFIXES)
_LIMIT_MBITS = 60_000
_FIELD_OF = {"street": "address"}


def probabilities(total_mbits: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """For each weight the probability that both rows are of one person, to a millionth."""
    seen, inverse = np.unique(np.clip(total_mbits, -_LIMIT_MBITS, _LIMIT_MBITS), return_inverse=True)
    each = [round(1 / (1 + math.pow(2.0, -int(w) / 1000)), 6) for w in seen]
    return np.array(each, np.float64)[inverse] if len(seen) else np.zeros(0, np.float64)


def one_to_one(weighed: WeighedPairs, *, itself: bool) -> WeighedPairs:
    """The heaviest pairs such that no row is in two; of equal ones, the first in order of rows."""
    order = np.lexsort((weighed.pairs[:, 1], weighed.pairs[:, 0], -weighed.total_mbits))
    left = set[int]()
    right = left if itself else set[int]()
    kept = []
    for at in order.tolist():
        one, other = weighed.pairs[at].tolist()
        if one not in left and other not in right:
            left.add(one)
            right.add(other)
            kept.append(at)
    return weighed.chosen(np.array(sorted(kept), np.int64))


def without_forbidden(
    weighed: WeighedPairs, left_ids: pa.Array, right_ids: pa.Array, path: Path, *, itself: bool
) -> WeighedPairs:
    """The pairs but for those that a person said are no link: a CSV with `left_id` and `right_id`.

    Raises:
        InputError: The file lacks a column or names a row that is not there.
    """
    try:
        listed = pa_csv.read_csv(
            path,
            convert_options=pa_csv.ConvertOptions(column_types=dict.fromkeys(("left_id", "right_id"), pa.string())),
        )
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(path, f"cannot be read ({error})", remedy="give a CSV with left_id and right_id") from error
    places = []
    for name, ids in (("left_id", left_ids), ("right_id", right_ids)):
        if name not in listed.column_names:
            raise InputError(path, f"has no column '{name}'", remedy="give a CSV with left_id and right_id")
        at = pc.index_in(listed[name], value_set=ids)
        if at.null_count:
            missing = listed[name].filter(pc.is_null(at))[0].as_py()
            raise InputError(path, f"{name} '{missing}' is not among the rows", remedy="correct it or take it out")
        places.append(np.asarray(at))
    width = len(right_ids)
    forbidden = places[0].astype(np.int64) * width + places[1]
    if itself:
        forbidden = np.concatenate([forbidden, places[1].astype(np.int64) * width + places[0]])
    found = weighed.pairs[:, 0].astype(np.int64) * width + weighed.pairs[:, 1]
    return weighed.chosen(~np.isin(found, forbidden))


def links_table(
    weighed: WeighedPairs, left_ids: pa.Array, right_ids: pa.Array, fields: tuple[str, ...], model_id: str
) -> pa.Table:
    """One row a link: ids, weight, probability, and what each comparison adds, in bits; absent where it was not made.

    Args:
        weighed: The links.
        left_ids: Ids of the left rows.
        right_ids: Ids of the right rows.
        fields: Fields that both files have; what is made of others has no column.
        model_id: Digest of the model.
    """
    columns: dict[str, Any] = {
        "left_id": left_ids.take(pa.array(weighed.pairs[:, 0])),
        "right_id": right_ids.take(pa.array(weighed.pairs[:, 1])),
        "match_weight_bits": weighed.total_mbits / 1000,
        "probability": probabilities(weighed.total_mbits),
    }
    address = False
    for n, name in enumerate(LEVELS):
        if _FIELD_OF.get(name, name) in fields:
            made = weighed.levels[:, n] >= 0
            columns[f"{name}_bits"] = pa.array(weighed.weights_mbits[:, n] / 1000, mask=~made)
            address = address or name in {"street", "street_number", "suburb", "postcode", "state"}
    for n, name in enumerate(SUMS):
        if name != "moved" or address:
            columns[f"{name}_bits"] = weighed.weights_mbits[:, len(LEVELS) + n] / 1000
    columns["model_id"] = pa.array([model_id]).take(pa.array(np.zeros(len(weighed.pairs), np.int32)))
    return pa.table(columns)


def write_links(links: pa.Table, path: Path) -> None:
    """Write the links; CSV or Parquet by suffix. There is either the whole file or none.

    Raises:
        ConfigError: The suffix is neither.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"{path}: the suffix says no format; known are {', '.join(SUFFIXES)}")
    beside = path.with_name(f".{path.name}.part")
    try:
        if path.suffix.lower() == ".csv":
            with beside.open("wb") as stream:
                stream.write((",".join(links.column_names) + "\n").encode())
                options = pa_csv.WriteOptions(include_header=False, quoting_style=_quoting(links))
                pa_csv.write_csv(links, stream, options)
        else:
            pq.write_table(links, beside, compression="zstd")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _quoting(links: pa.Table) -> str:
    for name in ("left_id", "right_id"):
        if pc.any(pc.match_substring_regex(links[name], '[",\r\n]')).as_py():
            return "needed"
    return "none"
