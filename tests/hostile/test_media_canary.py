"""Bytes planted in media, in pixels and in files: no table, log, note, temporary file, export or print holds one."""

from __future__ import annotations

import base64
import hashlib
import io
import tempfile
from pathlib import Path

import av
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

CANARY = hashlib.sha256(b"an invented canary, in pixels").digest()
WINDOW_BYTES, FIRST_BYTES = 24, 64  # the first bytes of a file say what it is, and 24 of them are kept for that
FORMS = (
    bytes,
    lambda raw: raw.hex().encode(),
    lambda raw: base64.b64encode(raw)[4:-4],
    lambda raw: repr(raw)[2:-1].encode(),
)


def picture(seed: int) -> np.ndarray:
    """A test pattern whose rows hold the canary as they are."""
    rows = np.random.default_rng(seed).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    rows[::3] = np.frombuffer(CANARY * 12, np.uint8).reshape(128, 3)
    return rows


def still(fmt: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture(len(fmt))).save(out, fmt, **options)
    return out.getvalue()


def video(codec: str, pixels: str, container: str) -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format=container) as made:
        stream = made.add_stream(codec, rate=5)
        stream.width, stream.height, stream.pix_fmt = 128, 96, pixels
        for seed in range(15):
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture(seed), format="rgb24")):
                made.mux(packet)
        for packet in stream.encode():
            made.mux(packet)
    return out.getvalue()


def needles(files: dict[str, bytes]) -> list[bytes]:
    """The canary, and pieces of every file at places all over it."""
    found = [CANARY]
    for content in files.values():
        for start in np.linspace(FIRST_BYTES, len(content) - WINDOW_BYTES, 25).astype(int):
            piece = content[start : start + WINDOW_BYTES]
            if len(set(piece)) > 12:  # runs of one value are in anything
                found.append(piece)
    return found


def holds(content: bytes, wanted: list[bytes]) -> bool:
    return any(form(piece) in content for piece in wanted for form in FORMS)


def contents_of(path: Path) -> bytes:
    """The file, and what a table in it says once it is unpacked."""
    content = path.read_bytes()
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        content += repr(table.to_pylist()).encode()
        content += b"\0".join(
            cell if isinstance(cell, bytes) else str(cell).encode()
            for name in table.column_names
            for cell in table[name].to_pylist()
        )
    return content


@pytest.fixture
def files() -> dict[str, bytes]:
    return {
        "a.bmp": still("BMP"),
        "b.png": still("PNG", compress_level=0),
        "c.jpg": still("JPEG", quality=95),
        "d.webp": still("WEBP", lossless=True),
        "e.avi": video("rawvideo", "bgr24", "avi"),
        "f.mp4": video("libx264", "yuv420p", "mp4"),
        "g.jpg": still("JPEG", quality=95)[:-2000],
    }


def test_no_output_of_a_run_holds_a_part_of_any_media(files, tmp_path, headwater, monkeypatch) -> None:
    folder, case, scratch = tmp_path / "exhibit", tmp_path / "case", tmp_path / "temporary"
    folder.mkdir()
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    for name, content in files.items():
        (folder / name).write_bytes(content)
    wanted = needles(files)
    assert len(wanted) > 100
    why = ("--why", "to see what leaves")
    steps = (
        ("case", "create", case, "--authority", "x", "--operator", "A"),
        ("evidence", "add", case, folder, "--exhibit", "F", "--allow-unsealed"),
        ("run", case, "--allow-unsealed"),
        ("show", case, "items", "--json"),
        ("show", case, "media_hashes", "--json"),
        ("show", case, "media_claims", "--json"),
        ("show", case, "defects", "--json"),
        ("ledger", case),
        ("viewer", "export", case, tmp_path / "export", "--operator", "A", *why),
        ("verify", case),
        ("hash", *(folder / name for name in files), "--json", "--frames", "--allow-unsealed"),
    )
    for step in steps:
        done = headwater(*step)
        assert done.status == 0, (step, done.err)
        assert not holds((done.out + done.err).encode(), wanted), step
    hashed = {row["status"] for row in headwater("show", case, "media_files", "--json").rows}
    assert hashed == {"ok", "partial"}
    outputs = [
        path for root in (case, tmp_path / "export", scratch) for path in sorted(root.rglob("*")) if path.is_file()
    ]
    assert any(path.name == "media.vics.json" for path in outputs)
    assert [str(path.relative_to(tmp_path)) for path in outputs if holds(contents_of(path), wanted)] == []


def test_the_search_is_not_blind(files, tmp_path) -> None:
    wanted = needles(files)
    for name, content in files.items():
        assert holds(content, wanted), name
    assert holds(b"before " + CANARY.hex().encode() + b" after", wanted)
    assert holds(b'{"x": "' + base64.b64encode(CANARY) + b'"}', wanted)
    assert not holds(b"nothing of that", wanted)
