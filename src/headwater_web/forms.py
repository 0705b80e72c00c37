"""What a form sent: its fields, and the files that a route takes, all in memory and bounded before they are read."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Final

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from headwater_web.answers import Problem
from headwater_web.rules import Route

__all__ = ["MOST_FORM_BYTES", "Sent", "Upload", "sent_form"]

MOST_FORM_BYTES: Final = 1_000_000
"""Of a form without files, and of the fields beside the files."""
_MOST_FILES: Final = 8
_MOST_FIELDS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that somebody chose in a form.

    Attributes:
        name: As the browser says, without folders; it may hold anything, so that pages show it as seized text.
        content: Its bytes; at most as many as the route takes.
    """

    name: str
    content: bytes

    @contextmanager
    def as_file(self) -> Iterator[Path]:
        """A file with this content, for what reads files; readable by nobody else, and gone after the block."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "upload"
            path.write_bytes(self.content)
            yield path


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What came with a request that writes.

    Attributes:
        fields: The last value of each field.
        files: By the field's name; a field in which nothing was chosen is left out.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Upload] = field(default_factory=dict)


async def sent_form(route: Route, request: Request) -> Sent:
    """The fields and files of a request.

    Raises:
        Problem: It is larger than the route takes, or cannot be read.
    """
    length = request.headers.get("content-length", "")
    if not length.isdigit() or int(length) > (MOST_FORM_BYTES + route.upload_bytes):
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "problem.too_large")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return Sent(fields=await _json_fields(request))
    if kind == "multipart/form-data" and route.upload_bytes:
        return await _with_files(route, request)
    if kind not in {"application/x-www-form-urlencoded", ""}:
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "problem.bad_form")
    if int(length) > MOST_FORM_BYTES:
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "problem.too_large")
    async with request.form() as form:
        return Sent(fields={name: value for name, value in form.items() if isinstance(value, str)})


async def _json_fields(request: Request) -> dict[str, str]:
    try:
        sent = await request.json()
    except ValueError:
        raise Problem(HTTPStatus.BAD_REQUEST, "problem.bad_form") from None
    if not isinstance(sent, dict) or not all(isinstance(value, str) for value in sent.values()):
        raise Problem(HTTPStatus.BAD_REQUEST, "problem.bad_form")
    return sent


async def _with_files(route: Route, request: Request) -> Sent:
    parser = MultiPartParser(
        request.headers, request.stream(), max_files=_MOST_FILES, max_fields=_MOST_FIELDS, max_part_size=MOST_FORM_BYTES
    )
    # Above this size the parser would write to a folder that others use; the whole was found to be small enough.
    parser.spool_max_size = MOST_FORM_BYTES + route.upload_bytes + 1
    try:
        form = await parser.parse()
    except MultiPartException:
        raise Problem(HTTPStatus.BAD_REQUEST, "problem.bad_form") from None
    fields: dict[str, str] = {}
    files: dict[str, Upload] = {}
    most = route.upload_bytes
    try:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                content = await value.read()
                if len(content) > most:
                    raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "problem.file_too_large", most=most)
                if value.filename:
                    last = value.filename.replace("\\", "/").rpartition("/")[2]
                    files[name] = Upload(name=last[:255], content=content)
            else:
                fields[name] = value
    finally:
        await form.close()
    return Sent(fields=fields, files=files)
