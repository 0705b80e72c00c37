"""A case that asks for pictures turned and mirrored, from its settings to what the viewer is told."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

from headwater.config import CaseSettings, Parameters, read_settings, write_settings
from headwater.errors import ConfigError
from headwater.schema import MEDIA_TRANSFORMS

LEAD, SECOND = "A. Examiner", "B. Analyst"


def png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, "PNG")
    return out.getvalue()


def landscape(seed: int) -> np.ndarray:
    levels = np.zeros((384, 480))
    draw = np.random.default_rng(seed)
    for cells in (2, 3, 6, 12):
        levels += np.kron(draw.normal(size=(cells, cells)), np.ones((384 // cells, 480 // cells))) * (20 / cells)
    return ((levels - levels.min()) * (255 / np.ptp(levels))).astype(np.uint8)


@pytest.fixture
def made(tmp_path, headwater):
    """A folder with a mirrored copy of a listed picture and with another one; and the list, of that picture alone."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "mirrored.png").write_bytes(png(landscape(1)[:, ::-1]))
    (tmp_path / "files" / "other.png").write_bytes(png(landscape(2)))
    (tmp_path / "listed.png").write_bytes(png(landscape(1)))
    [row] = headwater("hash", tmp_path / "listed.png", "--json", "--allow-unsealed").rows
    (tmp_path / "list.csv").write_text(f"pdq\n{row['pdq']}\n", encoding="ascii")
    return tmp_path


def case_of(made, headwater, name: str, transforms: str, workers: int = 1):
    case = made / name
    for step in (
        ("case", "create", case, "--authority", "Order 1", "--operator", LEAD),
        ("evidence", "add", case, made / "files", "--exhibit", "FILES", "--allow-unsealed"),
        (
            *("reference", "add", case, "hash-list", made / "list.csv", "--name", "list", "--version", "1"),
            *("--polarity", "known-illegal"),
        ),
        (
            *("reference", "confirm", case, "list@1", "--polarity", "known-illegal"),
            *("--operator", SECOND, "--why", "told by its author"),
        ),
    ):
        done = headwater(*step)
        assert done.status == 0, done.err
    settings = case / "case.toml"
    written = settings.read_text(encoding="utf-8")
    assert 'hash_transforms = "none"' in written
    settings.write_text(written.replace('hash_transforms = "none"', f'hash_transforms = "{transforms}"'))
    done = headwater("run", case, "--until", "media", "--workers", workers, "--allow-unsealed")
    assert done.status == 0, done.err
    return case


def shown(headwater, case, table: str) -> list[dict]:
    return headwater("show", case, table, "--json").rows


def test_a_mirrored_copy_is_none_without_the_option_and_near_with_it(made, headwater):
    without = case_of(made, headwater, "without", "none")
    assert {row["verdict"] for row in shown(headwater, without, "media_verdicts")} == {"none"}
    assert shown(headwater, without, "media_transformed_hashes") == []
    asked = case_of(made, headwater, "with", "dihedral")
    [match] = shown(headwater, asked, "media_matches")
    assert (match["transform"], match["tier"] in {"strong", "probable", "possible"}) == ("flip_y", True)
    verdicts = {row["item_id"]: row for row in shown(headwater, asked, "media_verdicts")}
    assert verdicts.pop(match["item_id"])["verdict_group"] == "near"
    assert [row["verdict_group"] for row in verdicts.values()] == ["none"]
    for table in ("media_hashes", "media_files", "media_clusters", "media_hubs"):
        assert shown(headwater, asked, table) == shown(headwater, without, table)
    told = headwater("explain", asked, match["match_id"], "--json")
    assert told.status == 0
    assert "flip_y" in told.out
    assert headwater("verify", asked).status == 0


def test_the_viewer_is_told_the_transform(made, headwater):
    case = case_of(made, headwater, "case", "dihedral")
    out = made / "out"
    done = headwater(
        *("viewer", "export", case, out, "--format", "vics", "--format", "csv", "--operator", LEAD, "--why", "grading")
    )
    assert done.status == 0, done.err
    media = json.loads((out / "media.vics.json").read_bytes())["value"][0]["Media"]
    told = {row["HeadwaterGroup"]: row for row in media}
    assert told["near"]["HeadwaterTransform"] == "flip_y"
    assert "headwater-transform:flip_y" in told["near"]["Tags"]
    assert "HeadwaterTransform" not in told["none"]
    with (out / "media.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["verdict_group"]: row["transform"] for row in csv.DictReader(file)}
    assert rows == {"near": "flip_y", "none": ""}


def test_the_same_bytes_whatever_the_number_of_workers(made, headwater):
    digests = []
    for workers in (1, 2):
        case = case_of(made, headwater, f"case{workers}", "dihedral", workers)
        rows = headwater("digests", case, "--json").rows
        digests.append({row["table"]: row["sha256"] for row in rows if row["stage"] in {"hashing", "media"}})
    assert digests[0] == digests[1]
    assert "media_transformed_hashes" in digests[0]


def test_hash_prints_transforms_only_when_asked(made, headwater):
    path = made / "listed.png"
    [plain] = headwater("hash", path, "--json", "--allow-unsealed").rows
    [asked] = headwater("hash", path, "--json", "--allow-unsealed", "--transforms", "dihedral").rows
    assert tuple(asked.pop("pdq_transforms")) == MEDIA_TRANSFORMS
    assert asked == plain
    refused = headwater("hash", path, "--transforms", "mirror")
    assert refused.status == 2
    assert "none, dihedral" in refused.err


def test_the_setting_is_one_of_those_known(tmp_path):
    settings = CaseSettings(authority_ref="Order 1", operator=LEAD, parameters=Parameters(hash_transforms="dihedral"))
    write_settings(tmp_path / "case.toml", settings)
    assert read_settings(tmp_path) == settings
    without = CaseSettings(authority_ref="Order 1", operator=LEAD)
    assert settings.parameters_sha256() != without.parameters_sha256()
    for wrong in ('"mirror"', "1", "true"):
        write_settings(tmp_path / "case.toml", without)
        written = (tmp_path / "case.toml").read_text(encoding="utf-8")
        (tmp_path / "case.toml").write_text(written.replace('transforms = "none"', f"transforms = {wrong}"))
        with pytest.raises(ConfigError, match="hash_transforms"):
            read_settings(tmp_path)
