"""The receiving side's folder: keys, a list of trusted senders, what was received, and a custody log of its own."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import tomli_w
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from headwater.custody import (
    Clock,
    CustodyLog,
    clock_source,
    create_case_key,
    load_case_key,
    operator_key,
    utc_text,
)
from headwater.errors import ConfigError, HeadwaterError, InputError, IntegrityError, RefusedError
from headwater.packages import age_identity, create_age_identity
from headwater.receiving.trust import TRUST_NAME, TrustedSender, TrustList, read_trust, write_trust

__all__ = ["Held", "ReceivingStore"]

STORE_NAME: Final = "store.toml"
RECEIVED_FOLDER: Final = "received"
ANSWERS_FOLDER: Final = "answers"
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A package or recall notice that was taken in.

    Attributes:
        kind: package or recall.
        held_id: Its id.
        sender_key: Public key of the case that sent it, hex.
        number: Its place among what this sender sent here; 0 for a package of version 1.
        sha256: Digest of its manifest, or of the notice.
        recipient: The public key it was sent to.
        document: The manifest, or the notice.
        folder: Where it lies.
    """

    kind: str
    held_id: str
    sender_key: str
    number: int
    sha256: str
    recipient: str
    document: Mapping[str, Any]
    folder: Path

    @property
    def lead_ids(self) -> tuple[str, ...]:
        """The leads in it, or those that it recalls."""
        leads = self.document["leads"]
        return tuple(lead if self.kind == "recall" else lead["lead_id"] for lead in leads)


class ReceivingStore:
    """An open store; `create` makes one.

    Args:
        path: Its folder.
        clock: Called for the times of the log and of answers.

    Raises:
        ConfigError: There is none.
    """

    def __init__(self, path: Path, *, clock: Clock) -> None:
        try:
            stated = tomllib.loads((path / STORE_NAME).read_text(encoding="utf-8"))
            self.agency, self.country = str(stated["agency"]), str(stated["country"])
        except (OSError, UnicodeDecodeError, KeyError, tomllib.TOMLDecodeError):
            raise ConfigError(f"{path}: there is no store here; make one with 'headwater receive init'") from None
        self.path = path
        self.clock = clock
        self.custody = CustodyLog.open(path)

    @classmethod
    def create(cls, path: Path, *, agency: str, country: str, operator: str, clock: Clock) -> ReceivingStore:
        """A new store in a folder that is not there yet, with keys of its own.

        Raises:
            InputError: Something is there already.
            ConfigError: The agency, country or operator will not do.
        """
        if not agency.strip() or not operator.strip() or not _COUNTRY.fullmatch(country):
            raise ConfigError("name the agency, its country (two capital letters) and the operator")
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise InputError(path, "is there already", remedy="give a new folder; nothing is overwritten")
        path.mkdir(parents=True, exist_ok=True)
        for folder in (RECEIVED_FOLDER, ANSWERS_FOLDER):
            (path / folder).mkdir()
        key = create_case_key(path)
        public = create_age_identity(path)
        (path / "public" / "age-recipient.txt").write_text(f"{public}\n", encoding="ascii")
        CustodyLog.create(
            path,
            signing_key=key,
            actor=operator,
            role="operator",
            justification="a store for what other agencies send",
            clock=clock,
            workstation=platform.node(),
            clock_source=clock_source(),
        )
        write_trust(path, TrustList())
        stated = {"format": "headwater-store", "version": 1, "agency": agency, "country": country}
        # Last: a folder without it is no store.
        (path / STORE_NAME).write_text(tomli_w.dumps(stated), encoding="utf-8")
        return cls(path, clock=clock)

    def identity(self) -> str:
        """The age secret key, for opening what is received; never to be printed."""
        return age_identity(self.path)

    def recipient(self) -> str:
        """The age public key, for senders."""
        return create_age_identity(self.path)

    def signing_key(self) -> Ed25519PrivateKey:
        """The store's own key, which signs answers beside an operator's."""
        return load_case_key(self.path)

    def operator_key(self, operator: str) -> Ed25519PrivateKey:
        """The operator's key, made on first use."""
        return operator_key(self.path, operator)

    def trust(self) -> TrustList:
        """Whose packages are taken in now."""
        return read_trust(self.path)

    def trust_sender(self, sender: TrustedSender, *, operator: str, why: str) -> None:
        """Take packages from one more sender from now on."""
        self._decide(self.trust().with_sender(sender), sender.key, "trusted", operator, why)

    def revoke(self, key: str, *, operator: str, why: str) -> None:
        """Refuse whatever a key signed, or was encrypted to it, from now on and for good."""
        self._decide(self.trust().with_revoked(key, why), key, "revoked", operator, why)

    def held(self) -> list[Held]:
        """What was taken in, in the order in which it came."""
        found = []
        for entry in self.custody.entries():
            if entry.event == "received" and entry.outcome == "done":
                sender, held_id = entry.object_ids[:2]
                one = self._held(sender, held_id)
                if entry.output_digests.get(one.kind) != one.sha256:
                    raise IntegrityError(f"{one.folder}: it was altered since it was received; restore it")
                found.append(one)
        return found

    def folder_of(self, sender_key: str, held_id: str) -> Path:
        """Where a document of a sender lies."""
        return self.path / RECEIVED_FOLDER / sender_key[:16] / held_id

    def answer(self, name: str, content: bytes) -> Path:
        """Where an answer lies, once it is written; it is for the sender."""
        path = self.path / ANSWERS_FOLDER / name
        path.write_bytes(content)
        return path

    def now(self) -> str:
        """The time now, as documents write it."""
        return utc_text(self.clock())

    def record(
        self,
        event: str,
        *,
        operator: str,
        why: str,
        object_ids: Sequence[str] = (),
        inputs: Mapping[str, str] | None = None,
        outputs: Mapping[str, str] | None = None,
        params: Mapping[str, object] | None = None,
        outcome: str = "done",
        recipient: str = "",
        operation: str | None = None,
    ) -> None:
        """Append an act to the store's custody log.

        Raises:
            ConfigError: Nobody, or no reason, is named.
        """
        if not operator.strip() or not why.strip():
            raise ConfigError("--operator and --why must not be empty; it is recorded who did this, and why")
        self.custody.append(
            event=event,
            actor=operator,
            role="operator",
            justification=why,
            clock=self.clock,
            object_ids=object_ids,
            params=params,
            input_digests=inputs,
            output_digests=outputs,
            outcome=outcome,
            workstation=platform.node(),
            clock_source=clock_source(),
            recipient=recipient,
            operation=operation,
        )

    @contextmanager
    def recorded(self, *, operator: str, why: str, what: str) -> Iterator[None]:
        """Record a refusal of what happens inside, and let it go on upwards."""
        try:
            yield
        except HeadwaterError as error:
            word = "refused" if isinstance(error, InputError | RefusedError | ConfigError) else "failed"
            self.record(
                "failed",
                operator=operator,
                why=why,
                params={"attempted": what},
                outcome=f"{word}: {error}",
                operation="collection",
            )
            raise

    def _held(self, sender_key: str, held_id: str) -> Held:
        folder = self.folder_of(sender_key, held_id)
        kind = "recall" if held_id.startswith("rcl-") else "package"
        name = "recall.json" if kind == "recall" else "manifest.json"
        try:
            content = (folder / "opened" / name).read_bytes()
            document = json.loads(content)
            number = document["sequence"]["number"] if "sequence" in document else 0
            recipient = document["recipient"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{folder}: was received and cannot be read: {error}; restore it") from None
        return Held(
            kind=kind,
            held_id=held_id,
            sender_key=sender_key,
            number=number,
            sha256=hashlib.sha256(content).hexdigest(),
            recipient=recipient,
            document=document,
            folder=folder,
        )

    def _decide(self, trust: TrustList, key: str, what: str, operator: str, why: str) -> None:
        self.record("corrected", operator=operator, why=why, object_ids=[key], params={"key": what})
        content = write_trust(self.path, trust)
        digest = hashlib.sha256(content).hexdigest()
        self.record("verified", operator=operator, why=why, inputs={TRUST_NAME: digest}, params={"list": "trust"})
