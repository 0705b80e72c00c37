"""Claims under names: the metadata keys of QuickTime, MP4 and Matroska.

References:
    QuickTime file format, "Metadata keys" (com.apple.quicktime.make and alike); Android keeps its own there too.
"""

from __future__ import annotations

from headwater_sealed.claims_found import Claims
from headwater_sealed.claims_generators import says_its_maker

__all__ = ["take_key"]

# The last part of a name, in lower case. Places, times, titles, persons and serial numbers are left alone.
_SAID = {
    "encoder": "encoder",
    "writing_app": "encoder",
    "_statistics_writing_app": "encoder",
    "handler_name": "handler",
    "software": "software",
    "creator_tool": "creator-tool",
    "creatortool": "creator-tool",
    "make": "camera",
    "manufacturer": "camera",
    "model": "camera",
    "lens_model": "camera",
}
_WHOLE = {"com.android.version": "software", "com.apple.quicktime.camera.lens_model": "camera"}
_COMMENTS = {"comment", "description", "synopsis"}


def take_key(claims: Claims, key: str, value: str, claimed_by: str, offset_bytes: int) -> None:
    """Takes the value of a named key, if the name is one of a maker or the value is a generator's."""
    name = key.strip().lower()
    last = name.rpartition(".")[2].replace("-", "_").replace(" ", "_")
    if claims.generated(value, claimed_by, offset_bytes, keyword=last):
        return
    kind = _WHOLE.get(name) or _SAID.get(last)
    if kind is not None:
        claims.say(kind, value, claimed_by, offset_bytes)
    elif last in _COMMENTS and says_its_maker(value):
        claims.say("comment", value, claimed_by, offset_bytes)
