"""House rules that no linter knows: words, sizes, docstrings, and what may never be in the repository."""

from __future__ import annotations

import ast
import re
import struct
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "src"
MODULES = sorted(path.relative_to(SOURCES).as_posix() for path in SOURCES.rglob("*.py"))


def _texts() -> Iterator[tuple[str, str]]:
    for module in MODULES:
        yield module, (SOURCES / module).read_text(encoding="utf-8")


ALONE_BANNED = frozenset({"cluster", "hash", "score", "entity", "user", "data", "info", "match", "confidence"})
ANYWHERE_BANNED = frozenset({"clean", "hit", "suspect", "offender"})
ASKING_LINES, FAILING_LINES = 400, 600
# module: why it is longer than is asked for.
ALLOWED_LENGTHS: dict[str, str] = {}

# (module, identifier): why it may carry the word.
ALLOWED_NAMES = {
    ("headwater_synth/cli.py", "score"): "the command's own name, which DESIGN's command line fixes",
    ("headwater_synth/population_payments.py", "user"): "who used the account, as against who paid for it",
    ("headwater_sealed/lookahead.py", "match"): "does what `match` of a compiled pattern does, on a longer text",
}


def defined_names(tree: ast.AST) -> Iterator[str]:
    """Every name that a module gives to something; names that it only uses are somebody else's."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
            arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
            yield from (a.arg for a in (*arguments, node.args.vararg, node.args.kwarg) if a is not None)
        elif isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                yield from _assigned(target)
        elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.For | ast.comprehension | ast.NamedExpr):
            yield from _assigned(node.target)
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            yield from _assigned(node.optional_vars)


def _assigned(target: ast.AST) -> Iterator[str]:
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Attribute):
        yield target.attr
    elif isinstance(target, ast.Tuple | ast.List):
        for part in target.elts:
            yield from _assigned(part)
    elif isinstance(target, ast.Starred):
        yield from _assigned(target.value)


def banned_names(module: str, text: str) -> list[str]:
    """The names that a module defines and that the vocabulary forbids."""
    found = []
    for name in set(defined_names(ast.parse(text))):
        parts = re.findall(r"[a-z0-9]+|[A-Z][a-z0-9]*", name)
        words = {part.lower() for part in parts}
        alone = name.strip("_").lower()
        banned = (alone in ALONE_BANNED and not (alone == "match" and "/media/" in module)) or words & ANYWHERE_BANNED
        if banned and (module, name) not in ALLOWED_NAMES:
            found.append(name)
    return sorted(found)


def test_no_identifier_is_a_banned_word() -> None:
    assert not {module: names for module, text in _texts() if (names := banned_names(module, text))}


def test_no_exception_to_the_vocabulary_is_stale() -> None:
    defined = {module: set(defined_names(ast.parse(text))) for module, text in _texts()}
    assert all(name in defined.get(module, ()) for module, name in ALLOWED_NAMES)


@pytest.mark.parametrize(
    "line",
    [
        "score = 1",
        "def f(user): ...",
        "class Entity: ...",
        "for hit in (): ...",
        "clean_rows = 2",
        "x.data = 3",
        "info, b = c",
    ],
)
def test_a_banned_word_is_seen(line: str) -> None:
    assert banned_names("headwater/money/x.py", line)


@pytest.mark.parametrize("line", ["address_cluster = 1", "import hashlib", "match_weight_mbits = 2", "white = 3"])
def test_a_qualified_word_is_let_through(line: str) -> None:
    assert not banned_names("headwater/money/x.py", line)


def too_long(lengths: Mapping[str, int]) -> list[str]:
    """The modules longer than they may be, or than is asked for without a reason; a schema is as long as it is."""
    measured = {module: lines for module, lines in lengths.items() if "/schema/" not in module}
    return [
        module
        for module, lines in measured.items()
        if lines > FAILING_LINES or (lines > ASKING_LINES and module not in ALLOWED_LENGTHS)
    ]


def test_no_file_is_too_long() -> None:
    lengths = {module: len(text.splitlines()) for module, text in _texts()}
    assert not too_long(lengths), "split by what is returned, or say above why not"
    assert all(lengths[module] > ASKING_LINES for module in ALLOWED_LENGTHS), "no reason is needed any more"


def test_no_test_is_too_long() -> None:
    paths = [path for folder in ("tests", "bench", "docs") for path in sorted((ROOT / folder).rglob("*.py"))]
    assert paths
    assert not [path for path in paths if len(path.read_text(encoding="utf-8").splitlines()) > FAILING_LINES]


def test_a_file_that_is_too_long_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    excused = "headwater/e.py"
    monkeypatch.setitem(ALLOWED_LENGTHS, excused, "a reason")
    assert too_long({"a.py": 601, "b.py": 401, "c.py": 400, excused: 600, "headwater/schema/d.py": 900}) == [
        "a.py",
        "b.py",
    ]
    assert too_long({excused: 601}) == [excused]


def undocumented(text: str) -> list[str]:
    """Public functions, classes and methods of a module that say nothing, or not in a first line."""
    tree = ast.parse(text)
    found = [] if ast.get_docstring(tree) or not tree.body else ["the module"]

    def look(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
                continue
            first = (ast.get_docstring(node) or "").split("\n")[0]
            overloads = any(isinstance(d, ast.Name) and d.id == "overload" for d in node.decorator_list)
            if not overloads and not first.rstrip().endswith((".", "?", ":")):
                found.append(prefix + node.name)
            if isinstance(node, ast.ClassDef):
                look(node.body, f"{prefix}{node.name}.")

    look(tree.body, "")
    return found


def test_everything_public_says_what_it_is() -> None:
    assert not {module: names for module, text in _texts() if (names := undocumented(text))}


def test_a_missing_docstring_is_seen() -> None:
    told = '"""Module."""\ndef told():\n    """What it is."""\n'
    text = told + 'def untold(): ...\nclass A:\n    """An A."""\n    def b(self): ...\n'
    assert undocumented(text) == ["untold", "A.b"]


def names_its_offer(text: str) -> bool:
    """Whether a module has `__all__`."""
    body = ast.parse(text).body
    names = {t.id for n in body if isinstance(n, ast.Assign) for t in n.targets if isinstance(t, ast.Name)}
    names |= {n.target.id for n in body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)}
    return "__all__" in names


def test_every_module_names_what_it_offers() -> None:
    # `__main__` and migrations are run by path and imported by nobody.
    silent = [
        m for m, text in _texts() if not names_its_offer(text) and "__main__" not in m and "/migrations/" not in m
    ]
    assert not silent


def tracked() -> list[Path]:
    """Every file that git tracks, or would on the next `git add`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout: nothing says which files are tracked")
    paths = [ROOT / name.decode() for name in listed.stdout.split(b"\0") if name]
    return [path for path in paths if path.is_file()]


# Still, video, archive, database, key and image files; `is_binary` catches what only its content gives away.
_NEVER = re.compile(
    r"\.(jpe?g|png|gif|webp|bmp|tiff?|hei[cf]|avif|svg|ico|mp4|mkv|mov|avi|webm|zip|gz|xz|bz2|7z|tar|rar|zst|img|raw|e01|"
    r"qcow2|vmdk|db|sqlite|dat|parquet|arrow|pdf|pem|key|age|whl|so|pyc|woff2?|ttf|otf|exe|dll)$",
    re.IGNORECASE,
)


def is_binary(content: bytes) -> bool:
    """Whether the content is something else than text."""
    try:
        return "\0" in content.decode("utf-8")
    except UnicodeDecodeError:
        return True


# The one exception: pictures of our own screens, which tests/unit/headwater_web/test_screenshots.py takes and compares.
_PICTURES = ROOT / "docs" / "how-to" / "pictures"
_PICTURE_SIZE, _PICTURE_COLOURS, _PICTURE_BYTES = (1280, 900), 256, 3_500_000


def is_picture_of_a_screen(path: Path) -> bool:
    """Whether this is such a picture: of that size and few colours, with nothing in it beside the pixels."""
    if path.parent != _PICTURES or not re.fullmatch(r"[a-z]+-(light|dark)\.png", path.name):
        return False
    content = path.read_bytes()
    chunks, place = [], 8
    while place + 8 <= len(content):
        length, kind = struct.unpack(">I4s", content[place : place + 8])
        chunks.append((kind, content[place + 8 : place + 8 + length]))
        place += 12 + length
    named = dict(chunks)
    return (
        place == len(content)
        and set(named) == {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
        and struct.unpack(">II", named[b"IHDR"][:8]) == _PICTURE_SIZE
        and len(named[b"PLTE"]) <= 3 * _PICTURE_COLOURS
    )


def test_no_binary_file_is_tracked() -> None:
    pictures = [path for path in tracked() if is_picture_of_a_screen(path)]
    assert sum(path.stat().st_size for path in pictures) < _PICTURE_BYTES
    for path in set(tracked()) - set(pictures):
        assert not _NEVER.search(path.name), f"{path}: fixtures are recipes; make it from a seed"
        assert not is_binary(path.read_bytes()), f"{path}: is not text"


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.with_name("photograph.png"),
        lambda path: path.parent.parent / path.name,
        lambda path: path,
    ],
)
def test_no_other_picture_is_let_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Any) -> None:
    right = next(_PICTURES.glob("*.png"))
    assert is_picture_of_a_screen(right)
    content = right.read_bytes()
    monkeypatch.setitem(globals(), "_PICTURES", tmp_path / "pictures")
    placed = change(tmp_path / "pictures" / right.name)
    placed.parent.mkdir(exist_ok=True)
    # In the right place under the right name: with something after its end, and with a text in it.
    for altered in (
        content + b"\0",
        content[:-12] + struct.pack(">I4s", 1, b"tEXt") + b"x" + b"\0" * 4 + content[-12:],
    ):
        placed.write_bytes(altered if placed.parent.name == "pictures" and placed.name == right.name else content)
        assert not is_picture_of_a_screen(placed)


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"text\0text"])
def test_a_binary_file_is_seen(content: bytes) -> None:
    assert is_binary(content)


# Written in pieces, so that this file does not carry what it looks for.
_HOSTS = tuple(
    "".join(parts)
    for parts in (
        ("py", "pi", ".org"),
        ("python", "hosted", ".org"),
        ("art", "ifactory"),
        ("anaconda", ".org"),
        ("npmjs", ".org"),
        ("repo.maven", ".apache"),
        ("proxy.golang", ".org"),
        ("crates", ".io"),
        ("index", "-url"),
        ("find", "-links"),
    )
)
_PLACES = tuple(
    "".join(parts)
    for parts in (
        ("/wo", "rk/"),
        ("/ro", "ot/"),
        ("/op", "t/wheels"),
        ("/ho", "me/"),
        ("/tmp/", "plan"),
        (".lib", "rary/"),
        ("/User", "s/"),
        ("tool/uv", "env"),
        ("issues ", "show"),
    )
)
# file: why it may say so.
_SAYS_SO = {"scripts/lock": "tells uv to leave registry addresses out of the lock"}


def gives_away(text: str) -> list[str]:
    """Registry hosts, and places of one machine, that a text names."""
    return [word for word in (*_HOSTS, *_PLACES) if word in text]


def test_no_registry_and_no_machine_is_named() -> None:
    for path in tracked():
        if path.relative_to(ROOT).as_posix() not in _SAYS_SO and not is_picture_of_a_screen(path):
            assert not gives_away(path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("place", [*_HOSTS, *_PLACES])
def test_a_named_place_is_seen(place: str) -> None:
    assert gives_away(f"see {place}x for it") == [place]


def ignores_without_reason(text: str) -> list[str]:
    """Rules that a ruff configuration switches off without saying why in the same line."""
    found = []
    inside = ""
    for line in text.splitlines():
        if line.startswith("["):
            inside = line
        if not inside.startswith("[tool.ruff.lint"):
            continue
        rules = re.findall(r'"([A-Z]{1,5}\d*)"', line.split("#")[0])
        if rules and "select" not in line and not re.search(r"#.*[a-z]{3}", line):
            found += rules
    return found


def test_each_ruff_exception_says_why() -> None:
    assert not ignores_without_reason((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_a_ruff_exception_without_reason_is_seen() -> None:
    assert ignores_without_reason('[tool.ruff.lint]\nignore = [\n  "D203",\n  "E501",  # why\n]\n') == ["D203"]


def bare_suppressions(text: str) -> list[int]:
    """Lines that silence a checker without naming the rule, or without a reason in the same line; so do skips."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if re.search(r"importorskip\((?!.*reason=)", line):
            found.append(number)
        if (seen := re.search(r"#\s*(noqa|type: ignore)(.*)$", line)) is None:
            continue
        named = re.match(r"(: [A-Z]+\d+(, ?[A-Z]+\d+)*|\[[a-z, -]+\])(?P<reason>.*)", seen[2])
        if named is None or not re.search(r"[A-Za-z]{3,}", named["reason"]):
            found.append(number)
    return found


@pytest.mark.parametrize("folder", ["src", "tests", "bench", "docs"])
def test_each_suppression_says_why(folder: str) -> None:
    silent = {
        path.relative_to(ROOT).as_posix(): lines
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path != Path(__file__) and (lines := bare_suppressions(path.read_text(encoding="utf-8")))
    }
    assert not silent


@pytest.mark.parametrize(
    "line",
    [
        "x = 1  # noqa",
        "x = 1  # noqa: S101",
        "x = 1  # type: ignore",
        "x  # type: ignore[arg-type]",
        'x = pytest.importorskip("x")',
    ],
)
def test_a_bare_suppression_is_seen(line: str) -> None:
    assert bare_suppressions(line) == [1]


def test_a_reasoned_suppression_is_let_through() -> None:
    assert not bare_suppressions("x = 1  # noqa: S101 - the last line before the operator")


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.lstrip().startswith("GNU AFFERO GENERAL PUBLIC LICENSE")
    assert "13. Remote Network Interaction" in text
    assert "END OF TERMS AND CONDITIONS" in text
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"] == "AGPL-3.0-or-later"


def test_every_fragment_of_the_changelog_is_of_a_known_kind() -> None:
    towncrier = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["towncrier"]
    kinds = {kind["directory"] for kind in towncrier["type"]}
    fragments = [path for path in (ROOT / "changelog.d").iterdir() if path.suffix == ".md"]
    assert fragments, "no change says what a user would notice"
    for path in fragments:
        assert path.name.split(".")[-2] in kinds, f"{path.name}: kinds are {sorted(kinds)}"
        assert path.read_text(encoding="utf-8").strip()
