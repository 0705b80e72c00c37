"""Two agencies compare their identifiers: seconds of each step, memory, and seconds for a million on each side.

    python bench/deconflict_rate.py [--identifiers 20000] [--workers 2] [--goal-seconds 300]

All steps of both roles run one after the other on this machine, as files; a tenth of each side's identifiers is shared,
and the result is checked. Anchor, in the same run: multiplications a second of the library, in one thread, with nothing
around them. Where fewer than a million are compared, what a million would take is said as an extrapolation. Seconds of
processor divided by the threads are what a machine would take that nobody else uses.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nacl import bindings

from headwater.deconfliction import (
    ECDH,
    Header,
    answered,
    hidden,
    keyed,
    marked,
    message_file,
    new_scalar,
    padded_count,
    read_message,
    shared_by_ecdh,
    shared_in,
)

MILLION = 1_000_000
SESSION = "dcs-" + "0b" * 16
ANCHOR_POINTS = 4_000


def processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Steps:
    def __init__(self) -> None:
        self.wall: dict[str, float] = {}
        self.processor: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        began, used = time.monotonic(), processor_seconds()
        yield
        self.wall[name] = time.monotonic() - began
        self.processor[name] = processor_seconds() - used


def anchor() -> float:
    """Seconds of processor for one multiplication."""
    scalar, point = new_scalar(), bindings.crypto_core_ed25519_from_uniform(secrets.token_bytes(32))
    began = processor_seconds()
    for _ in range(ANCHOR_POINTS):
        bindings.crypto_scalarmult_ed25519_noclamp(scalar, point)
    return (processor_seconds() - began) / ANCHOR_POINTS


def sides(count: int) -> tuple[list[str], list[str], list[str]]:
    both = [f"email:both{n}@mail.test" for n in range(count // 10)]
    ours = [f"email:north{n}@mail.test" for n in range(count - len(both))]
    theirs = [f"phone:+336{n:08}" for n in range(count - len(both))]
    return sorted(both + ours), sorted(both + theirs), sorted(both)


def header(message: str, ours: int, theirs: int, sender: Ed25519PrivateKey) -> Header:
    key = sender.public_key().public_bytes_raw().hex()
    return Header(
        message=message, session_id=SESSION, mode=ECDH, kinds=("email", "phone"), learns="both", sender=key,
        recipient=key, purpose="bench", legal_basis="bench", sent_at_utc="2026-01-01T00:00:00.000000Z",
        expires_at_utc="2026-01-02T00:00:00.000000Z", starter_values=ours, answerer_values=theirs, replies_to="",
        key_check="",
    )  # fmt: skip


def by_ecdh(count: int, workers: int, folder: Path) -> tuple[Steps, list[int]]:
    """A whole session of both roles, through files; how many bytes each message has."""
    starter, answerer, both = sides(count)
    key, steps = Ed25519PrivateKey.generate(), Steps()
    values = padded_count(count)
    a, b = new_scalar(), new_scalar()

    def accept(_: Header) -> None: ...

    with steps.step("start"):
        offer = hidden(starter, SESSION, a, workers=workers)
        with message_file(folder / "offer", header("offer", values, 0, key), offer.values, key):
            pass
    with steps.step("answer"):
        own = hidden(answerer, SESSION, b, workers=workers)
        offered = read_message(folder / "offer", accept).body
        body = answered(offered, b, own, source="offer", workers=workers)
        with message_file(folder / "answer", header("answer", values, values, key), body, key):
            pass
    with steps.step("finish of the starter"):
        body = read_message(folder / "answer", accept).body
        shared, bits = shared_by_ecdh(body, offer.order, a, source="answer", workers=workers)
        with message_file(folder / "result", header("result", values, values, key), bits, key):
            pass
    with steps.step("finish of the answerer"):
        bits = read_message(folder / "result", accept).body
        theirs = marked(bits, own.order, at_most=values, source="result")
    if not shared == theirs == both:
        raise SystemExit(f"WRONG: {len(shared)} and {len(theirs)} found of {len(both)}")
    return steps, [(folder / name).stat().st_size for name in ("offer", "answer", "result")]


def by_key(count: int) -> Steps:
    starter, answerer, both = sides(count)
    key, steps = secrets.token_bytes(32), Steps()
    with steps.step("both sides under a key"):
        one, other = keyed(starter, SESSION, key), keyed(answerer, SESSION, key)
        found = shared_in(other.values, one, source="x"), shared_in(one.values, other, source="x")
    if found != (both, both):
        raise SystemExit("WRONG: the two sides differ")
    return steps


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--identifiers", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--goal-seconds", type=float, default=300)
    given = parser.parse_args()
    one = anchor()
    with tempfile.TemporaryDirectory() as folder:
        steps, sizes = by_ecdh(given.identifiers, given.workers, Path(folder))
    keyed_steps = by_key(given.identifiers)
    again = anchor()
    times = padded_count(MILLION) / padded_count(given.identifiers)
    wall, processor = sum(steps.wall.values()), sum(steps.processor.values())
    # Two sides hide a million each, and each of the two multiplies what the other sent.
    multiplications = 4 * padded_count(given.identifiers)
    ideal = processor * times / given.workers
    print(json.dumps({
        "identifiers_a_side": given.identifiers,
        "workers": given.workers,
        "load_average": [round(load, 1) for load in os.getloadavg()],
        "anchor_multiplications_a_second": [round(1 / one), round(1 / again)],
        "wall_seconds": {name: round(seconds, 1) for name, seconds in steps.wall.items()},
        "processor_seconds": {name: round(seconds, 1) for name, seconds in steps.processor.items()},
        "processor_seconds_beside_bare_multiplications": round(processor / (multiplications * (one + again) / 2), 2),
        "message_bytes": sizes,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "keyed_wall_seconds": round(sum(keyed_steps.wall.values()), 1),
        "a_million_a_side": {
            "extrapolated": given.identifiers != MILLION,
            "wall_seconds": round(wall * times, 1),
            "processor_seconds": round(processor * times, 1),
            "processor_seconds_by_workers": round(ideal, 1),
            "goal_seconds": given.goal_seconds,
            "goal_met": {"by_wall": wall * times <= given.goal_seconds, "by_processor": ideal <= given.goal_seconds},
        },
    }, indent=1))  # fmt: skip


if __name__ == "__main__":
    main()
