"""What building a media store results in."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ListedFile", "ListedFrame", "MediaFile", "MediaResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFile:
    """One file of the store, with the truth about it.

    Attributes:
        relative_path: Within the store, with forward slashes.
        scene_key: Scene it shows.
        media_kind: still or video.
        edit: original, copy, reencode, resize, trim, overlay, truncated or flat.
        listed: exact (its digests are on a list), near (made from a listed original) or none.
        comparable: Whether a perceptual hash of it means something: neither flat nor cut short.
        scene_is_listed: Whether a list holds the scene's original.
        upload_order_hint: Place among the files of its scene, from 0; the population uploads them in this order.
        md5: Digest.
        sha1: Digest.
        sha256: Digest.
        size_bytes: Size.
    """

    relative_path: str
    scene_key: str
    media_kind: str
    edit: str
    listed: str
    comparable: bool
    scene_is_listed: bool
    upload_order_hint: int
    md5: str
    sha1: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFrame:
    """One perceptual hash that a list gives for a file.

    Attributes:
        at_ms: Time of the frame; absent for a still.
        pdq: 64 hex digits.
    """

    at_ms: int | None
    pdq: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFile:
    """One file that an authority has listed.

    Attributes:
        list_name: vics or csv: the list that holds it.
        scene_key: Scene of the store that it is the original of; absent where the seizure has nothing of it.
        media_kind: still or video.
        md5: Digest.
        sha1: Digest.
        sha256: Digest.
        size_bytes: Size.
        frames: At least one; the list has a row for each.
        category: A neutral number.
        series: A neutral invented name, if it belongs to a series.
        victim_identified: yes, no or unknown.
    """

    list_name: str
    scene_key: str | None
    media_kind: str
    md5: str
    sha1: str
    sha256: str
    size_bytes: int
    frames: tuple[ListedFrame, ...]
    category: str
    series: str | None
    victim_identified: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaResult:
    """A media store that was written, and what the lists say.

    Attributes:
        seed: Seed of the whole seizure.
        files: Sorted by path.
        listed: In the order of the lists.
    """

    seed: int
    files: tuple[MediaFile, ...]
    listed: tuple[ListedFile, ...]
