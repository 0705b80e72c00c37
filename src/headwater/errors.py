"""The one error tree, sorted by what the operator must do.

    HeadwaterError
    ├── InputError                 fix the input or set it aside            exit 2
    │   ├── UnsupportedFormatError     we know what it is and do not read it
    │   ├── UnreadableInputError       it is not what it says, or is damaged
    │   └── CaseNotFoundError          the path is no case
    ├── ConfigError                fix the case's settings                  exit 2
    │   └── NewerCaseError             written by a newer headwater
    ├── IntegrityError             stop: something was altered              exit 2 (verify: 1)
    │   └── DigestMismatchError
    └── RefusedError               policy said no                           exit 2
        └── UnsealedError              no sandbox on this machine

Unreadable rows are not errors: they become rows of the table `defects`.
"""

from __future__ import annotations

__all__ = [
    "CaseNotFoundError",
    "ConfigError",
    "DigestMismatchError",
    "HeadwaterError",
    "InputError",
    "IntegrityError",
    "NewerCaseError",
    "RefusedError",
    "UnreadableInputError",
    "UnsealedError",
    "UnsupportedFormatError",
]


class HeadwaterError(Exception):
    """Base of everything headwater raises on purpose; its text is one clear line."""


class InputError(HeadwaterError):
    """The input must be fixed or set aside.

    Attributes:
        source: The file or value, as the operator named it.
        reason: Why it cannot be used.
        remedy: What to do next.
        offset_bytes: Where in the file, if known.
    """

    def __init__(self, source: object, reason: str, *, remedy: str = "", offset_bytes: int | None = None) -> None:
        self.source = str(source)
        self.reason = reason
        self.remedy = remedy
        self.offset_bytes = offset_bytes
        where = self.source if offset_bytes is None else f"{self.source}, byte {offset_bytes}"
        super().__init__(f"{where}: {reason}" + (f"; {remedy}" if remedy else ""))


class UnsupportedFormatError(InputError):
    """A format or version that is recognised and not read.

    Attributes:
        found: What was recognised.
        known: What would be read.
    """

    def __init__(
        self,
        source: object,
        *,
        found: str,
        known: tuple[str, ...],
        remedy: str = "set it aside or convert it with a validated tool",
        offset_bytes: int | None = None,
    ) -> None:
        self.found = found
        self.known = known
        super().__init__(
            source,
            f"{found} is not read (read here: {', '.join(known)})",
            remedy=remedy,
            offset_bytes=offset_bytes,
        )


class UnreadableInputError(InputError):
    """A file that is not what it says, is cut short, or is damaged."""


class CaseNotFoundError(InputError):
    """A path that holds no case."""


class ConfigError(HeadwaterError):
    """The case's settings, a mapping or an option must be fixed."""


class NewerCaseError(ConfigError):
    """The case was written by a newer headwater.

    Attributes:
        path: The case.
        found: The format version it carries.
        known: The newest format version read here.
    """

    def __init__(self, path: object, *, found: int, known: int) -> None:
        self.path = str(path)
        self.found = found
        self.known = known
        super().__init__(
            f"{path}: case format {found} is newer than this headwater reads ({known}); install the newer version",
        )


class IntegrityError(HeadwaterError):
    """Something was altered; nothing below the command line may catch this."""


class DigestMismatchError(IntegrityError):
    """A digest differs from the one on record.

    Attributes:
        subject: What was digested.
        expected: The digest on record.
        found: The digest computed now.
    """

    def __init__(self, subject: object, *, expected: str, found: str) -> None:
        self.subject = str(subject)
        self.expected = expected
        self.found = found
        super().__init__(f"{subject}: SHA-256 is {found}, on record is {expected}; stop and find out who changed it")


class RefusedError(HeadwaterError):
    """Policy said no: a second operator is missing, or a guard held."""


class UnsealedError(RefusedError):
    """The sandbox that hostile bytes need is not available on this machine."""
