"""Twelve invented applications of different styles, to measure suggestions for mappings with."""

from headwater_synth.schemas.application import (
    HELD_OUT,
    TUNING,
    Application,
    TrueBinding,
    application,
    nameless,
    write_application,
)

__all__ = ["HELD_OUT", "TUNING", "Application", "TrueBinding", "application", "nameless", "write_application"]
