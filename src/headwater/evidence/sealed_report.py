"""What of the sandbox is in force, as values."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["ALL_LAYERS", "LayerState", "SandboxReport", "report_of", "unavailable"]

ALL_LAYERS: tuple[str, ...] = ("uid_drop", "no_new_privs", "not_dumpable", "rlimits", "landlock", "seccomp")
"""The baseline: every layer of the seal, in the order in which a child puts them in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerState:
    """How one layer of the seal went in a child that tried.

    Attributes:
        name: As in `ALL_LAYERS`.
        held: Whether it is in force.
        detail: What exactly is in force, or why it is not.
    """

    name: str
    held: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxReport:
    """What a child found when it sealed itself on this machine.

    Attributes:
        machine: The architecture.
        kernel: The kernel's release.
        layers: The layers that were tried, in order.
    """

    machine: str
    kernel: str
    layers: tuple[LayerState, ...]

    @property
    def sealed(self) -> bool:
        """Whether the whole baseline is in force."""
        return {layer.name for layer in self.layers if layer.held} == set(ALL_LAYERS)

    @property
    def missing(self) -> tuple[str, ...]:
        """Each layer that is not in force, with the reason."""
        tried = {layer.name: layer for layer in self.layers}
        return tuple(
            f"{name}: {tried[name].detail if name in tried else 'not tried'}"
            for name in ALL_LAYERS
            if name not in tried or not tried[name].held
        )


def report_of(states: Iterable[tuple[str, bool, str]]) -> SandboxReport:
    """The report of a child's own (name, held, detail) states."""
    layers = tuple(LayerState(name=name, held=held, detail=detail) for name, held, detail in states)
    return SandboxReport(machine=platform.machine(), kernel=platform.release(), layers=layers)


def unavailable(reason: str) -> SandboxReport:
    """The report of a machine where nothing could be tried."""
    return report_of((name, False, reason) for name in ALL_LAYERS)
