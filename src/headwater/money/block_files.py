"""Blocks as they lie in files: Bitcoin Core's `blk*.dat` with or without its key, and files that are one block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from headwater.errors import InputError, UnreadableInputError
from headwater.money.block_csv import csv_block, csv_siblings, csv_spans
from headwater.money.block_exports import (
    BlockExportError,
    export_network,
    exported_block,
    exported_undo,
    is_export,
    object_spans,
    rewritten,
)
from headwater.money.block_layout import HEADER_BYTES, header_of

__all__ = [
    "EXPORT_SUFFIXES",
    "KEY_FILE",
    "NETWORK_OF_MAGIC",
    "PREFIX_BYTES",
    "UNDO_CHECKSUM_BYTES",
    "BlockFile",
    "BlockRecord",
    "Damage",
    "block_file",
    "block_files_at",
    "deobfuscated",
    "is_one_block",
    "key_beside",
    "records",
]

KEY_FILE: Final = "xor.dat"
KEY_BYTES: Final = 8  # source: Bitcoin Core 28, `BlockManager::m_xor_key`
LONGEST_BLOCK_BYTES: Final = 4_000_000  # source: Bitcoin Core, MAX_BLOCK_SERIALIZED_SIZE
LONGEST_UNDO_BYTES: Final = 1 << 25  # source: Bitcoin Core, MAX_SIZE of anything serialised
UNDO_CHECKSUM_BYTES: Final = 32
EXPORT_SUFFIXES: Final = (".json", ".jsonl", ".ndjson")
PREFIX_BYTES: Final = 8
"""Magic and length."""
_STEP_BYTES: Final = 1 << 20

NETWORK_OF_MAGIC: Final = {  # source: Bitcoin Core, kernel/chainparams.cpp, pchMessageStart
    bytes.fromhex("f9beb4d9"): "main",
    bytes.fromhex("0b110907"): "test",
    bytes.fromhex("1c163f28"): "test",  # the fourth test network; its addresses are those of the third
    bytes.fromhex("0a03cf40"): "signet",
    bytes.fromhex("fabfb5da"): "regtest",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockFile:
    """A file that holds blocks.

    Attributes:
        path: Where it lies on this machine.
        name: Its name, as derived tables cite it.
        key: What its bytes are obfuscated with; empty if they are not.
        magic: What stands before each block; empty where the file is one block and nothing else.
        size_bytes: Its size.
        exported: The network of a file that a node's blocks were printed into; None for blocks as they are.
    """

    path: Path
    name: str
    key: bytes
    magic: bytes
    size_bytes: int
    exported: str | None = None

    @property
    def network(self) -> str:
        """The network of its addresses; a file that is one block does not say, and the main network is assumed."""
        return self.exported or NETWORK_OF_MAGIC.get(self.magic, "main")

    def content(self, stream: BinaryIO, record: BlockRecord) -> bytes:
        """The block or the undo data of a record.

        Args:
            stream: The file, opened for reading bytes.
            record: One of its records.

        Raises:
            BlockExportError: It was exported, and is no block.
        """
        if self.exported and csv_siblings(self.path):
            return rewritten(csv_block(self.path, record.offset_bytes))
        stream.seek(record.offset_bytes)
        content = stream.read(record.length_bytes)
        return exported_block(content) if self.exported else deobfuscated(content, self.key, record.offset_bytes)

    def undo(self, stream: BinaryIO, record: BlockRecord) -> bytes | None:
        """The undo data of a record; None where an exported block tells none.

        Args:
            stream: The file, opened for reading bytes.
            record: One of its records.

        Raises:
            BlockExportError: It was exported, and is no block.
        """
        if not self.exported:
            return self.content(stream, record)
        if csv_siblings(self.path):
            return None
        stream.seek(record.offset_bytes)
        return exported_undo(stream.read(record.length_bytes))


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRecord:
    """A stretch of a block file (or of an undo file) that is one record.

    Attributes:
        offset_bytes: First byte of its content, after magic and length.
        length_bytes: Length of its content.
    """

    offset_bytes: int
    length_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A stretch of a block file that is no record.

    Attributes:
        code: `file_cut` or `unparsed_bytes`.
        offset_bytes: First byte concerned.
        length_bytes: How many.
        reason: In words.
    """

    code: str
    offset_bytes: int
    length_bytes: int
    reason: str


def deobfuscated(content: bytes, key: bytes, offset_bytes: int) -> bytes:
    """The content without the key that Bitcoin Core lays over its files.

    Args:
        content: Bytes as they are in the file.
        key: Eight bytes, or none.
        offset_bytes: Where in the file the content begins.
    """
    if not any(key) or not content:
        return content
    turn = offset_bytes % len(key)
    turned = key[turn:] + key[:turn]
    repeated = (turned * (len(content) // len(turned) + 1))[: len(content)]
    return (int.from_bytes(content, "little") ^ int.from_bytes(repeated, "little")).to_bytes(len(content), "little")


def key_beside(path: Path) -> bytes:
    """The key of the folder that a block file lies in; empty where there is none.

    Raises:
        UnreadableInputError: The key file does not hold a key.
    """
    file = path.parent / KEY_FILE
    if not file.is_file():
        return b""
    key = file.read_bytes()
    if len(key) != KEY_BYTES:
        raise UnreadableInputError(file, f"a key has {KEY_BYTES} bytes, this has {len(key)}")
    return key


def block_file(path: Path) -> BlockFile:
    """What a file of blocks is, by its first bytes.

    Raises:
        UnreadableInputError: It cannot be opened, or is too short for a block.
    """
    try:
        size_bytes = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(_STEP_BYTES)
    except OSError as error:
        raise UnreadableInputError(path, error.strerror or "cannot be read", remedy="check the path") from None
    if beside := csv_siblings(path):
        with beside[-1].open("rb") as outputs:
            head = outputs.read(_STEP_BYTES)
    if beside or is_export(head):
        return BlockFile(
            path=path, name=path.name, key=b"", magic=b"", size_bytes=size_bytes, exported=export_network(head)
        )
    head = head[:HEADER_BYTES]
    if head[:4] in NETWORK_OF_MAGIC:
        return BlockFile(path=path, name=path.name, key=b"", magic=head[:4], size_bytes=size_bytes)
    key = key_beside(path)
    plain = deobfuscated(head, key, 0)
    if plain[:4] in NETWORK_OF_MAGIC:
        return BlockFile(path=path, name=path.name, key=key, magic=plain[:4], size_bytes=size_bytes)
    if not any(head) and path.name.startswith(("blk", "rev")):
        # Room that the node had reserved and not used, or an empty file.
        return BlockFile(path=path, name=path.name, key=key, magic=b"", size_bytes=0)
    if path.name.startswith(("blk", "rev")) and path.suffix == ".dat":
        raise UnreadableInputError(
            path,
            "it begins with no known network's magic",
            remedy=f"put the {KEY_FILE} of the same node beside it" if not key else "set it aside",
            offset_bytes=0,
        )
    if size_bytes > LONGEST_BLOCK_BYTES:
        raise UnreadableInputError(path, "it begins with no known network's magic, and is too long for one block")
    if len(head) < HEADER_BYTES:
        raise UnreadableInputError(
            path, f"{size_bytes} bytes are too few for a block", remedy="set it aside", offset_bytes=size_bytes
        )
    return BlockFile(path=path, name=path.name, key=b"", magic=b"", size_bytes=size_bytes)


def block_files_at(paths: Sequence[Path]) -> tuple[Path, ...]:
    """The files of blocks that the paths name, a folder standing for its `blk*.dat` in the order of their numbers.

    A folder that has none stands for the exports in it, or else for its files of one block each, in the order of their
    names.

    Raises:
        InputError: A path does not exist, or a folder holds no block file.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = sorted(path.glob("blk*.dat"), key=lambda file: (len(file.name), file.name))
            found = found or sorted(
                each for each in path.iterdir() if each.suffix in EXPORT_SUFFIXES or csv_siblings(each)
            )
            found = found or sorted(each for each in path.iterdir() if each.is_file() and is_one_block(each))
            if not found:
                raise InputError(path, "the folder holds no blk*.dat", remedy="name the node's folder of blocks")
            files += found
        elif path.exists():
            files.append(path)
        else:
            raise InputError(path, "there is no such file", remedy="check the path")
    return tuple(files)


def is_one_block(path: Path) -> bool:
    """Whether a file is one block and nothing else, told by its proof of work."""
    if not HEADER_BYTES < path.stat().st_size <= LONGEST_BLOCK_BYTES:
        return False
    with path.open("rb") as file:
        return header_of(file.read(HEADER_BYTES)).is_of_a_network


def records(file: BlockFile, stream: BinaryIO, *, are_undo: bool = False) -> Iterator[BlockRecord | Damage]:
    """Records of a file in its order, and what in it is none; nothing but prefixes is read.

    Args:
        file: What the file is.
        stream: The file, opened for reading bytes.
        are_undo: Whether the records are undo data, each with a checksum behind it, and not blocks.
    """
    if file.exported:
        yield from _exported_records(file, stream)
        return
    if not file.magic:
        if file.size_bytes:
            yield BlockRecord(offset_bytes=0, length_bytes=file.size_bytes)
        return
    trailer_bytes = UNDO_CHECKSUM_BYTES if are_undo else 0
    shortest_bytes = 1 if are_undo else HEADER_BYTES + 1
    longest_bytes = LONGEST_UNDO_BYTES if are_undo else LONGEST_BLOCK_BYTES
    at = 0
    while at < file.size_bytes:
        stream.seek(at)
        prefix = deobfuscated(stream.read(PREFIX_BYTES), file.key, at)
        length_bytes = int.from_bytes(prefix[4:], "little")
        cut = file.magic.startswith(prefix[:4]) and len(prefix) < PREFIX_BYTES
        whole = prefix[:4] == file.magic and shortest_bytes <= length_bytes <= longest_bytes
        end = at + PREFIX_BYTES + length_bytes + trailer_bytes
        if whole and not cut and end <= file.size_bytes:
            yield BlockRecord(offset_bytes=at + PREFIX_BYTES, length_bytes=length_bytes)
            at = end
            continue
        following = _next_magic(file, stream, at + 1) if not cut else None
        if (whole or cut) and following is None:
            missing = f"; {end - file.size_bytes} of {length_bytes} bytes are missing" if whole and not cut else ""
            yield Damage(
                code="file_cut",
                offset_bytes=at,
                length_bytes=file.size_bytes - at,
                reason=f"the file ends within a record that begins here{missing}",
            )
            return
        end = file.size_bytes if following is None else following
        if not _is_padding(file, stream, at, end):
            yield Damage(
                code="unparsed_bytes",
                offset_bytes=at,
                length_bytes=end - at,
                reason="these bytes are no record and no padding",
            )
        at = end


def _exported_records(file: BlockFile, stream: BinaryIO) -> Iterator[BlockRecord | Damage]:
    spans = file.path.open("rb")
    with spans:
        for offset_bytes, length_bytes in csv_spans(file.path) if csv_siblings(file.path) else object_spans(spans):
            if length_bytes is None:
                yield Damage(
                    code="file_cut",
                    offset_bytes=offset_bytes,
                    length_bytes=file.size_bytes - offset_bytes,
                    reason="the file ends within a block that begins here",
                )
                return
            record = BlockRecord(offset_bytes=offset_bytes, length_bytes=length_bytes)
            try:
                file.content(stream, record)
            except BlockExportError as error:
                yield Damage(
                    code="unparsed_bytes", offset_bytes=offset_bytes, length_bytes=length_bytes, reason=str(error)
                )
                continue
            yield record


def _next_magic(file: BlockFile, stream: BinaryIO, start: int) -> int | None:
    """The next place where a record may begin; memory stays bounded by the step."""
    at = start
    while at < file.size_bytes:
        stream.seek(at)
        content = deobfuscated(stream.read(_STEP_BYTES + len(file.magic) - 1), file.key, at)
        found = content.find(file.magic)
        if found >= 0:
            return at + found
        at += _STEP_BYTES
    return None


def _is_padding(file: BlockFile, stream: BinaryIO, start: int, end: int) -> bool:
    """Whether a stretch is zeros, before or after the key: nodes reserve room ahead."""
    as_written = as_decoded = True
    at = start
    while at < end and (as_written or as_decoded):
        stream.seek(at)
        content = stream.read(min(_STEP_BYTES, end - at))
        as_written = as_written and not any(content)
        as_decoded = as_decoded and not any(deobfuscated(content, file.key, at))
        at += _STEP_BYTES
    return as_written or as_decoded
