"""Runs only inside a sealed worker process: bytes in, Arrow record batches out. It knows nothing of a case."""

from __future__ import annotations

__all__: list[str] = []
