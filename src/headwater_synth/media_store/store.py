"""The media store on disk: scenes drawn, encoded and edited, one file after the other."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from headwater_synth.media_store.listing import digests, listed_elsewhere, listed_original, listed_shuffled
from headwater_synth.media_store.model import ListedFile, ListedFrame, MediaFile, MediaResult
from headwater_synth.media_store.perceptual import Crowd, pdq_of
from headwater_synth.media_store.plan import PlannedFile, PlannedScene, planned_scenes
from headwater_synth.media_store.scenes import Scene, drawn_flat, drawn_scene
from headwater_synth.media_store.stills import decoded_still, encoded_still, still_edit
from headwater_synth.seeds import stream

__all__ = ["MIN_APART_BITS", "MIN_QUALITY", "build_media_store"]

MIN_APART_BITS = 80
"""Least distance of two scenes' frames when drawn: edits may come nearer, and still must not meet at 31 bits each."""
MIN_QUALITY = 90
_MAX_ATTEMPTS = 200


def build_media_store(root: Path, *, seed: int, media: int) -> MediaResult:
    """The files written under a folder, and what the hash lists say of them.

    Args:
        root: Folder of the store; it is made if it does not exist.
        seed: Seed of the whole seizure.
        media: Files to make; 0 makes none and needs no codec.
    """
    contents: list[tuple[MediaFile, bytes]] = []
    listed: list[ListedFile] = [*listed_elsewhere(seed)]
    crowd = Crowd()
    known_scenes = 0
    for planned in planned_scenes(seed, media):
        original, extension, frames = _original(seed, planned, crowd)
        if planned.listed:
            listed.append(listed_original(seed, planned, original, frames, number=known_scenes))
            known_scenes += 1
        for file in planned.files:
            content = _edited(seed, planned, file, original)
            ending = extension if file.edit in {"original", "copy", "flat", "truncated"} else _edit_extension(planned)
            contents.append((_described(planned, file, content, ending), content))
    contents.sort(key=lambda pair: pair[0].relative_path)
    root.mkdir(parents=True, exist_ok=True)
    for stored, content in contents:
        path = root / stored.relative_path
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return MediaResult(seed=seed, files=tuple(stored for stored, _ in contents), listed=listed_shuffled(seed, listed))


def _edit_extension(planned: PlannedScene) -> str:
    return "jpg" if planned.media_kind == "still" else "mp4"


def _described(planned: PlannedScene, file: PlannedFile, content: bytes, extension: str) -> MediaFile:
    md5, sha1, sha256 = digests(content)
    verbatim = file.edit in {"original", "copy"}
    return MediaFile(
        relative_path=f"{file.name[:2]}/{file.name}.{extension}",
        scene_key=planned.key,
        media_kind=planned.media_kind,
        edit=file.edit,
        listed="none" if not planned.listed else "exact" if verbatim else "near",
        comparable=file.edit not in {"flat", "truncated"},
        scene_is_listed=planned.listed,
        upload_order_hint=file.order,
        md5=md5,
        sha1=sha1,
        sha256=sha256,
        size_bytes=len(content),
    )


def _original(seed: int, planned: PlannedScene, crowd: Crowd) -> tuple[bytes, str, tuple[ListedFrame, ...]]:
    """The original's file, its extension, and the hashes a list would carry for it."""
    rng = stream(seed, "original", planned.key)
    if planned.flat:
        return _flat_original(seed, planned, rng), _edit_extension(planned), ()
    scene = _distinct_scene(seed, planned, crowd)
    if planned.media_kind == "video":
        return _video_original(scene, planned, rng)
    extension = "png" if scene.kind in {"test_card", "mosaic"} else "jpg"
    content = encoded_still(scene.frame(), extension=extension, quality=rng.randrange(88, 96))
    frame = ListedFrame(at_ms=None, pdq=pdq_of(decoded_still(content)).bits.hex())
    return content, extension, (frame,)


def _video_original(
    scene: Scene, planned: PlannedScene, rng: random.Random
) -> tuple[bytes, str, tuple[ListedFrame, ...]]:
    from headwater_synth.media_store import videos

    count = planned.duration_s * videos.FRAMES_PER_SECOND
    moments = (scene.frame(number / videos.FRAMES_PER_SECOND) for number in range(count))
    content = videos.encoded_video(moments, rate_factor=20, index_first=rng.random() < 0.6)
    frames = tuple(
        ListedFrame(at_ms=frame.at_ms, pdq=pdq_of(frame.picture).bits.hex())
        for frame in videos.decoded_frames(content)
        if frame.keyframe
    )
    return content, "mp4", frames


def _flat_original(seed: int, planned: PlannedScene, rng: random.Random) -> bytes:
    picture = drawn_flat(seed, planned.key, width_px=planned.width_px, height_px=planned.height_px)
    if planned.media_kind == "still":
        return encoded_still(picture, extension="jpg", quality=rng.randrange(70, 90))
    from headwater_synth.media_store import videos

    pictures = (picture for _ in range(2 * videos.FRAMES_PER_SECOND))
    return videos.encoded_video(pictures, rate_factor=24)


def _distinct_scene(seed: int, planned: PlannedScene, crowd: Crowd) -> Scene:
    """The first drawing of the scene that is structured and far from every scene drawn before it."""
    for attempt in range(_MAX_ATTEMPTS):
        scene = drawn_scene(seed, planned.key, attempt, width_px=planned.width_px, height_px=planned.height_px)
        hashes = [pdq_of(picture) for picture in _each_second(scene, planned.duration_s)]
        bits = [found.bits for found in hashes]
        structured = min(found.quality for found in hashes) >= MIN_QUALITY
        if structured and crowd.nearest_bits(bits) > MIN_APART_BITS:
            crowd.join(bits)
            return scene
    raise AssertionError(f"{planned.key}: no drawing of {_MAX_ATTEMPTS} was far enough from the others")


def _each_second(scene: Scene, duration_s: int) -> Iterator[Image.Image]:
    return (scene.frame(float(second)) for second in range(max(1, duration_s)))


def _edited(seed: int, planned: PlannedScene, file: PlannedFile, original: bytes) -> bytes:
    if file.edit in {"original", "copy", "flat"}:
        return original
    rng = stream(seed, "edit", planned.key, file.order)
    if planned.media_kind == "still":
        return still_edit(rng, original, edit=file.edit)
    from headwater_synth.media_store import videos

    return videos.video_edit(rng, original, edit=file.edit, duration_s=planned.duration_s)
