"""Scripts that a public output descriptor stands for: all the forms of BIP 380 to 386, and multipath keys.

The scripts follow by calculation alone. Nothing here says which of them have an address, and none needs one.

References:
    BIP 380 (expressions, checksum), 381 (pk, pkh, sh), 382 (wpkh, wsh), 383 (multi, sortedmulti), 384 (combo),
    385 (raw, addr), 386 (tr), 389 (multipath). Bitcoin Core, doc/descriptors.md, `rawtr`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from embit.base import EmbitError
from embit.descriptor import Descriptor
from embit.descriptor.arguments import Key
from embit.descriptor.checksum import add_checksum
from embit.script import address_to_scriptpubkey, p2pkh, p2sh, p2wpkh

__all__ = ["DescriptorUnusableError", "WatchedScripts", "watched_scripts"]

_CHECKSIG: Final = b"\xac"
_MOST_KEYS_BARE: Final = 3  # source: BIP 383, "When used at the top level, there can only be at most 3 keys"
_LONGEST_REDEEM_SCRIPT_BYTES: Final = 520  # source: BIP 16, the limit of an element that is pushed
_FORM: Final = re.compile(r"([a-z]+)\((.*)\)", re.DOTALL)
_MULTISIG: Final = frozenset({"multi", "sortedmulti"})
_EMBIT_ERRORS: Final = (EmbitError, ValueError, IndexError, KeyError, AttributeError, TypeError, AssertionError)


class DescriptorUnusableError(ValueError):
    """A descriptor that gives no scripts; the message holds nothing of its text, which may be a key."""


class WatchedScripts:
    """The scripts of one descriptor.

    Attributes:
        is_ranged: Whether each index gives other scripts; else there is index 0 alone.
        branches: How many values a multipath step has; 1 without one. By BIP 389 the second is the change.
    """

    def __init__(self, keys: Sequence[Key], at: Callable[[int, int], tuple[bytes, ...]]) -> None:
        branches = {len(key.branches) for key in keys if key.branches is not None}
        if len(branches) > 1:
            raise DescriptorUnusableError("its multipath steps are of different lengths")
        if any(len(set(key.branches)) < len(key.branches) for key in keys if key.branches is not None):
            raise DescriptorUnusableError("a multipath step names a branch twice")
        self.branches = branches.pop() if branches else 1
        self.is_ranged = any(key.is_wildcard for key in keys)
        self._at = at

    def at(self, index: int, branch: int = 0) -> tuple[bytes, ...]:
        """The scripts at an index: one, or those of `combo`.

        Args:
            index: From 0.
            branch: From 0, less than `branches`.

        Raises:
            DescriptorUnusableError: There is none, as one step in about 2^127 has none (BIP 32).
        """
        try:
            return self._at(index, branch)
        except _EMBIT_ERRORS:
            raise DescriptorUnusableError(f"it gives no script at index {index}") from None


def watched_scripts(descriptor: str) -> WatchedScripts:
    """The scripts that a descriptor stands for.

    Args:
        descriptor: With its checksum or without.

    Raises:
        DescriptorUnusableError: It is none, its checksum does not fit, or it holds a private key.

    >>> key = "03a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd"
    >>> watched_scripts(f"wpkh({key})").at(0)[0].hex()
    '00149a1c78a507689f6f54b847ad1cef1e614ee23f1e'
    """
    text, mark, _ = descriptor.partition("#")
    try:
        fits = not mark or add_checksum(text) == descriptor
        found = _understood(text)
    except DescriptorUnusableError:
        raise
    except _EMBIT_ERRORS:
        raise DescriptorUnusableError("it cannot be parsed") from None
    if not fits:
        raise DescriptorUnusableError("its checksum does not fit it")
    return found


def _understood(text: str) -> WatchedScripts:
    form = _FORM.fullmatch(text)
    if form is None:
        raise DescriptorUnusableError("it cannot be parsed")
    name, inner = form[1], form[2]
    if name == "raw":
        script = bytes.fromhex(inner)
        return WatchedScripts((), lambda _index, _branch: (script,))
    if name == "addr":
        script = address_to_scriptpubkey(inner).data
        return WatchedScripts((), lambda _index, _branch: (script,))
    if name in _OF_ONE_KEY:
        single = _public(f"{'tr' if name == 'rawtr' else 'pkh'}({inner})")
        return WatchedScripts(
            single.keys, lambda index, branch: _OF_ONE_KEY[name](single.derive(index, branch_index=branch).key)
        )
    if name in _MULTISIG:
        # The library reads such a script only where another one wraps it.
        several = _public(f"sh({text})")
        if len(several.keys) > _MOST_KEYS_BARE:
            raise DescriptorUnusableError(f"a bare multisig has at most {_MOST_KEYS_BARE} keys")
        return WatchedScripts(
            several.keys, lambda index, branch: (several.derive(index, branch_index=branch).redeem_script().data,)
        )
    whole = _public(text)
    if whole.sh and not whole.wsh and whole.miniscript is not None:
        length = len(whole.derive(0, branch_index=0).redeem_script().data)
        if length > _LONGEST_REDEEM_SCRIPT_BYTES:
            raise DescriptorUnusableError(f"its redeem script of {length} bytes could never be spent")
    return WatchedScripts(
        whole.keys, lambda index, branch: (whole.derive(index, branch_index=branch).script_pubkey().data,)
    )


def _public(text: str) -> Descriptor:
    descriptor = Descriptor.from_string(text)
    if any(key.is_private for key in descriptor.keys):
        raise DescriptorUnusableError("it holds a private key, which this table may not")
    if (descriptor.is_segwit or descriptor.is_taproot) and not all(_is_compressed(key) for key in descriptor.keys):
        # source: BIP 382 and 386; BIP 143, "Restrictions on public key type"
        raise DescriptorUnusableError("a key that is not compressed stands in no witness")
    return descriptor


def _is_compressed(key: Key) -> bool:
    return key.is_extended or bool(key.key.compressed)


def _pay_to_key(key: Key) -> tuple[bytes, ...]:
    sec = key.sec()
    return (bytes((len(sec),)) + sec + _CHECKSIG,)


def _combo(key: Key) -> tuple[bytes, ...]:
    plain = (*_pay_to_key(key), p2pkh(key).data)
    if not _is_compressed(key):
        return plain
    return (*plain, p2wpkh(key).data, p2sh(p2wpkh(key)).data)


def _raw_taproot(key: Key) -> tuple[bytes, ...]:
    return (b"\x51\x20" + key.xonly(),)


_OF_ONE_KEY: Final = {"pk": _pay_to_key, "combo": _combo, "rawtr": _raw_taproot}
