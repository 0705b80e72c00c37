"""What an authority's hash lists say: the originals of listed scenes, and files that the seizure has nothing of."""

from __future__ import annotations

import hashlib
import random

from headwater_synth.media_store.model import ListedFile, ListedFrame
from headwater_synth.media_store.plan import PlannedScene
from headwater_synth.seeds import stream

__all__ = ["digests", "listed_elsewhere", "listed_original", "listed_shuffled"]

# Each list has an exact and a near scene of the first four that are listed, whatever the seed.
_LISTS = ("vics", "csv", "csv", "vics")
# A series has one answer to whether its victim is identified; the first four listed scenes show every answer.
_SERIES: tuple[tuple[str | None, str], ...] = (
    ("Harbour", "no"),
    ("Orchard", "yes"),
    ("Lantern", "unknown"),
    ("Granite", "no"),
    (None, "unknown"),
    ("Meadow", "yes"),
)
_ELSEWHERE = 24
_PDQ_BITS = 256


def digests(content: bytes) -> tuple[str, str, str]:
    """MD5, SHA-1 and SHA-256 in hex; the first two because hash lists carry them."""
    return (
        hashlib.md5(content, usedforsecurity=False).hexdigest(),
        hashlib.sha1(content, usedforsecurity=False).hexdigest(),
        hashlib.sha256(content).hexdigest(),
    )


def listed_original(
    seed: int, scene: PlannedScene, content: bytes, frames: tuple[ListedFrame, ...], *, number: int
) -> ListedFile:
    """The list's entry for the original of a scene.

    Args:
        seed: Seed of the whole seizure.
        scene: The scene.
        content: Its original's file, which the store itself may not hold.
        frames: Hashes of the original: one for a still, of each keyframe for a video.
        number: How many scenes were listed before it.
    """
    rng = stream(seed, "listing", scene.key)
    one_will_do = all(file.edit != "trim" for file in scene.files)  # a trim may have lost the one frame that is listed
    if len(frames) > 1 and one_will_do and rng.random() < 0.5:
        frames = (frames[len(frames) // 2],)
    series, identified = _SERIES[number] if number < len(_SERIES) else rng.choice(_SERIES)
    md5, sha1, sha256 = digests(content)
    return ListedFile(
        list_name=_LISTS[number % len(_LISTS)],
        scene_key=scene.key,
        media_kind=scene.media_kind,
        md5=md5,
        sha1=sha1,
        sha256=sha256,
        size_bytes=len(content),
        frames=frames,
        category=str(rng.randrange(1, 4)),
        series=series,
        victim_identified=identified,
    )


def listed_elsewhere(seed: int) -> tuple[ListedFile, ...]:
    """Entries for files that the seizure does not hold, in both lists; their hashes are of nothing."""
    rng = stream(seed, "listing", "elsewhere")
    entries = []
    for number in range(_ELSEWHERE):
        md5, sha1, sha256 = digests(rng.randbytes(32))
        series, identified = rng.choice(_SERIES)
        video = rng.random() < 0.3
        frames = tuple(
            ListedFrame(at_ms=frame * 1000 if video else None, pdq=_random_pdq(rng))
            for frame in range(rng.randrange(1, 4) if video else 1)
        )
        entries.append(
            ListedFile(
                list_name=_LISTS[number % len(_LISTS)],
                scene_key=None,
                media_kind="video" if video else "still",
                md5=md5,
                sha1=sha1,
                sha256=sha256,
                size_bytes=rng.randrange(20_000, 900_000),
                frames=frames,
                category=str(rng.randrange(1, 4)),
                series=series,
                victim_identified=identified,
            )
        )
    return tuple(entries)


def listed_shuffled(seed: int, entries: list[ListedFile]) -> tuple[ListedFile, ...]:
    """The entries in an order that tells nothing of the seizure."""
    shuffled = list(entries)
    stream(seed, "listing", "order").shuffle(shuffled)
    return tuple(shuffled)


def _random_pdq(rng: random.Random) -> str:
    """Hex of 256 bits of which half are set, as the median makes every PDQ hash."""
    chosen = rng.sample(range(_PDQ_BITS), _PDQ_BITS // 2)
    return f"{sum(1 << bit for bit in chosen):064x}"
