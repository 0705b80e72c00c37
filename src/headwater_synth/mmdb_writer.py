"""A writer of small databases in the MaxMind DB format, for invented ranges."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["mmdb_bytes"]

_MARKER = b"\xab\xcd\xefMaxMind.com"
_IPV4_BITS = 96
_ALIASES = ("::ffff:0:0/96", "2002::/16")

Tree = list[Any]  # two places, each None, a tree, or a number of a record


def mmdb_bytes(
    ranges: Iterable[tuple[str, Mapping[str, object]]],
    *,
    database_type: str,
    build_epoch: int,
    ip_version: int = 6,
    record_bits: int = 24,
    with_aliases: bool = True,
) -> bytes:
    """The bytes of a database.

    Args:
        ranges: Network and what is said of it; a later one counts within an earlier one.
        database_type: As the file states it.
        build_epoch: When it was built, in seconds.
        ip_version: 4, or 6 for both.
        record_bits: 24, 28 or 32.
        with_aliases: Whether IPv4 is found under the addresses of IPv6 that stand for it, too.

    References:
        MaxMind DB File Format Specification, version 2.0.
    """
    root: Tree = [None, None]
    records: list[Mapping[str, object]] = []
    if ip_version == 6:
        _put(root, 0, _IPV4_BITS, [None, None])
    for cidr, said in ranges:
        network = ipaddress.ip_network(cidr)
        bits = network.prefixlen + (_IPV4_BITS if network.version == 4 and ip_version == 6 else 0)
        number = int(network.network_address)
        width = 32 if ip_version == 4 else 128
        if said not in records:
            records.append(said)
        _put(root, number >> (width - bits), bits, records.index(said))
    if ip_version == 6 and with_aliases:
        ipv4 = root
        for _ in range(_IPV4_BITS):
            ipv4 = ipv4[0]
        for cidr in _ALIASES:
            alias = ipaddress.ip_network(cidr)
            _put(root, int(alias.network_address) >> (128 - alias.prefixlen), alias.prefixlen, ipv4)
    nodes = _numbered(root)
    content, offsets = _records(records)
    numbers = {node: number for number, node in enumerate(nodes)}
    tree = b"".join(_node([_place(child, numbers, offsets) for child in node], record_bits) for node in nodes.values())
    metadata = {
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": _Wide(build_epoch),
        "database_type": database_type,
        "description": {"en": "Invented ranges"},
        "ip_version": ip_version,
        "languages": ["en"],
        "node_count": len(nodes),
        "record_size": record_bits,
    }
    return tree + bytes(16) + content + _MARKER + _value(metadata)


class _Wide(int):
    """A number to be written as one of 64 bits."""


def _put(tree: Tree, prefix: int, bits: int, what: object) -> None:
    for at in range(bits - 1, 0, -1):
        side = prefix >> at & 1
        if not isinstance(tree[side], list):
            tree[side] = [tree[side], tree[side]]
        tree = tree[side]
    tree[prefix & 1] = what


def _numbered(root: Tree) -> dict[int, Tree]:
    """The nodes by identity, in the order in which they are written; one that is reached twice is written once."""
    nodes: dict[int, Tree] = {}
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) not in nodes:
            nodes[id(node)] = node
            waiting += [child for child in reversed(node) if isinstance(child, list)]
    return nodes


def _place(child: object, numbers: Mapping[int, int], offsets: list[int]) -> int:
    if child is None:
        return len(numbers)
    if isinstance(child, list):
        return numbers[id(child)]
    assert isinstance(child, int)
    return len(numbers) + 16 + offsets[child]


def _node(children: list[int], bits: int) -> bytes:
    left, right = children
    if bits == 28:
        middle = (left >> 24) << 4 | right >> 24
        return (left & 0xFFFFFF).to_bytes(3, "big") + bytes([middle]) + (right & 0xFFFFFF).to_bytes(3, "big")
    return left.to_bytes(bits // 8, "big") + right.to_bytes(bits // 8, "big")


def _records(records: list[Mapping[str, object]]) -> tuple[bytes, list[int]]:
    content, offsets = bytearray(), []
    for record in records:
        offsets.append(len(content))
        content += _value(record)
    return bytes(content), offsets


def _value(value: object) -> bytes:
    if isinstance(value, bool):
        return bytes([int(value), 14 - 7])
    if isinstance(value, int):
        content = value.to_bytes((value.bit_length() + 7) // 8, "big")
        return (
            bytes([len(content), 9 - 7]) + content if isinstance(value, _Wide) else _control(6, len(content)) + content
        )
    if isinstance(value, str):
        return _control(2, len(value.encode())) + value.encode()
    if isinstance(value, Mapping):
        return _control(7, len(value)) + b"".join(_value(key) + _value(of) for key, of in value.items())
    assert isinstance(value, list)
    return bytes([len(value), 11 - 7]) + b"".join(_value(one) for one in value)


def _control(kind: int, size: int) -> bytes:
    return bytes([kind << 5 | size]) if size < 29 else bytes([kind << 5 | 29, size - 29])
