"""The one way a reader says that it will not go on: one line of reason, no traceback, no bytes of the input."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["UnreadableError", "refusing"]

_MAX_DETAIL_CHARACTERS = 200


class UnreadableError(Exception):
    """The input, or the part of it that was asked for, cannot be read; its text is one clear line.

    Attributes:
        reason: The line.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """A block in which whatever a library raises becomes an `UnreadableError` that names what was being done.

    Libraries that read hostile bytes raise nearly every built-in exception (struct, index, recursion, decoding, end of
    file), so this is the one place that catches broadly. Running out of memory passes: the supervisor judges that.
    """
    try:
        yield
    except (UnreadableError, MemoryError):
        raise
    except Exception as error:
        detail = " ".join(str(error).split())[:_MAX_DETAIL_CHARACTERS]
        name = type(error).__name__
        raise UnreadableError(f"{what}: {detail} ({name})" if detail else f"{what} ({name})") from error
