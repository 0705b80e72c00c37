"""Streams of randomness are told apart by name and by nothing else."""

from __future__ import annotations

import os
import subprocess
import sys

from headwater_synth.seeds import seed_digest, stream


def test_names_are_framed():
    drawn = {
        seed_digest(1),
        seed_digest(1, "ab", "c"),
        seed_digest(1, "a", "bc"),
        seed_digest(1, "abc"),
        seed_digest(1, 1),
        seed_digest(1, "1"),
        seed_digest(1, 1, 1),
        seed_digest(11, 1),
        seed_digest(-1, 1),
    }
    assert len(drawn) == 9


def test_a_stream_does_not_depend_on_the_process():
    program = (
        "from headwater_synth.seeds import stream; print([stream(7, 'people', 3).randrange(10**9) for _ in range(3)])"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": locale, "TZ": zone},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, locale, zone in (("0", "C", "UTC"), ("4711", "C.UTF-8", "Asia/Tokyo"))
    }
    assert len(answers) == 1


def test_parts_do_not_disturb_each_other():
    first = stream(7, "people")
    first.random()
    other = stream(7, "logins")
    other.random()
    again = stream(7, "people")
    again.random()
    assert first.random() == again.random()
