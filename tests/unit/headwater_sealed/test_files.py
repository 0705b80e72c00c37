"""Files over received descriptors: offsets of their own, and no way to the descriptor."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_sealed.files import PreadFile, open_descriptor, open_window

CONTENT = bytes(range(256)) * 10


@pytest.fixture
def descriptor(tmp_path: Path) -> Iterator[int]:
    path = tmp_path / "content"
    path.write_bytes(CONTENT)
    number = os.open(path, os.O_RDONLY)
    yield number
    os.close(number)


def test_two_files_over_one_descriptor_do_not_disturb_each_other(descriptor: int):
    one, other = open_descriptor(descriptor), open_descriptor(descriptor)
    assert one.read(10) == CONTENT[:10]
    other.seek(1000)
    assert other.read(10) == CONTENT[1000:1010]
    assert one.read(10) == CONTENT[10:20]


def test_the_kernel_s_offset_is_never_used_for_reading(descriptor: int):
    file = open_descriptor(descriptor)
    os.lseek(descriptor, 77, os.SEEK_SET)
    assert file.read(5) == CONTENT[:5]
    assert os.lseek(descriptor, 0, os.SEEK_CUR) == 77


def test_has_no_descriptor_to_give_away(descriptor: int):
    with pytest.raises(io.UnsupportedOperation):
        open_descriptor(descriptor).fileno()


def test_cannot_be_written(descriptor: int):
    file = open_descriptor(descriptor)
    assert not file.writable()
    with pytest.raises(io.UnsupportedOperation):
        file.write(b"x")


def test_closing_leaves_the_descriptor_open_and_says_so_once(descriptor: int):
    closed = []
    file = PreadFile(descriptor, on_close=lambda: closed.append(True))
    file.close()
    file.close()
    assert closed == [True]
    assert os.pread(descriptor, 1, 0) == CONTENT[:1]


def test_a_window_ends_with_the_file(descriptor: int):
    assert open_window(descriptor, start_bytes=len(CONTENT) - 3, size_bytes=100).read() == CONTENT[-3:]
    assert open_window(descriptor, start_bytes=len(CONTENT) + 3, size_bytes=100).read() == b""


def test_before_the_beginning_is_an_error(descriptor: int):
    file = PreadFile(descriptor)
    with pytest.raises(ValueError, match="before the beginning"):
        file.seek(-1)
    with pytest.raises(ValueError, match="none of 0, 1, 2"):
        file.seek(0, 9)


@given(
    start=st.integers(0, len(CONTENT) + 5),
    size=st.none() | st.integers(0, len(CONTENT) + 5),
    steps=st.lists(st.tuples(st.integers(0, len(CONTENT) + 20), st.integers(-1, 600)), max_size=8),
)
def test_a_window_reads_like_the_bytes_it_covers(
    tmp_path_factory: pytest.TempPathFactory, start: int, size: int | None, steps: list[tuple[int, int]]
):
    path = tmp_path_factory.getbasetemp() / "window"
    path.write_bytes(CONTENT)
    number = os.open(path, os.O_RDONLY)
    try:
        window = open_window(number, start_bytes=start, size_bytes=size)
        model = io.BytesIO(CONTENT[start:] if size is None else CONTENT[start : start + size])
        for offset, count in steps:
            assert window.seek(offset) == model.seek(offset)
            assert window.read(count) == model.read(count)
            assert window.tell() == model.tell()
        assert window.seek(0, os.SEEK_END) == model.seek(0, os.SEEK_END)
    finally:
        os.close(number)
