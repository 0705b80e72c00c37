"""The custody log's head on the report: as text, and as a QR code that a reader of others reads."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from headwater.packages.head_mark import qr_svg

TEXT = f"1234:{'0123456789abcdef' * 4}"


def head_of(case) -> str:
    return f"{case.log.head().entries}:{case.log.head().root}"


def test_the_same_text_gives_the_same_drawing_without_a_bitmap():
    assert qr_svg(TEXT) == qr_svg(TEXT) != qr_svg(TEXT[:-1])
    assert "<image" not in qr_svg(TEXT)


def test_the_report_prints_the_head_as_text_and_the_same_bytes_again(case, tmp_path):
    reports = []
    for name in ("one", "two"):
        drafted = case.draft(out_dir=tmp_path / name)
        reports.append(drafted.folder / "draft" / "report.pdf")
    assert reports[0].read_bytes() == reports[1].read_bytes()
    text = subprocess.run(["pdftotext", "-raw", reports[0], "-"], capture_output=True, text=True, check=True).stdout
    assert head_of(case) in text


@pytest.mark.skipif(shutil.which("zbarimg") is None, reason="zbarimg is not installed (Debian: zbar-tools)")
def test_the_code_on_the_report_is_read_by_a_program_of_others(case, tmp_path):
    drafted = case.draft()
    page = tmp_path / "page"
    words = ["pdftoppm", "-r", "200", "-f", "1", "-l", "1", "-png", drafted.folder / "draft" / "report.pdf", page]
    subprocess.run(words, check=True)
    [image] = tmp_path.glob("page*.png")
    read = subprocess.run(["zbarimg", "--quiet", "--raw", image], capture_output=True, text=True, check=True).stdout
    assert read == head_of(case) + "\n"
