"""Keys with the script they unlock, a platform's key tree (BIP-32), and descriptors (BIP-380)."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Literal

import coincurve

from headwater_synth.chain.encoding import base58_check, hash160, tagged_sha256
from headwater_synth.seeds import seed_digest

__all__ = [
    "Branch",
    "ExtendedKey",
    "Key",
    "ScriptKind",
    "checksummed",
    "key_from_secret",
    "owned_key",
    "platform_account",
]

ScriptKind = Literal["p2wpkh", "p2pkh", "p2sh-p2wpkh", "p2tr", "p2pk"]

_GROUP_ORDER: int = coincurve.utils.GROUP_ORDER_INT
_TPUB_VERSION = bytes.fromhex("043587cf")  # source: BIP-32, test networks
_HARDENED = 1 << 31
_PATH = (84 | _HARDENED, 1 | _HARDENED, 0 | _HARDENED)  # source: BIP-84, coin type 1 for test networks
_CHECKSUM_INPUT = (  # source: BIP-380, the order makes likely mistakes differ in one group
    "0123456789()[],'/*abcdefgh@:$%{}IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~ijklmnopqrstuvwxyzABCDEFGH`#\"\\ "
)
_CHECKSUM_OUTPUT = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_CHECKSUM_GENERATOR = (0xF5DEE51989, 0xA9FDCA3312, 0x1BAB10E32D, 0x3706B1677A, 0x644D626FFD)


@dataclass(slots=True, kw_only=True)
class Key:
    """A secret and the script that it unlocks; one address.

    Attributes:
        secret: What signs; for `p2tr` already with its tweak.
        public: Compressed public key.
        script_kind: How the script is built.
        script: Script of an output to this key.
        owner: Who holds it.
    """

    secret: bytes
    public: bytes
    script_kind: ScriptKind
    script: bytes
    owner: str


def _public(secret: bytes) -> bytes:
    public: bytes = coincurve.PublicKey.from_valid_secret(secret).format()
    return public


def _taproot(secret: bytes) -> tuple[bytes, bytes]:
    """The tweaked secret and its x-only public key, for a key path alone (BIP-341, BIP-86)."""
    private = coincurve.PrivateKey(secret)
    public = private.public_key.format()
    if public[0] == 3:
        private = coincurve.PrivateKey((_GROUP_ORDER - int.from_bytes(secret, "big")).to_bytes(32, "big"))
    tweaked = private.add(tagged_sha256("TapTweak", public[1:]))
    return tweaked.secret, tweaked.public_key.format()


def key_from_secret(secret: bytes, script_kind: ScriptKind, owner: str) -> Key:
    """The key of a secret.

    Args:
        secret: 32 bytes.
        script_kind: How outputs to it are locked.
        owner: Who holds it.
    """
    if script_kind == "p2tr":
        secret, public = _taproot(secret)
        return Key(secret=secret, public=public, script_kind=script_kind, script=b"\x51\x20" + public[1:], owner=owner)
    public = _public(secret)
    if script_kind == "p2pk":
        script = b"\x21" + public + b"\xac"
    elif script_kind == "p2pkh":
        script = b"\x76\xa9\x14" + hash160(public) + b"\x88\xac"
    elif script_kind == "p2sh-p2wpkh":
        script = b"\xa9\x14" + hash160(b"\x00\x14" + hash160(public)) + b"\x87"
    else:
        script = b"\x00\x14" + hash160(public)
    return Key(secret=secret, public=public, script_kind=script_kind, script=script, owner=owner)


def owned_key(seed: int, owner: str, number: int, script_kind: ScriptKind) -> Key:
    """The n-th key of an owner; the same seed, owner and number give the same key."""
    return key_from_secret(seed_digest(seed, "key", owner, number), script_kind, owner)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendedKey:
    """A node of a key tree (BIP-32).

    Attributes:
        secret: Private key.
        public: Compressed public key.
        chain_code: What children are derived with.
        depth: Steps from the root.
        parent_fingerprint: Four bytes that name the parent.
        index: Which child of it this is.
    """

    secret: bytes
    public: bytes
    chain_code: bytes
    depth: int = 0
    parent_fingerprint: bytes = bytes(4)
    index: int = 0

    @property
    def fingerprint(self) -> bytes:
        """Four bytes that name this node."""
        return hash160(self.public)[:4]

    def child_secret(self, index: int) -> tuple[bytes, bytes]:
        """Private key and chain code one step down."""
        message = (b"\x00" + self.secret if index & _HARDENED else self.public) + index.to_bytes(4, "big")
        digest = hmac.new(self.chain_code, message, hashlib.sha512).digest()
        scalar = (int.from_bytes(digest[:32], "big") + int.from_bytes(self.secret, "big")) % _GROUP_ORDER
        return scalar.to_bytes(32, "big"), digest[32:]

    def child(self, index: int) -> ExtendedKey:
        """The node one step down."""
        secret, chain_code = self.child_secret(index)
        return ExtendedKey(
            secret=secret,
            public=_public(secret),
            chain_code=chain_code,
            depth=self.depth + 1,
            parent_fingerprint=self.fingerprint,
            index=index,
        )

    @property
    def public_record(self) -> bytes:
        """The 74 bytes of the extended public key without its network."""
        place = bytes((self.depth,)) + self.parent_fingerprint + self.index.to_bytes(4, "big")
        return place + self.chain_code + self.public

    @property
    def tpub(self) -> str:
        """The extended public key of a test network."""
        return base58_check(_TPUB_VERSION + self.public_record)


@dataclass(slots=True, kw_only=True)
class Branch:
    """One ranged descriptor of the platform, handing out keys in order.

    Attributes:
        node: The node whose children are the keys.
        descriptor: Its public descriptor with checksum.
        owner: Who holds the keys.
        next_index: Keys given out so far.
    """

    node: ExtendedKey
    descriptor: str
    owner: str
    next_index: int = 0

    def key(self) -> Key:
        """The next key."""
        secret, _ = self.node.child_secret(self.next_index)
        self.next_index += 1
        return key_from_secret(secret, "p2wpkh", self.owner)


def platform_account(seed: int, owner: str) -> tuple[ExtendedKey, Branch, Branch]:
    """The account node of the platform's wallet with its external and internal branch (m/84h/1h/0h)."""
    digest = hmac.new(b"Bitcoin seed", seed_digest(seed, "platform wallet"), hashlib.sha512).digest()
    node = ExtendedKey(secret=digest[:32], public=_public(digest[:32]), chain_code=digest[32:])
    origin = node.fingerprint.hex()
    for index in _PATH:
        node = node.child(index)
    external, internal = (
        Branch(
            node=node.child(chain),
            descriptor=checksummed(f"wpkh([{origin}/84h/1h/0h]{node.tpub}/{chain}/*)"),
            owner=owner,
        )
        for chain in (0, 1)
    )
    return node, external, internal


def _polymod(checksum: int, value: int) -> int:
    top = checksum >> 35
    checksum = (checksum & 0x7FFFFFFFF) << 5 ^ value
    for bit, generator in enumerate(_CHECKSUM_GENERATOR):
        if top >> bit & 1:
            checksum ^= generator
    return checksum


def checksummed(descriptor: str) -> str:
    """A descriptor with its eight letters of checksum (BIP-380)."""
    checksum = 1
    high_parts: list[int] = []
    for letter in descriptor:
        place = _CHECKSUM_INPUT.index(letter)
        checksum = _polymod(checksum, place & 31)
        high_parts.append(place >> 5)
        if len(high_parts) == 3:
            checksum = _polymod(checksum, high_parts[0] * 9 + high_parts[1] * 3 + high_parts[2])
            high_parts = []
    if high_parts:
        checksum = _polymod(checksum, high_parts[0] if len(high_parts) == 1 else high_parts[0] * 3 + high_parts[1])
    for _ in range(8):
        checksum = _polymod(checksum, 0)
    checksum ^= 1
    return descriptor + "#" + "".join(_CHECKSUM_OUTPUT[checksum >> 5 * (7 - place) & 31] for place in range(8))
