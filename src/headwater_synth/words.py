"""Stock of neutral words for nicknames, titles and devices."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import resources

import yaml

__all__ = ["Words", "words"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The words.

    Attributes:
        adjectives: First words of nicknames.
        nouns: Second words of nicknames.
        throwaway_domains: Mail domains that ask for no name.
        languages: Codes of languages.
        mottos: Lines that holders of accounts show.
        title_subjects: First words of titles.
        title_places: Second parts of titles; some take a number.
        browsers: What browsers say of themselves.
        devices: Short forms of the same, in the same order.
    """

    adjectives: tuple[str, ...]
    nouns: tuple[str, ...]
    throwaway_domains: tuple[str, ...]
    languages: tuple[str, ...]
    mottos: tuple[str, ...]
    title_subjects: tuple[str, ...]
    title_places: tuple[str, ...]
    browsers: tuple[str, ...]
    devices: tuple[str, ...]


@functools.cache
def words() -> Words:
    """The words that come with the package."""
    text = resources.files("headwater_synth").joinpath("data", "words.yaml").read_text(encoding="utf-8")
    stored = yaml.safe_load(text)
    return Words(**{key: tuple(value.split() if isinstance(value, str) else value) for key, value in stored.items()})
