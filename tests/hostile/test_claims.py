"""Damaged metadata of every container: no error escapes, rows and time are bounded, and no prompt comes through."""

from __future__ import annotations

import io
import random
import time

import pytest

from headwater_sealed.claims import claims_of
from headwater_sealed.claims_found import MAX_CLAIMS, Claim
from headwater_synth.claimed_media import PROMPT, claimed_media, parameters
from headwater_synth.mutants import mutated

MADE = claimed_media()
MUTANTS = 300
CUTS = 60
MOST_S = 10.0


def kept_promises(content: bytes) -> tuple[Claim, ...]:
    """The claims of a content, after every promise about them was checked."""
    began = time.monotonic()
    claims = claims_of(io.BytesIO(content))
    assert time.monotonic() - began < MOST_S
    assert 1 <= len(claims) <= MAX_CLAIMS + 1
    assert [one.claim_kind for one in claims].count("summary") == 1
    assert claims[-1].claim_kind == "summary"
    for one in claims:
        for text in (one.claim, one.claimed_by, one.reason, one.note):
            assert text is None or (len(text) <= 320 and text.isprintable())
        assert one.claims_synthetic in {"yes", "no", "unknown"}
        assert (one.claim_kind == "unreadable") <= bool(one.reason)
    assert PROMPT[10:] not in repr(claims)
    return claims


@pytest.mark.parametrize("container", MADE)
def test_damaged_files_give_rows_and_nothing_else(container):
    damaged = 0
    for seed in range(MUTANTS):
        damaged += kept_promises(mutated(MADE[container], random.Random(f"{container} {seed}")))[-1].reason is not None
    assert damaged > MUTANTS // 60, "hardly any of them was damaged where claims are"


@pytest.mark.parametrize("container", MADE)
def test_files_cut_short_say_so_or_lost_nothing(container):
    whole = MADE[container]
    sound = {(one.claim_kind, one.claim, one.claimed_by) for one in claims_of(io.BytesIO(whole))[:-1]}
    for cut in {len(whole) * part // CUTS for part in range(CUTS)}:
        *claims, summary = kept_promises(whole[:cut])
        found = {(one.claim_kind, one.claim, one.claimed_by) for one in claims if one.reason is None}
        assert summary.reason or found == sound, f"cut at {cut} of {len(whole)}: claims are gone without a word"


@pytest.mark.parametrize("container", MADE)
def test_the_same_bytes_give_the_same_rows(container):
    damaged = mutated(MADE[container], random.Random(container))
    assert claims_of(io.BytesIO(damaged)) == claims_of(io.BytesIO(damaged))


@pytest.mark.parametrize("head", [content[:16] for content in MADE.values()], ids=list(MADE))
def test_noise_behind_a_true_beginning(head):
    for seed in range(20):
        chance = random.Random(seed)
        kept_promises(head + chance.randbytes(chance.randrange(1 << 16)))
        kept_promises(head + bytes([chance.choice((0, 1, 0x21, 0xFF))]) * 200_000)


def test_the_promise_about_prompts_bites():
    assert PROMPT[10:] in parameters()
