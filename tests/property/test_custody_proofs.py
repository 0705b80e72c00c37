"""Proofs about the custody log: by RFC 9162's own recursion, by both programs, for every size up to some hundreds."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

import headwater_verify
from headwater.custody import CustodyLog, consistency_proof, create_case_key, inclusion_proof, verify_proof
from headwater.custody.merkle import (
    consistency_path,
    inclusion_path,
    leaf_digest,
    root_by_inclusion,
    roots_by_consistency,
)
from headwater.errors import InputError, IntegrityError
from headwater_verify.proofs import _folded

SIZES = 200
LEAVES = [leaf_digest(str(number).encode()) for number in range(SIZES)]


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_hash(first: int, end: int, known: dict[tuple[int, int], bytes]) -> bytes:
    """RFC 9162, section 2.1.1, word by word."""
    if (first, end) not in known:
        count = end - first
        split = max((power for power in (1 << bit for bit in range(20)) if power < count), default=0)
        known[first, end] = (
            LEAVES[first]
            if count == 1
            else node(tree_hash(first, first + split, known), tree_hash(first + split, end, known))
        )
    return known[first, end]


@pytest.fixture(scope="module")
def roots() -> list[bytes]:
    known: dict[tuple[int, int], bytes] = {}
    return [b"", *(tree_hash(0, size, known) for size in range(1, SIZES + 1))]


def test_every_leaf_of_every_tree_is_proved_and_no_other(roots):
    for size in [*range(1, 70), 127, 128, 129, SIZES]:
        for index in range(size):
            path = inclusion_path(LEAVES[:size], index)
            assert root_by_inclusion(LEAVES[index], index, size, path) == roots[size]
            other = (index + 1) % size
            if size > 1:
                assert root_by_inclusion(LEAVES[other], index, size, path) != roots[size]
                assert root_by_inclusion(LEAVES[index], other, size, path) != roots[size]
                assert root_by_inclusion(LEAVES[index], index, size, path[:-1]) != roots[size]
            assert root_by_inclusion(LEAVES[index], index, size, [*path, path[-1] if path else b"x"]) != roots[size]


def test_every_growth_is_proved_and_no_other(roots):
    for size in [*range(1, 70), 127, 128, 129, SIZES]:
        for first in range(1, size + 1):
            path = consistency_path(LEAVES[:size], first)
            assert roots_by_consistency(first, size, roots[first], path) == (roots[first], roots[size])
            wrong = (roots[first], roots[size])
            if first < size:
                assert roots_by_consistency(first, size, LEAVES[-1], path) != (LEAVES[-1], roots[size])
                assert roots_by_consistency(first, size, roots[first], path[:-1]) != wrong
                assert roots_by_consistency(first, size, roots[first], [*path, path[-1]]) != wrong


def test_both_programs_fold_a_path_alike(roots):
    for size in range(1, 40):
        for index in range(size):
            path = inclusion_path(LEAVES[:size], index)
            assert _folded(index, size, LEAVES[index], LEAVES[index], path)[1] == roots[size]


# ---- Documents


def clock() -> datetime:
    return datetime(2026, 11, 3, 9, 30, tzinfo=UTC)


WHO = {"actor": "Ana", "role": "analyst", "justification": "exercise é", "clock": clock}


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("log")
    log = CustodyLog.create(folder, signing_key=create_case_key(folder), **WHO)
    for _ in range(6):
        log.append(event="parsed", outcome="failed: no memory", **WHO)
    return folder


def holds(content: bytes, folder: Path) -> bool:
    """Whether both programs accept the proof; they must agree."""
    ours = all(check.ok for check in verify_proof(content))
    file = folder / "proof.json"
    file.write_bytes(content)
    try:
        theirs = headwater_verify.main([str(file)]) == 0
    finally:
        file.unlink()
    assert ours == theirs, content
    return ours


@pytest.mark.parametrize("with_texts", [True, False])
def test_an_entry_is_proved_without_the_log(case, tmp_path, with_texts):
    for seq in range(7):
        proof = inclusion_proof(case, seq, with_texts=with_texts)
        assert holds(proof, tmp_path)
        assert ("exercise" in proof.decode()) == with_texts


def test_growth_is_proved_without_the_log(case, tmp_path):
    heads = [json.loads(line) for line in (case / "custody.heads").read_bytes().splitlines()]
    for head in heads:
        proof = consistency_proof(case, head["entries"], head["root"])
        assert holds(proof, tmp_path)
        assert b"exercise" not in proof
    with pytest.raises(IntegrityError, match="does not begin"):
        consistency_proof(case, 3, "ab" * 32)
    with pytest.raises(InputError, match="cut off"):
        consistency_proof(case, 8, heads[-1]["root"])


@pytest.mark.parametrize("kind", ["inclusion", "consistency"])
def test_no_byte_of_a_proof_can_be_changed(case, tmp_path, kind):
    head = json.loads((case / "custody.heads").read_bytes().splitlines()[2])
    proof = inclusion_proof(case, 3) if kind == "inclusion" else consistency_proof(case, 3, head["root"])
    for position in range(len(proof)):
        changed = proof[:position] + bytes([proof[position] ^ (1 << position % 8)]) + proof[position + 1 :]
        assert not holds(changed, tmp_path), position
