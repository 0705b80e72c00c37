"""Long hash lists: what they are near and equal to is found without loading them, and is the same as of short ones."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater.engine import Session
from headwater.media import match_media
from headwater.media.listed import listed_entries, packed_hashes
from headwater.schema import table_named


@pytest.fixture
def scratch(tmp_path, monkeypatch) -> Path:
    """Where scratch files go, as for a list that is too long for memory, a piece of everything at a time."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name, value in {
        "listed._IN_MEMORY_ROWS": 0,
        "listed._SORTED_ROWS": 3,
        "hamming._FLAT_BELOW_PAIRS": 0,
        "matches._FRAMES_AT_ONCE": 4,
        "matches._PAIRS_KEPT": 2,
        "video_matches.PAIRS_AT_ONCE": 2,
        "joins.PAIRS_AT_ONCE": 2,
    }.items():
        monkeypatch.setattr(f"headwater.media.{name}", value)
    return tmp_path


def filled(case, pdq) -> None:
    """Stills and videos near and far, some on lists by digest, by hash twice, or by the frames of a video."""
    for number in range(12):
        case.media(f"s{number}", pdq.flipped(pdq.random(number % 3), number, seed=number))
        case.listed(f"s{number}", pdq=pdq.flipped(pdq.random(number % 4), 2 * number % 5, seed=1))
    for number in range(6):
        frames = [pdq.flipped(pdq.random(20 + second), number, seed=number) for second in range(number, number + 7)]
        case.media(f"v{number}", *frames, kind="video")
        for second in range(9):
            case.listed(
                f"v{number}-{second}", pdq=pdq.random(20 + second), listed_file=f"f{number}", at_ms=second * 1000
            )
    case.listed("low", pdq=pdq.random(0), pdq_quality=49)
    case.listed("same", sha256=hashlib.sha256(b"s3").hexdigest(), pdq=pdq.random(0))
    case.listed("weak", md5=hashlib.md5(b"s4", usedforsecurity=False).hexdigest())
    case.listed("other", md5=hashlib.md5(b"s5", usedforsecurity=False).hexdigest(), sha256="0" * 64)


def test_a_long_list_gives_the_tables_of_a_short_one(case, pdq, request):
    filled(case, pdq)
    short = match_media(case.context())
    assert {match["method"] for match in short["media_matches"].to_pylist()} == {"pdq", "sha256", "md5"}
    assert short["video_matches"].num_rows
    assert "hle-low" not in short["media_matches"]["entry_id"].to_pylist()
    folder = request.getfixturevalue("scratch")
    assert match_media(case.context(reverse=True)) == short
    assert list(folder.iterdir()) == []


def test_scratch_files_go_when_the_stage_fails(case, pdq, scratch):
    filled(case, pdq)
    context = case.context()
    seen = []

    def search() -> None:
        with listed_entries(context.tables) as listed:
            list(listed.targets.pieces(listed.coded.hashes, max_distance_bits=31))
            seen.extend(path.name for path in scratch.rglob("*.npy"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search()
    assert sorted(seen) == ["hashes.npy", "ids.npy", "offsets.npy", "order.npy", "starts.npy", "words.npy"]
    assert list(scratch.iterdir()) == []


def test_each_hash_is_there_once_with_every_row(case, pdq, scratch):
    filled(case, pdq)
    with listed_entries(case.context().tables) as listed:
        texts = [row.tobytes().hex() for row in listed.coded.hashes]
        assert texts == sorted(set(texts))
        column = case.session.arrow("hash_list_entries")["pdq"].to_pylist()
        for number, text in enumerate(texts):
            rows = listed.coded.order[listed.coded.starts[number] : listed.coded.starts[number + 1]]
            assert {column[row] for row in rows.tolist()} == {text}
        kept = table_named("hash_list_entries").rows(case.rows["hash_list_entries"])
        assert len(listed.coded.order) == sum(
            pdq is not None and (quality is None or quality >= 50)
            for pdq, quality in zip(kept["pdq"].to_pylist(), kept["pdq_quality"].to_pylist(), strict=True)
        )
        some = np.array([0, 3, 17])
        assert listed.rows(some, ("entry_id", "at_ms")).to_pylist() == [
            {name: case.session.arrow("hash_list_entries")[name][int(row)].as_py() for name in ("entry_id", "at_ms")}
            for row in some
        ]


@pytest.mark.parametrize("text", ["00" * 31, "00" * 33, "zz" * 32])
def test_what_is_no_hash_is_refused(text):
    with pytest.raises(ValueError, match=r"hex|fromhex"):
        packed_hashes(pa.array(["00" * 32, text]))


def test_columns_are_read_as_they_lie_and_mapped(tmp_path):
    table = table_named("hash_list_entries")
    fixed = {"reference_name": "l", "reference_version": "1", "polarity": "known-illegal", "media_kind": "still"}
    fixed |= dict.fromkeys(("victim_identified", "distributed", "offender_identified"), "unknown")
    parts = []
    for part in (1, 0):
        rows = [
            {**fixed, "entry_id": f"hle-{part}-{n:06d}", "reference_row": n, "sha256": f"{n:064x}"}
            for n in range(30_000)
        ]
        parts.append(table.rows(rows))
        pq.write_table(parts[-1].drop_columns(["further"]), tmp_path / f"{part}.parquet", row_group_size=4_096)
    names = ("sha256", "entry_id", "further")
    with Session({"hash_list_entries": [tmp_path / "1.parquet", tmp_path / "0.parquet"]}) as session:
        held = pa.total_allocated_bytes()
        columns = session.columns("hash_list_entries", names)
        assert pa.total_allocated_bytes() - held < columns.nbytes // 2
        assert columns.equals(pa.concat_tables(parts).select(names))
        session.put("hash_list_entries", parts[0])
        assert session.columns("hash_list_entries", ("entry_id",)).equals(parts[0].select(["entry_id"]))
        assert session.columns("items", ("item_id",)).num_rows == 0
