"""The header of a 7z archive: which packed streams there are, how each folder of them is unpacked, and its members.

References:
    7-Zip, DOC/7zFormat.txt (the format) and DOC/Methods.txt (numbers of methods).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from headwater_sealed.refusal import UnreadableError

__all__ = ["Coder", "Folder", "SevenZipFile", "SevenZipHeader", "parse_header", "parse_streams"]

_END, _HEADER, _MAIN_STREAMS, _FILES = 0x00, 0x01, 0x04, 0x05
_PACK, _UNPACK, _SUBSTREAMS, _SIZE, _CRC = 0x06, 0x07, 0x08, 0x09, 0x0A
_FOLDER, _UNPACK_SIZE, _SUBSTREAM_COUNT = 0x0B, 0x0C, 0x0D
_EMPTY_STREAM, _EMPTY_FILE, _NAMES, _MODIFIED, _ATTRIBUTES, _DUMMY = 0x0E, 0x0F, 0x11, 0x14, 0x15, 0x19
_ARCHIVE_PROPERTIES, _ADDITIONAL_STREAMS = 0x02, 0x03
_MAX_CODERS = 8
_TICKS_TO_1970 = 116_444_736_000_000_000  # of 100 ns, since 1601
_UNIX_MODE = 0x8000
_DIRECTORY = 0x10


@dataclass(frozen=True, slots=True, kw_only=True)
class Coder:
    """A step of unpacking: the number of its method, and its properties."""

    method: bytes
    properties: bytes


@dataclass(slots=True, kw_only=True)
class Folder:
    """Streams that are unpacked together.

    Attributes:
        coders: From what comes out to what is packed.
        packed_offset_bytes: Where its packed stream begins, behind the signature header.
        packed_bytes: How long that is.
        size_bytes: What it unpacks to.
        crc: Checksum of all of that, where it is stated.
        sizes: Of the members in it.
        crcs: Of the members in it.
        reason: Why it is not read.
    """

    coders: tuple[Coder, ...] = ()
    packed_streams: int = 1
    packed_offset_bytes: int = 0
    packed_bytes: int = 0
    size_bytes: int = 0
    crc: int | None = None
    sizes: list[int] = field(default_factory=list)
    crcs: list[int | None] = field(default_factory=list)
    reason: str | None = None


@dataclass(slots=True, kw_only=True)
class SevenZipFile:
    """A member, as the header has it.

    Attributes:
        name: In UTF-8.
        has_stream: Whether it has content.
        is_directory: Whether it is a directory.
        modified_at_us: Microseconds since 1970, UTC.
        mode: Its mode, where a Unix wrote it; 0 if not.
    """

    name: bytes = b""
    has_stream: bool = True
    is_directory: bool = False
    modified_at_us: int | None = None
    mode: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SevenZipHeader:
    """What an archive holds."""

    folders: tuple[Folder, ...]
    files: tuple[SevenZipFile, ...]


class _Bytes:
    """The header's bytes, taken from the front.

    Nothing is made that is larger than the bytes that are left could describe.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def take(self, count: int) -> bytes:
        if count < 0 or self._at + count > len(self._content):
            raise UnreadableError("7z: the header is cut short, or states a length that is wrong")
        part = self._content[self._at : self._at + count]
        self._at += count
        return part

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        """A number of one to nine bytes."""
        first, mask, value = self.byte(), 0x80, 0
        for step in range(8):
            if not first & mask:
                return value | (first & (mask - 1)) << 8 * step
            value |= self.byte() << 8 * step
            mask >>= 1
        return value

    def count(self) -> int:
        """A number of things, each of which takes room in the archive."""
        found = self.number()
        if found > 8 * len(self._content):
            raise UnreadableError(f"7z: the header states {found} things, more than it has room for")
        return found

    def bits(self, count: int) -> list[bool]:
        raw = self.take((count + 7) // 8)
        return [bool(raw[n // 8] & 0x80 >> n % 8) for n in range(count)]

    def optional_bits(self, count: int) -> list[bool]:
        return [True] * count if self.byte() else self.bits(count)

    def crcs(self, count: int) -> list[int | None]:
        defined = self.optional_bits(count)
        return [int.from_bytes(self.take(4), "little") if known else None for known in defined]

    def expect(self, wanted: int) -> None:
        found = self.byte()
        if found != wanted:
            raise UnreadableError(f"7z: the header has property {found:#04x} where {wanted:#04x} belongs")


def parse_streams(content: bytes) -> tuple[Folder, ...]:
    """The folders that the streams' part of a header describes; it is what a packed header is described by.

    Raises:
        UnreadableError: It is damaged.
    """
    return tuple(_streams(_Bytes(content)))


def parse_header(content: bytes) -> SevenZipHeader:
    """What a header says, behind its first byte.

    Raises:
        UnreadableError: It is damaged.
    """
    source = _Bytes(content)
    folders: list[Folder] = []
    files: list[SevenZipFile] = []
    while (kind := source.byte()) != _END:
        if kind == _ARCHIVE_PROPERTIES:
            while source.byte() != _END:
                source.take(source.number())
        elif kind == _ADDITIONAL_STREAMS:
            _streams(source)
        elif kind == _MAIN_STREAMS:
            folders = _streams(source)
        elif kind == _FILES:
            files = _files(source)
        else:
            raise UnreadableError(f"7z: the header has property {kind:#04x}, which there is not")
    return SevenZipHeader(folders=tuple(folders), files=tuple(files))


def _streams(source: _Bytes) -> list[Folder]:
    offset, sizes, folders = 0, [0][:0], [Folder()][:0]
    while (kind := source.byte()) != _END:
        if kind == _PACK:
            offset, sizes = _packed(source)
        elif kind == _UNPACK:
            folders = _unpacked(source)
        elif kind == _SUBSTREAMS:
            _substreams(source, folders)
        else:
            raise UnreadableError(f"7z: the header has property {kind:#04x} among its streams")
    places = iter(sizes)
    for folder in folders:
        for number in range(folder.packed_streams):
            size = next(places, None)
            if size is None:
                raise UnreadableError("7z: the header names more folders than packed streams")
            if not number:
                folder.packed_offset_bytes, folder.packed_bytes = offset, size
            offset += size
        if not folder.sizes:
            folder.sizes, folder.crcs = [folder.size_bytes], [folder.crc]
    return folders


def _packed(source: _Bytes) -> tuple[int, list[int]]:
    offset, count = source.number(), source.count()
    sizes: list[int] = []
    while (kind := source.byte()) != _END:
        if kind == _SIZE:
            sizes = [source.number() for _ in range(count)]
        elif kind == _CRC:
            source.crcs(count)
        else:
            raise UnreadableError(f"7z: the header has property {kind:#04x} among its packed streams")
    return offset, sizes


def _unpacked(source: _Bytes) -> list[Folder]:
    source.expect(_FOLDER)
    count = source.count()
    if source.byte():
        raise UnreadableError("7z: a header whose folders stand elsewhere is not read")
    made = [_folder(source) for _ in range(count)]
    source.expect(_UNPACK_SIZE)
    for folder, outputs, main in made:
        sizes = [source.number() for _ in range(outputs)]
        folder.size_bytes = sizes[main]
    folders = [folder for folder, _, _ in made]
    while (kind := source.byte()) != _END:
        if kind != _CRC:
            raise UnreadableError(f"7z: the header has property {kind:#04x} among its folders")
        for folder, crc in zip(folders, source.crcs(count), strict=True):
            folder.crc = crc
    return folders


def _folder(source: _Bytes) -> tuple[Folder, int, int]:
    """A folder, how many outputs it states the sizes of, and which of them is what comes out."""
    count = source.number()
    if not 1 <= count <= _MAX_CODERS:
        raise UnreadableError(f"7z: a folder has {count} coders")
    coders, streams = zip(*(_coder(source) for _ in range(count)), strict=True)
    inputs, outputs = sum(pair[0] for pair in streams), sum(pair[1] for pair in streams)
    if not 1 <= outputs <= inputs + 1:
        raise UnreadableError("7z: a folder's coders do not fit together")
    bound = {source.number(): source.number() for _ in range(outputs - 1)}
    packed = inputs - len(bound)
    for _ in range(packed if packed > 1 else 0):
        source.number()
    main = next((number for number in range(outputs) if number not in bound.values()), None)
    if main is None:
        raise UnreadableError("7z: a folder's coders go round in a circle")
    folder = Folder(packed_streams=packed)
    if set(streams) == {(1, 1)}:
        folder.coders = tuple(coders[number] for number in _in_order(main, bound, count))
    else:
        folder.reason = "packed by a method of several streams (BCJ2), which is not read"
    return folder, outputs, main


def _coder(source: _Bytes) -> tuple[Coder, tuple[int, int]]:
    """A coder, and how many streams it takes and gives."""
    flags = source.byte()
    method = source.take(flags & 15)
    streams = (source.number(), source.number()) if flags & 0x10 else (1, 1)
    if flags & 0x80 or max(streams) > _MAX_CODERS:
        raise UnreadableError("7z: a folder's coders are of a form that is not read")
    return Coder(method=method, properties=source.take(source.number()) if flags & 0x20 else b""), streams


def _in_order(main: int, bound: dict[int, int], count: int) -> list[int]:
    """The coders from the one whose output is what comes out to the one that takes what is packed."""
    order, at = [main], main
    while at in bound:
        at = bound[at]
        if at >= count or at in order:
            raise UnreadableError("7z: a folder's coders do not fit together")
        order.append(at)
    return order


def _substreams(source: _Bytes, folders: list[Folder]) -> None:
    counts = [1] * len(folders)
    kind = source.byte()
    if kind == _SUBSTREAM_COUNT:
        counts = [source.count() for _ in folders]
        kind = source.byte()
    for folder, count in zip(folders, counts, strict=True):
        sizes = [source.number() for _ in range(count - 1)] if kind == _SIZE else []
        rest = folder.size_bytes - sum(sizes)
        if rest < 0 or (kind != _SIZE and count > 1):
            raise UnreadableError("7z: the members of a folder are larger than it")
        folder.sizes = [*sizes, rest] if count else []
        folder.crcs = [None] * count
    if kind == _SIZE:
        kind = source.byte()
    _substream_crcs(source, folders, kind)


def _substream_crcs(source: _Bytes, folders: list[Folder], kind: int) -> None:
    """Checksums of members, where they are not those of a folder that holds one alone."""
    unknown = []
    for folder in folders:
        if len(folder.sizes) == 1 and folder.crc is not None:
            folder.crcs = [folder.crc]
        else:
            unknown.append(folder)
    while kind != _END:
        if kind != _CRC:
            raise UnreadableError(f"7z: the header has property {kind:#04x} among its members' streams")
        found = iter(source.crcs(sum(len(folder.sizes) for folder in unknown)))
        for folder in unknown:
            folder.crcs = [next(found) for _ in folder.sizes]
        kind = source.byte()


def _files(source: _Bytes) -> list[SevenZipFile]:
    files = [SevenZipFile() for _ in range(source.count())]
    empty: list[SevenZipFile] = []
    while (kind := source.byte()) != _END:
        part = _Bytes(source.take(source.number()))
        if kind == _EMPTY_STREAM:
            empty = [file for file, is_empty in zip(files, part.bits(len(files)), strict=True) if is_empty]
            for file in empty:
                file.has_stream, file.is_directory = False, True
        elif kind == _EMPTY_FILE:
            for file, is_file in zip(empty, part.bits(len(empty)), strict=True):
                file.is_directory = not is_file
        elif kind == _NAMES:
            _names(part, files)
        elif kind == _MODIFIED:
            _each(part, files, 8, _set_modified)
        elif kind == _ATTRIBUTES:
            _each(part, files, 4, _set_attributes)
    return files


def _names(part: _Bytes, files: list[SevenZipFile]) -> None:
    if part.byte():
        raise UnreadableError("7z: a header whose names stand elsewhere is not read")
    for file in files:
        letters = bytearray()
        while (letter := part.take(2)) != b"\0\0":
            letters += letter
        file.name = letters.decode("utf-16-le", "surrogatepass").encode("utf-8", "surrogatepass")


def _each(part: _Bytes, files: list[SevenZipFile], size: int, put: Callable[[SevenZipFile, int], None]) -> None:
    defined = part.optional_bits(len(files))
    if part.byte():
        raise UnreadableError("7z: a header whose properties stand elsewhere is not read")
    for file, known in zip(files, defined, strict=True):
        if known:
            put(file, int.from_bytes(part.take(size), "little"))


def _set_modified(file: SevenZipFile, ticks: int) -> None:
    microseconds = (ticks - _TICKS_TO_1970) // 10
    file.modified_at_us = microseconds if abs(microseconds) < 1 << 62 else None


def _set_attributes(file: SevenZipFile, attributes: int) -> None:
    file.mode = attributes >> 16 if attributes & _UNIX_MODE else 0
    file.is_directory |= bool(attributes & _DIRECTORY) and not file.has_stream
