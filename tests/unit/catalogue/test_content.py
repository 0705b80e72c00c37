"""What a file is, by its first bytes only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.catalogue import content_kind


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", ("still", "jpeg")),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", ("still", "png")),
        (b"GIF89a\x01\x00\x01\x00", ("still", "gif")),
        (b"RIFF\x24\x00\x00\x00WEBPVP8 ", ("still", "webp")),
        (b"RIFF\x24\x00\x00\x00AVI LIST", ("video", "avi")),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", ("other", "wave")),
        (b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00", ("video", "mp4")),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", ("still", "heic")),
        (b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00", ("still", "avif")),
        (b"\x1aE\xdf\xa3\x01\x00\x00\x00", ("video", "matroska")),
        (b"G@\x11\x10\x00B\xf0%\x00\x01\xc1\x00\x00\xff\x01\xff", ("video", "mpeg-ts")),
        (b"Good morning, it is raining.", ("text", "text")),
        (b"SQLite format 3\x00\x10\x00", ("database", "sqlite")),
        (b"PK\x03\x04\x14\x00", ("archive", "zip")),
        (b"\x1f\x8b\x08\x00", ("archive", "gzip")),
        (b"%PDF-1.7\n", ("document", "pdf")),
        (b"", ("empty", "empty")),
        (None, ("other", "unknown")),
        ("Größe 5 €".encode(), ("text", "text")),
        ("Größe 5 €".encode()[:-1], ("text", "text")),
        (b"\xe9\xe8 latin letters", ("other", "unknown")),
        (bytes(24), ("other", "unknown")),
    ],
)
def test_the_first_bytes_decide(head, kind):
    assert content_kind(head) == kind


@given(st.binary(max_size=64))
def test_every_beginning_has_a_kind(head):
    kind, name = content_kind(head)
    assert kind in {"still", "video", "database", "archive", "document", "program", "text", "empty", "other"}
    assert name
    assert (kind == "empty") == (head == b"")


@given(st.binary(min_size=24, max_size=64))
def test_the_bytes_that_are_kept_are_enough_to_tell_media(head):
    kinds = {"still", "video"}
    whole, short = content_kind(head), content_kind(head[:24])
    if short[0] in kinds and short[1] != "mpeg-ts":
        assert whole == short
