"""Which scenes and files a media store holds, before anything is drawn."""

from __future__ import annotations

import random
from dataclasses import dataclass

from headwater_synth.seeds import stream

__all__ = ["MIN_FULL_MIX", "PlannedFile", "PlannedScene", "planned_scenes"]

MIN_FULL_MIX = 24
"""Files from which on every situation is there at any seed."""

_STILL_SIZES = ((640, 480), (800, 600), (720, 480), (512, 512), (600, 800))
_VIDEO_SIZES = ((320, 240), (480, 270), (640, 360))

# Each template: media kind, whether a list holds the scene, and the edits that the store keeps of it. A scene that is
# listed and whose original is absent is `near`. The first templates make up the full mix of 24 files.
_Template = tuple[str, bool, tuple[str, ...]]
_FULL_MIX: tuple[_Template, ...] = (
    ("still", True, ("original", "copy", "reencode", "resize")),
    ("still", True, ("reencode", "overlay", "resize")),
    ("still", False, ("original", "copy", "overlay", "truncated")),
    ("video", True, ("original", "reencode")),
    ("video", True, ("reencode", "trim")),
    ("video", False, ("original", "reencode", "trim", "truncated")),
    ("still", False, ("flat",)),
    ("video", False, ("flat",)),
    ("still", False, ("original", "reencode")),
    ("still", False, ("original",)),
)
_FURTHER: tuple[_Template, ...] = (
    ("still", True, ("original",)),
    ("still", True, ("original", "overlay")),
    ("still", True, ("copy", "copy", "reencode")),
    ("still", True, ("overlay",)),
    ("still", True, ("resize", "reencode", "truncated")),
    ("still", False, ("original",)),
    ("still", False, ("original", "resize", "truncated")),
    ("still", False, ("original", "reencode", "overlay", "copy")),
    ("still", False, ("flat",)),
    ("video", True, ("original", "trim")),
    ("video", True, ("overlay", "truncated")),
    ("video", True, ("trim", "resize")),
    ("video", False, ("original",)),
    ("video", False, ("original", "copy", "resize")),
    ("video", False, ("original", "overlay", "trim")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFile:
    """One file that the store will hold.

    Attributes:
        edit: original, copy, reencode, resize, trim, overlay, truncated or flat.
        order: Place among the files of its scene, from 0; also the order in which they came to the platform.
        name: Stem of the file's name.
    """

    edit: str
    order: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedScene:
    """One scene and its files.

    Attributes:
        key: Names the scene in the truth.
        media_kind: still or video.
        listed: Whether a hash list holds the scene's original.
        original_stored: Whether the store holds the original, or a copy of it byte for byte.
        flat: Whether it is an even surface that no perceptual hash can tell from another.
        width_px: Width of the original.
        height_px: Height of the original.
        duration_s: Duration of a video; 0 for a still.
        files: In their order.
    """

    key: str
    media_kind: str
    listed: bool
    original_stored: bool
    flat: bool
    width_px: int
    height_px: int
    duration_s: int
    files: tuple[PlannedFile, ...]


def planned_scenes(seed: int, media: int) -> tuple[PlannedScene, ...]:
    """The scenes of a store with so many files.

    Args:
        seed: Seed of the whole seizure.
        media: Files in the store; from `MIN_FULL_MIX` on, every situation is among them.
    """
    rng = stream(seed, "media-plan")
    scenes: list[PlannedScene] = []
    left = media
    while left > 0:
        template = _FULL_MIX[len(scenes)] if len(scenes) < len(_FULL_MIX) else rng.choice(_FURTHER)
        scene = _planned(rng, len(scenes), template, most=left)
        scenes.append(scene)
        left -= len(scene.files)
    return tuple(scenes)


def _planned(rng: random.Random, number: int, template: _Template, *, most: int) -> PlannedScene:
    media_kind, listed, edits = template
    width, height = rng.choice(_STILL_SIZES if media_kind == "still" else _VIDEO_SIZES)
    kept = edits[:most]
    files = tuple(PlannedFile(edit=edit, order=order, name=rng.randbytes(10).hex()) for order, edit in enumerate(kept))
    return PlannedScene(
        key=f"scene-{number:05d}",
        media_kind=media_kind,
        listed=listed,
        original_stored="original" in kept or "copy" in kept,
        flat="flat" in kept,
        width_px=width,
        height_px=height,
        duration_s=rng.randrange(3, 7) if media_kind == "video" else 0,
        files=files,
    )
