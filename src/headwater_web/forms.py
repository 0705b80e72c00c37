"""What a form sent: its fields, and the files that a route takes, bounded before they are read."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, Final

from starlette.concurrency import run_in_threadpool
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
        path: Where it lies until the answer is made, in a folder that nobody else may look into.
    """

    name: str
    path: Path

    @property
    def content(self) -> bytes:
        """Its bytes; at most as many as the route takes."""
        return self.path.read_bytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What came with a request that writes.

    Attributes:
        fields: The last value of each field.
        files: By the field's name; a field in which nothing was chosen is left out.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Upload] = field(default_factory=dict)


async def sent_form(route: Route, request: Request, kept: ExitStack) -> Sent:
    """The fields and files of a request; the files lie there until `kept` ends.

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
        return await _with_files(route, request, kept)
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


async def _with_files(route: Route, request: Request, kept: ExitStack) -> Sent:
    parser = MultiPartParser(
        request.headers, request.stream(), max_files=_MOST_FILES, max_fields=_MOST_FIELDS, max_part_size=MOST_FORM_BYTES
    )
    try:
        form = await parser.parse()
    except MultiPartException:
        raise Problem(HTTPStatus.BAD_REQUEST, "problem.bad_form") from None
    fields: dict[str, str] = {}
    files: dict[str, Upload] = {}
    most = route.upload_bytes
    folder = Path(kept.enter_context(tempfile.TemporaryDirectory(prefix="headwater-upload-")))
    try:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                if (value.size or 0) > most:
                    raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "problem.file_too_large", most=most)
                if value.filename:
                    path = folder / str(len(files))
                    await run_in_threadpool(_put, value.file, path)
                    last = value.filename.replace("\\", "/").rpartition("/")[2]
                    files[name] = Upload(name=last[:255], path=path)
            else:
                fields[name] = value
    finally:
        await form.close()
    return Sent(fields=fields, files=files)


def _put(file: BinaryIO, path: Path) -> None:
    with path.open("xb") as target:
        shutil.copyfileobj(file, target)
