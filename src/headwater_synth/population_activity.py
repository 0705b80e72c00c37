"""What the accounts did: logins in order of time, uploads of the files of the media store and of files long gone."""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from headwater_synth.media_store import MediaFile
from headwater_synth.population import Population
from headwater_synth.population_accounts import SEIZED_AT_S, registered_at_s
from headwater_synth.seeds import stream
from headwater_synth.words import words

__all__ = ["Login", "Logins", "Upload", "drawn_logins", "drawn_uploads", "first_uploaders"]

_NETWORKS = ("home", "vpn", "mixed", "hotspot")
_MOST_LOGINS = 60
_LAST_UPLOAD_S = SEIZED_AT_S - 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """One login.

    Attributes:
        at_ms: Milliseconds since 1970 UTC.
        account_key: Who.
        network_address: Packed address it came from.
        device: Place of the device in the stock of words.
    """

    at_ms: int
    account_key: int
    network_address: bytes
    device: int


def _mixed(account_key: int, at_s: int) -> int:
    """A number that looks drawn, from an account and a time; cheap enough for every login of a large platform."""
    mixed = (account_key * 0x9E3779B1 ^ at_s * 0x85EBCA6B) & 0xFFFFFFFF
    mixed = ((mixed ^ mixed >> 15) * 0x2C1B3C6D) & 0xFFFFFFFF
    return mixed ^ mixed >> 12


class Logins:
    """All logins, in order of time; eight bytes each until they are asked for.

    Attributes:
        count: How many.
    """

    def __init__(
        self, population: Population, packed: np.ndarray[tuple[int], np.dtype[np.uint64]], networks: bytearray
    ) -> None:
        self._population = population
        self._packed = packed
        self._networks = networks
        self.count = len(packed)

    def since(self, at_s: int) -> Iterator[Login]:
        """The logins from a time on, in order.

        Args:
            at_s: Seconds since 1970 UTC.
        """
        first = int(np.searchsorted(self._packed, np.uint64(at_s << 29)))
        for start in range(first, self.count, 65_536):
            for packed in self._packed[start : start + 65_536].tolist():
                yield self._login(packed)

    def _login(self, packed: int) -> Login:
        at_s, account_key, ordinal = packed >> 29, packed >> 8 & 0x1FFFFF, packed & 0xFF
        draw = _mixed(account_key, at_s)
        planned = self._population.facts.visits.get(account_key)
        if planned is not None:
            visit = planned[ordinal]
            return Login(
                at_ms=at_s * 1_000 + draw % 1_000,
                account_key=account_key,
                network_address=self._population.networks.home(visit.household_key),
                device=visit.device,
            )
        network = _NETWORKS[self._networks[account_key - 1]]
        return Login(
            at_ms=at_s * 1_000 + draw % 1_000,
            account_key=account_key,
            network_address=self._population.address_used(account_key, network, ordinal, draw >> 4),
            device=account_key * 7 % len(words().devices) if draw % 11 else draw % len(words().devices),
        )

    def last_at_s(self) -> array[int]:
        """Last login of each account, seconds since 1970 UTC, by its key less one."""
        last = array("Q", bytes(8 * self._population.accounts))
        for start in range(0, self.count, 65_536):
            for packed in self._packed[start : start + 65_536].tolist():
                last[(packed >> 8 & 0x1FFFFF) - 1] = packed >> 29
        return last


def drawn_logins(population: Population) -> Logins:
    """All logins of a population."""
    uploaders = frozenset(population.uploaders)
    networks = bytearray()
    packed = array("Q")
    for account_key in population.account_keys():
        networks.append(_NETWORKS.index(population.conduct(account_key).network))
        if (planned := population.facts.visits.get(account_key)) is not None:
            packed.extend(v.at_s << 29 | account_key << 8 | ordinal for ordinal, v in enumerate(planned))
            continue
        rng = stream(population.seed, "logins", account_key)
        first_s = registered_at_s(population.seed, account_key, of=population.accounts) + 60
        many = 2 + int(rng.expovariate(0.12 if account_key in uploaders else 0.3))
        later = sorted(rng.randrange(first_s + 60, SEIZED_AT_S) for _ in range(min(many, _MOST_LOGINS) - 1))
        packed.extend(at_s << 29 | account_key << 8 | ordinal for ordinal, at_s in enumerate((first_s, *later)))
    ordered = np.sort(np.frombuffer(packed, dtype=np.uint64)) if packed else np.zeros(0, dtype=np.uint64)
    return Logins(population, ordered, networks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An account put a file on the platform.

    Attributes:
        upload_key: The platform's own number, in order of time.
        account_key: Who.
        at_s: Seconds since 1970 UTC.
        relative_path: Where the file lies, or lay, within the media store.
        sha256: Digest that the platform noted, if it did.
        size_bytes: Size of the file.
        title: What the account called it.
        network_address: Packed address it came from.
        gone: Whether the file is no longer there.
    """

    upload_key: int
    account_key: int
    at_s: int
    relative_path: str
    sha256: bytes | None
    size_bytes: int
    title: str
    network_address: bytes
    gone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Put:
    at_s: int
    account_key: int
    relative_path: str
    sha256: bytes | None
    size_bytes: int
    gone: bool


def _title(rng: random.Random) -> str:
    subject, place = rng.choice(words().title_subjects), rng.choice(words().title_places)
    return f"{subject} {place.format(number=rng.randrange(1, 60))}".capitalize()


def _scenes(files: Sequence[MediaFile]) -> list[list[MediaFile]]:
    """The files of each scene, in the order in which they came to the platform."""
    scenes: dict[str, list[MediaFile]] = {}
    for file in sorted(files, key=lambda file: (file.scene_key, file.upload_order_hint)):
        scenes.setdefault(file.scene_key, []).append(file)
    return list(scenes.values())


def _unseen(scene: Sequence[MediaFile]) -> bool:
    """Whether no list knows the scene, and a perceptual hash could tell."""
    return not scene[0].scene_is_listed and scene[0].comparable


def _put_scene(population: Population, scene: Sequence[MediaFile], first: int, rng: random.Random) -> Iterator[_Put]:
    """The uploads of a scene's files, each later than the one before and than the account's registration.

    Args:
        population: Who uploads.
        scene: Files in their order.
        first: Account of the first file.
        rng: Stream of that scene alone.
    """
    at_s = 0
    for file in scene:
        account_key = first if not at_s else rng.choice(population.uploaders)
        registered = registered_at_s(population.seed, account_key, of=population.accounts)
        earliest_s = max(at_s + 60, registered + 3_600)
        at_s = earliest_s + int((_LAST_UPLOAD_S - earliest_s) * rng.random() * 0.7)
        yield _Put(
            at_s=at_s,
            account_key=account_key,
            relative_path=file.relative_path,
            sha256=bytes.fromhex(file.sha256) if rng.random() < 0.85 else None,
            size_bytes=file.size_bytes,
            gone=False,
        )


def _put_gone(population: Population, account_key: int, rng: random.Random) -> _Put:
    """An upload whose file the platform no longer has."""
    registered = registered_at_s(population.seed, account_key, of=population.accounts)
    name = rng.randbytes(10).hex()
    return _Put(
        at_s=rng.randrange(registered + 3_600, _LAST_UPLOAD_S),
        account_key=account_key,
        relative_path=f"{name[:2]}/{name}.{rng.choice(('jpg', 'mp4'))}",
        sha256=rng.randbytes(32) if rng.random() < 0.6 else None,
        size_bytes=rng.randrange(20_000, 90_000_000),
        gone=True,
    )


def drawn_uploads(population: Population, files: Sequence[MediaFile]) -> tuple[Upload, ...]:
    """All uploads, in order of time.

    Args:
        population: Who uploads; scenes that no list knows come from the accounts meant for it, in turn.
        files: The media store.
    """
    rng = stream(population.seed, "uploads")
    planned = frozenset(population.planned_accounts())
    origins = [key for key in population.uploaders if population.conduct(key).uploads == "origin"]
    origins.sort(key=lambda key: (key not in planned, key))  # the cast first: its situations must be there
    puts: list[_Put] = []
    turn = 0
    for scene in _scenes(files):
        first = rng.choice(population.uploaders)
        if _unseen(scene):
            first, turn = origins[turn % len(origins)], turn + 1
        puts.extend(_put_scene(population, scene, first, stream(population.seed, "uploads", scene[0].scene_key)))
    busy = {put.account_key for put in puts}
    for account_key in population.uploaders:
        many = rng.randrange(3) if account_key in busy else 1
        puts.extend(_put_gone(population, account_key, rng) for _ in range(many))
    puts.sort(key=lambda put: (put.at_s, put.relative_path))
    return tuple(
        Upload(
            upload_key=upload_key,
            account_key=put.account_key,
            at_s=put.at_s,
            relative_path=put.relative_path,
            sha256=put.sha256,
            size_bytes=put.size_bytes,
            title=_title(rng),
            network_address=population.upload_address(put.account_key, put.at_s, _mixed(put.account_key, put.at_s)),
            gone=put.gone,
        )
        for upload_key, put in enumerate(puts, start=1)
    )


def first_uploaders(files: Sequence[MediaFile], uploads: Sequence[Upload]) -> frozenset[int]:
    """The accounts that were the first to upload a scene which no list knows."""
    account_of = {upload.relative_path: upload.account_key for upload in uploads if not upload.gone}
    return frozenset(account_of[scene[0].relative_path] for scene in _scenes(files) if _unseen(scene))
