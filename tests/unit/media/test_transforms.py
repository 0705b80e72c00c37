"""Pictures turned and mirrored are found where a case asks for it; whatever is found without it stays as it was."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from headwater.engine import Exhibit
from headwater.media import hash_items, hash_paths, match_media
from headwater.media.tiers import TIERS, near_tier
from headwater.schema import MEDIA_TRANSFORMS
from headwater_sealed.media import HASH_MEDIA_SCHEMA, hash_media, prepare

PRIMES = (3, 5, 7, 11, 13, 17, 19)


class OpenPool:
    """Runs the job in this process: the tests' pictures are our own."""

    def __init__(self) -> None:
        prepare()

    def groups(self, job, files, groups):
        assert job == "hash_media"
        for group in groups:
            batches: list[pa.RecordBatch] = []
            opened = [file.open("rb") for file in files]
            try:
                hash_media(opened, group, batches.append)
            finally:
                for file in opened:
                    file.close()
            yield pa.Table.from_batches(batches, schema=HASH_MEDIA_SCHEMA)


class SecondPool:
    """Answers every file with one frame of these hashes, as a worker that hashed a frame a second."""

    def __init__(self, pdq: str, transforms: dict[str, str]) -> None:
        self.pdq = bytes.fromhex(pdq)
        self.transforms = b"".join(bytes.fromhex(transforms[name]) for name in MEDIA_TRANSFORMS)
        self.asked: list[str] = []

    def groups(self, job, files, groups):
        for group in groups:
            self.asked.append(group["hash_transforms"])
            rows = []
            for number, entry in enumerate(group["entries"]):
                frame = {"at_ms": 500, "pdq": self.pdq, "quality": 90, "pdq_transforms": self.transforms}
                rows.append({"entry_index": number, "frame_index": 0, **frame})
                rows.append({"entry_index": number, "frame_index": -1, "status": "ok", "tier": entry["tier"]})
            yield pa.Table.from_pylist(rows, schema=HASH_MEDIA_SCHEMA)


def far_ones(pdq, seed: int) -> dict[str, str]:
    """A hash under each transform that is near nothing."""
    return {name: pdq.random(1000 * seed + prime) for name, prime in zip(MEDIA_TRANSFORMS, PRIMES, strict=True)}


def transformed(case, item: str, hashes: dict[str, str], *, frame: int = 0) -> None:
    """Adds the transformed hashes of a frame that the case has."""
    [row] = [r for r in case.rows["media_hashes"] if (r["item_id"], r["frame_index"]) == (item, frame)]
    case.rows["media_transformed_hashes"].append(
        {name: row[name] for name in ("item_id", "frame_index", "at_ms", "quality")}
        | {f"pdq_{name}": value for name, value in hashes.items()}
    )


def png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def landscape(seed: int) -> np.ndarray:
    levels = np.zeros((384, 480))
    draw = np.random.default_rng(seed)
    for cells in (2, 3, 6, 12):
        levels += np.kron(draw.normal(size=(cells, cells)), np.ones((384 // cells, 480 // cells))) * (20 / cells)
    return ((levels - levels.min()) * (255 / np.ptp(levels))).astype(np.uint8)


@pytest.mark.parametrize("turn", [lambda p: p[:, ::-1], lambda p: p[::-1], np.rot90, lambda p: p.T])
@pytest.mark.parametrize("asked", ["none", "dihedral"])
def test_a_listed_picture_uploaded_the_other_way_round(case, rows_by, tmp_path, turn, asked):
    content = png(np.ascontiguousarray(turn(landscape(1))))
    (tmp_path / "x.png").write_bytes(content)
    (tmp_path / "listed.png").write_bytes(png(landscape(1)))
    [listed] = hash_paths([tmp_path / "listed.png"], pool=OpenPool())
    case.exhibits.append(Exhibit(exhibit_id="E1", exhibit_kind="directory", path=tmp_path))
    case.parameters["hash_transforms"] = asked
    case.listed("a", pdq=listed["pdq"])
    item = case.item("x.png", content=content)
    context = case.context()
    for name, table in hash_items(context, pool=OpenPool()).items():
        context.tables.put(name, table)
    derived = match_media(context)
    verdict = rows_by(derived["media_verdicts"], "item_id")[item]
    if asked == "none":
        assert derived["media_matches"].num_rows == context.tables.arrow("media_transformed_hashes").num_rows == 0
        assert (verdict["verdict_group"], verdict["transform"]) == ("none", None)
        return
    [match] = derived["media_matches"].to_pylist()
    assert verdict["verdict_group"] == "near"
    assert match["transform"] == verdict["transform"] in MEDIA_TRANSFORMS
    assert match["tier"] == near_tier(match["distance_bits"], match["quality"])


@pytest.mark.parametrize("transform", MEDIA_TRANSFORMS)
def test_a_match_says_which_transform_is_near(case, pdq, rows_by, transform):
    case.listed("a", pdq=pdq.random(1))
    item = case.media("x", (pdq.random(2), 70))
    transformed(case, item, far_ones(pdq, 1) | {transform: pdq.flipped(pdq.random(1), 12)})
    derived = match_media(case.context())
    [match] = derived["media_matches"].to_pylist()
    told = {name: match[name] for name in ("transform", "tier", "distance_bits", "quality", "method", "quarantined")}
    assert told == {
        "transform": transform,
        "tier": "probable",
        "distance_bits": 12,
        "quality": 70,
        "method": "pdq",
        "quarantined": False,
    }
    assert rows_by(derived["media_verdicts"], "item_id")[item]["match_id"] == match["match_id"]


def test_a_transform_at_no_distance_is_near_and_never_exact(case, pdq):
    case.listed("a", pdq=pdq.random(1))
    item = case.media("x", pdq.random(2))
    transformed(case, item, far_ones(pdq, 1) | {"flip_y": pdq.random(1)})
    [verdict] = match_media(case.context())["media_verdicts"].to_pylist()
    assert (verdict["verdict"], verdict["verdict_group"], verdict["distance_bits"]) == ("strong", "near", 0)


def test_a_symmetric_picture_matches_once_and_as_it_is(case, pdq):
    case.listed("a", pdq=pdq.random(1))
    item = case.media("x", pdq.flipped(pdq.random(1), 20))
    transformed(case, item, dict.fromkeys(MEDIA_TRANSFORMS, pdq.flipped(pdq.random(1), 2)))
    [match] = match_media(case.context())["media_matches"].to_pylist()
    assert (match["transform"], match["distance_bits"]) == ("none", 20)


def test_the_very_same_file_is_not_listed_again_under_a_transform(case, pdq):
    case.listed("a", sha256=hashlib.sha256(b"x").hexdigest(), pdq=pdq.random(1))
    item = case.media("x", pdq.random(2), content=b"x")
    transformed(case, item, far_ones(pdq, 1) | {"flip_y": pdq.random(1)})
    [match] = match_media(case.context())["media_matches"].to_pylist()
    assert (match["tier"], match["transform"], match["method"]) == ("exact", "none", "sha256")


def test_of_several_transforms_the_nearest_speaks_then_the_first_in_their_order(case, pdq):
    case.listed("a", pdq=pdq.random(1))
    near = {name: pdq.flipped(pdq.random(1), 9, seed=n) for n, name in enumerate(MEDIA_TRANSFORMS)}
    transformed(case, case.media("x", pdq.random(2)), near)
    transformed(case, case.media("y", pdq.random(3)), near | {"flip_plus_1": pdq.flipped(pdq.random(1), 8)})
    matches = match_media(case.context())["media_matches"].to_pylist()
    found = {match["item_id"]: match["transform"] for match in matches}
    assert found == {"itm-x": "rotate_90", "itm-y": "flip_plus_1"}
    assert len(matches) == 2


def test_what_is_near_as_it_is_speaks_before_what_is_near_under_a_transform(case, pdq, rows_by):
    case.listed("a", pdq=pdq.random(1))
    case.listed("b", pdq=pdq.random(4))
    item = case.media("x", pdq.flipped(pdq.random(1), 9))
    transformed(case, item, far_ones(pdq, 1) | {"flip_x": pdq.flipped(pdq.random(4), 3)})
    verdict = rows_by(match_media(case.context())["media_verdicts"], "item_id")[item]
    assert (verdict["transform"], verdict["distance_bits"]) == ("none", 9)


@pytest.mark.parametrize(("quality", "status", "found"), [(49, "ok", 0), (50, "ok", 1), (90, "partial", 0)])
def test_what_is_not_comparable_is_not_so_under_a_transform_either(case, pdq, quality, status, found):
    case.listed("a", pdq=pdq.random(1))
    item = case.media("x", (pdq.random(2), quality), status=status, reason=None if status == "ok" else "cut")
    transformed(case, item, far_ones(pdq, 1) | {"flip_y": pdq.random(1)})
    assert match_media(case.context())["media_matches"].num_rows == found


def test_a_benign_list_says_nothing_of_a_mirrored_copy(case, pdq):
    case.listed("a", pdq=pdq.random(1), polarity="known-benign")
    item = case.media("x", pdq.random(2))
    transformed(case, item, far_ones(pdq, 1) | {"flip_y": pdq.random(1)})
    derived = match_media(case.context())
    assert derived["media_matches"].num_rows == 1
    assert derived["media_verdicts"]["verdict_group"].to_pylist() == ["none"]


def test_a_hub_is_set_aside_under_a_transform_too(case, pdq, rows_by):
    case.listed("card", pdq=pdq.random(1))
    for number in range(6):
        apart = f"{int(pdq.random(1), 16) ^ ((1 << 20) - 1) << number * 20:064x}"
        case.media(f"x{number}", apart)
    without = match_media(case.context())
    item = case.media("mirrored", pdq.random(2))
    transformed(case, item, far_ones(pdq, 1) | {"flip_y": pdq.random(1)})
    derived = match_media(case.context())
    assert derived["media_hubs"].equals(without["media_hubs"])
    [match] = [row for row in derived["media_matches"].to_pylist() if row["item_id"] == item]
    assert match["quarantined"]
    assert rows_by(derived["media_verdicts"], "item_id")[item]["verdict_group"] == "none"


def test_share_of_frames_counts_those_under_the_transform_that_speaks(case, pdq):
    case.listed("a", pdq=pdq.random(1))
    item = case.media("x", *(pdq.random(n) for n in range(10, 14)), kind="video")
    near = pdq.flipped(pdq.random(1), 5)
    transformed(case, item, far_ones(pdq, 1) | {"flip_y": near, "flip_x": pdq.flipped(pdq.random(1), 25)}, frame=0)
    transformed(case, item, far_ones(pdq, 2) | {"flip_y": near}, frame=1)
    transformed(case, item, far_ones(pdq, 3) | {"flip_y": pdq.flipped(pdq.random(1), 3)}, frame=2)
    transformed(case, item, far_ones(pdq, 4), frame=3)
    [match] = match_media(case.context())["media_matches"].to_pylist()
    told = [match[name] for name in ("transform", "at_ms", "distance_bits", "query_frames_percent")]
    assert told == ["flip_y", 2000, 3, 75]


def test_a_transform_near_the_limit_brings_a_second_look_at_transforms_alone(case, pdq, rows_by, tmp_path):
    case.exhibits.append(Exhibit(exhibit_id="E1", exhibit_kind="directory", path=tmp_path))
    case.parameters["hash_transforms"] = "dihedral"
    case.listed("a", pdq=pdq.random(1))
    item = case.media("x", pdq.random(2), kind="video")
    transformed(case, item, far_ones(pdq, 1) | {"flip_y": pdq.flipped(pdq.random(1), 33)})
    pool = SecondPool(pdq.random(1), far_ones(pdq, 2) | {"flip_y": pdq.flipped(pdq.random(1), 4)})
    derived = match_media(case.context(), pool=pool)
    assert pool.asked == ["dihedral"]
    # The hash as it is would match, but that is not what was asked: the option changes nothing that is there without.
    assert derived["media_second_hashes"].num_rows == 0
    assert derived["media_second_transformed_hashes"]["item_id"].to_pylist() == [item]
    [match] = derived["media_matches"].to_pylist()
    assert (match["transform"], match["at_ms"], match["query_frames_percent"]) == ("flip_y", 500, 50)
    verdict = rows_by(derived["media_verdicts"], "item_id")[item]
    assert (verdict["verdict"], verdict["hashing_tier"]) == ("strong", "second")


def test_everything_else_is_what_it_is_without_the_option(case, pdq):
    draw = np.random.default_rng(3)
    listed = [pdq.random(n) for n in range(6)]
    for number, value in enumerate(listed):
        case.listed(f"l{number}", pdq=value)
    expected = {}
    for number in range(40):
        own = pdq.flipped(listed[draw.integers(6)], int(draw.integers(0, 60)), seed=number)
        quality = int(draw.integers(40, 101))
        case.media(f"x{number:02}", (own, quality))
        under = {
            name: pdq.flipped(listed[draw.integers(6)], int(draw.integers(0, 90)), seed=1000 * number + n)
            for n, name in enumerate(MEDIA_TRANSFORMS)
        }
        expected[f"itm-x{number:02}"] = (own, quality, under)
    without = match_media(case.context())
    for item, (_, _, under) in expected.items():
        transformed(case, item, under)
    derived = match_media(case.context(reverse=True))

    def apart_bits(one: str, other: str) -> int:
        return (int(one, 16) ^ int(other, 16)).bit_count()

    found = {(m["item_id"], m["entry_id"]): m for m in derived["media_matches"].to_pylist()}
    for item, (own, quality, under) in expected.items():
        for number, value in enumerate(listed):
            match = found.pop((item, f"hle-l{number}"), None)
            ranked = [
                (TIERS.index(tier), bits, MEDIA_TRANSFORMS.index(name), name, tier)
                for name, pdq_under in under.items()
                if (tier := near_tier(bits := apart_bits(pdq_under, value), quality))
            ]
            if near_tier(apart_bits(own, value), quality):
                assert match["transform"] == "none"
            elif ranked:
                _, bits, _, name, tier = min(ranked)
                assert (match["transform"], match["distance_bits"], match["tier"]) == (name, bits, tier)
            else:
                assert match is None
    assert not found
    as_they_are = [row for row in derived["media_matches"].to_pylist() if row["transform"] == "none"]
    assert as_they_are == without["media_matches"].to_pylist()
    assert len(as_they_are) < derived["media_matches"].num_rows
    for name in ("media_clusters", "media_hubs", "video_matches", "media_second_hashes"):
        assert derived[name].equals(without[name])


def test_hashes_of_files_are_the_same_whatever_the_number_of_workers(tmp_path):
    paths = [tmp_path / f"{n:02}.png" for n in range(40)]
    for number, path in enumerate(paths):
        path.write_bytes(png(landscape(number)))
    one = list(hash_paths(paths, transforms="dihedral", workers=1, allow_unsealed=True))
    two = list(hash_paths(paths, transforms="dihedral", workers=2, allow_unsealed=True))
    assert one == two
    assert all(tuple(row["pdq_transforms"]) == MEDIA_TRANSFORMS for row in one)
    plain = list(hash_paths(paths[:3], workers=1, allow_unsealed=True))
    assert plain == [{n: v for n, v in row.items() if n != "pdq_transforms"} for row in one[:3]]


def test_transforms_that_do_not_exist_are_the_callers_mistake():
    with pytest.raises(ValueError, match="transforms"):
        next(hash_paths([], transforms="mirror"))
