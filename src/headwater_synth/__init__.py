"""Seeded synthetic seizures with ground truth: invented people, harmless media, regtest coins."""

from __future__ import annotations

__all__: list[str] = []
