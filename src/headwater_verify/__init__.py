"""Checks custody logs and packages with the standard library and `cryptography` alone; no code of headwater is in it.

    headwater-verify PATH [--key PUBLIC.pem] [--identity FILE] [--witness ENTRIES:ROOT] [--json]

PATH is a case, a custody log, a proof about one, a package or a recall notice as it was sent, a package opened, or an
answer to one (receipt, outcomes). Exit code 0: all holds;
1: something does not; 2: nothing could be checked. Of a package as it was sent, only the outside is checked without
--identity.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from headwater_verify.checks import BadInputError, Check, key_from_pem
from headwater_verify.custody import Witness, custody_checks
from headwater_verify.extract import extract_checks
from headwater_verify.package import archive_members, contents_checks, envelope_checks, opened_checks
from headwater_verify.proofs import proof_or_erasure_checks
from headwater_verify.signed import document_checks, recall_checks

__all__ = ["main", "verify"]


def verify(
    path: Path, *, public_key: str | None = None, identity: str | None = None, witnesses: Sequence[Witness] = ()
) -> list[Check]:
    """Each check of what lies at the path, in a fixed order.

    Args:
        path: A case, a custody log, a proof about one, a package as it was sent, or a package opened (a folder or its
            archive).
        public_key: The case's key in hex, had over another channel.
        identity: The recipient's age secret key.
        witnesses: Tree heads kept elsewhere.

    Raises:
        BadInputError: There is nothing here that can be checked.
    """
    if path.is_file() and path.name in {
        "custody.log",
        "custody.heads",
        "custody.payloads",
        "package.age",
        "package.pgp",
        "recall.age",
        "recall.pgp",
        "envelope.json",
    }:
        path = path.parent
    elif path.is_file():
        return _single_file(path, public_key)
    if not path.is_dir():
        raise BadInputError(f"{path}: there is no such file or folder")
    if (path / "custody.log").is_file():
        return _case(path, public_key, witnesses)
    return _one_folder(path, public_key, identity)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code, after printing one line for each check."""
    options = _options(arguments)
    try:
        key = key_from_pem(_content(options.key), str(options.key)) if options.key else None
        identity = _identity(options.identity) if options.identity else None
        checks = verify(
            options.path, public_key=key, identity=identity, witnesses=[_witness(w) for w in options.witness]
        )
    except BadInputError as error:
        print(f"headwater-verify: {error}", file=sys.stderr)  # noqa: T201 - this program prints
        return 2
    for check in checks:
        if options.json:
            line = json.dumps({"check": check.check, "ok": check.ok, "first_bad": check.first_bad})
        else:
            line = f"ok   {check.check}" if check.ok else f"FAIL {check.check}: {check.first_bad}"
        print(line)  # noqa: T201 - as above
    if key is None:
        note = "no --key was given: this shows that nothing was changed, and not who made it"
        print(f"headwater-verify: {note}", file=sys.stderr)  # noqa: T201 - as above
    if any(check.check.endswith("envelope.form") for check in checks) and not any(
        check.check.endswith(("package.opens", "package.form")) for check in checks
    ):
        note = "only the outside was checked: give --identity to check what is encrypted"
        print(f"headwater-verify: {note}", file=sys.stderr)  # noqa: T201 - as above
    return 0 if all(check.ok for check in checks) else 1


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see --help\n")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _Parser(
        prog="headwater-verify", description="Check a custody log or a package, independently of headwater."
    )
    parser.add_argument(
        "path", type=Path, metavar="PATH", help="a case, a custody log, a proof, a package or notice, or an answer"
    )
    parser.add_argument(
        "--key", type=Path, metavar="FILE", help="public key of who signed it, had over another channel"
    )
    parser.add_argument("--identity", type=Path, metavar="FILE", help="the recipient's age secret key, to look inside")
    parser.add_argument(
        "--witness", action="append", default=[], metavar="ENTRIES:ROOT", help="a tree head that somebody else kept"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    return parser.parse_args(arguments)


def _case(path: Path, public_key: str | None, witnesses: Sequence[Witness]) -> list[Check]:
    if public_key is None:
        pem = path / "public" / "case-signing.pem"
        if not pem.is_file():
            raise BadInputError(f"{path}: the case's public key is not beside the log; give it with --key")
        public_key = key_from_pem(_content(pem), str(pem))
    packages = sorted(folder.parent for folder in path.glob("packages/*/*/sealed"))
    # An envelope carries the log's head of its time, so whatever was sent is a witness to the log.
    sealed = sorted((*path.glob("packages/*/*/sealed"), *path.glob("packages/*/recalls/*/sealed")))
    seen = [head for folder in sealed if (head := _head_in(folder / "envelope.json"))]
    log, heads = _content(path / "custody.log"), _if_there(path / "custody.heads")
    payloads, stamps = _if_there(path / "custody.payloads"), _if_there(path / "custody.witnesses")
    checks = custody_checks(log, heads, payloads, public_key, [*witnesses, *seen], stamps)
    for folder in packages:
        prefix = folder.relative_to(path / "packages").as_posix()
        checks += [
            Check(check=f"{prefix} {check.check}", first_bad=check.first_bad)
            for check in _released(folder, public_key, None)
        ]
    for folder in sorted(folder.parent for folder in path.glob("packages/*/recalls/*/sealed")):
        prefix, notice = folder.relative_to(path / "packages").as_posix(), folder / "record" / "recall.json"
        found = _recall(folder / "sealed", _if_there(notice), public_key, None)
        checks += [Check(check=f"{prefix} {check.check}", first_bad=check.first_bad) for check in found]
    return checks


def _one_folder(path: Path, public_key: str | None, identity: str | None) -> list[Check]:
    """The checks of a package or notice, as it was sent, as it was opened, or as it lies in a case."""
    if _is_recall(path):
        return _recall(path, None, public_key, identity)
    if (path / "envelope.json").is_file() or (path / "package.age").is_file():
        return _sealed(path, public_key, identity)
    if (path / "manifest.json").is_file():
        return contents_checks(_folder(path), public_key)
    if _is_recall(path / "sealed"):
        return _recall(path / "sealed", _if_there(path / "record" / "recall.json"), public_key, identity)
    if (path / "sealed").is_dir():
        return _released(path, public_key, identity)
    raise BadInputError(f"{path}: this is no case, no custody log and no released package")


def _recall(path: Path, notice: bytes | None, public_key: str | None, identity: str | None) -> list[Check]:
    envelope, ciphertext = _if_there(path / "envelope.json"), _either(path, "recall")
    return recall_checks(envelope, ciphertext, public_key, notice=notice, identity=identity)


def _released(path: Path, public_key: str | None, identity: str | None) -> list[Check]:
    checks = _sealed(path / "sealed", public_key, identity)
    if not (path / "record").is_dir():
        return [*checks, Check(check="package.form", first_bad="record: the plaintext that was released is missing")]
    envelope = _if_there(path / "sealed" / "envelope.json")
    return [*checks, *contents_checks(_folder(path / "record"), public_key, envelope)]


def _sealed(path: Path, public_key: str | None, identity: str | None) -> list[Check]:
    envelope, ciphertext = _if_there(path / "envelope.json"), _either(path, "package")
    checks = envelope_checks(envelope, ciphertext, public_key)
    if identity is not None:
        checks += opened_checks(envelope, ciphertext, identity, public_key)
    return checks


def _single_file(path: Path, public_key: str | None) -> list[Check]:
    content = _content(path)
    if content.startswith(b'{"') and b'-proof"' in content:
        return proof_or_erasure_checks(content, public_key)
    if content.startswith(b'{"') and b'"format":"headwater-custody-extract"' in content:
        return extract_checks(content, public_key)
    if content.startswith(b'{"') and b'"signatures":' in content:
        return document_checks(content, public_key)
    if content[257:262] != b"ustar":
        raise BadInputError(f"{path}: this is no file of a custody log or a package")
    try:
        return contents_checks(archive_members(content), public_key)
    except ValueError as error:
        return [Check(check="package.form", first_bad=str(error))]


def _folder(path: Path) -> dict[str, bytes]:
    return {file.name: _content(file) for file in sorted(path.iterdir())}


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read: {error.strerror}") from None


def _if_there(path: Path) -> bytes:
    """The content, or nothing: a file that is missing beside one that is there is a finding, not a mistake."""
    return _content(path) if path.is_file() else b""


def _is_recall(path: Path) -> bool:
    return any((path / f"recall.{kind}").is_file() for kind in ("age", "pgp"))


def _either(path: Path, what: str) -> bytes:
    """The encrypted file, by age or by OpenPGP."""
    return _if_there(path / f"{what}.pgp") or _if_there(path / f"{what}.age")


def _identity(path: Path) -> str:
    lines = _content(path).decode("utf-8", "replace").splitlines()
    keys = [line.strip() for line in lines if line.strip().upper().startswith("AGE-SECRET-KEY-1")]
    if len(keys) != 1:
        raise BadInputError(f"{path}: this file holds {len(keys)} age secret keys and not one")
    return keys[0]


def _head_in(envelope: Path) -> Witness | None:
    try:
        head = json.loads(_content(envelope))["custody_head"]
        return (int(head["entries"]), str(head["root"])) if head else None
    except (ValueError, KeyError, TypeError):
        return None  # the checks of the envelope itself say what is wrong with it


def _witness(text: str) -> Witness:
    entries, _, root = text.partition(":")
    if not entries.isdecimal() or len(root) != 64:
        raise BadInputError(f"--witness {text}: write the number of entries, a colon, and the root in hex")
    return int(entries), root
