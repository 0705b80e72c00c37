"""Headwater: from a seized server to per-country packages, under custody."""

__all__ = ["__version__"]

__version__ = "2026.11.0"
