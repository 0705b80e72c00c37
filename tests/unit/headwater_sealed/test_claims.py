"""What a file says of its maker: short, from where, never a prompt, and what could not be read is never nothing."""

from __future__ import annotations

import io
import json
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headwater.evidence import SealedPool
from headwater.evidence.sealed import sandbox_report
from headwater_sealed.claims import READ_CLAIMS_SCHEMA, claims_of, read_claims
from headwater_sealed.claims_cbor import cbor_value
from headwater_sealed.claims_found import MAX_CLAIMS, Budget, Claim, source_type_says
from headwater_sealed.claims_generators import generator_of
from headwater_sealed.refusal import UnreadableError
from headwater_synth.claimed_media import (
    CAPTURE,
    GENERATED,
    PROMPT,
    box,
    cbor,
    claimed_media,
    manifest_store,
    parameters,
    xmp,
)

MADE = claimed_media()
MAKER = ("creator-tool", "Harbour Camera 1.0")
EDITOR = ("creator-tool", "Pier Editor 2.1")
FORM = ("generator-chunk", "Stable Diffusion web UI or alike v1.9.3")
SAID = {
    "jpeg": {MAKER, FORM, ("creator-tool", "Pier 3"), ("generator-chunk", "Tide Painter"), ("camera", "Harbour")}
    | {("software", "Pier Studio 5.1"), ("comment", "CREATOR: pier-jpeg v1.0, quality = 90")},
    "png": {MAKER, FORM, EDITOR, ("generator-chunk", "ComfyUI or alike"), ("software", "Pier Editor 2.1")},
    "webp": {MAKER, FORM, EDITOR, ("camera", "Camera 1"), ("software", "Pier Lens")},
    "gif": {MAKER, EDITOR, ("comment", "Made with Pier Gif 1.0.")},
    "tiff": {("camera", "Harbour"), ("camera", "Camera 1"), ("software", "Pier Firmware 4")},
    "avif": {MAKER, FORM, EDITOR, ("brand", "avif")},
    "mp4": {MAKER, FORM, EDITOR, ("handler", "VideoHandler"), ("encoder", "Pier Muxer 9"), ("software", "Pier Swr 12")}
    | {("camera", "Harbour Camera"), ("software", "Pier Film 7.2")},
    "mov": {FORM, ("handler", "Pier Media Handler"), ("encoder", "Pier Codec 3"), ("brand", "qt")},
    "mkv": {FORM, ("encoder", "libpier 1.4"), ("encoder", "Pier Studio 5"), ("encoder", "Pier x26 4")},
    "avi": {EDITOR, ("software", "Pier Avi 1"), ("digital-source-type", CAPTURE)},
}
SAYS = {"tiff": "unknown", "avi": "no"}


def told(content: bytes) -> tuple[list[Claim], Claim]:
    """The claims of a content, and its summary."""
    *claims, summary = claims_of(io.BytesIO(content))
    assert summary.claim_kind == "summary"
    return claims, summary


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    plain = io.BytesIO()
    Image.new("L", (8, 8)).save(plain, "PNG")
    made = (
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )
    return plain.getvalue()[:33] + b"".join(made) + plain.getvalue()[33:]


def text_chunk(keyword: str, text: str) -> bytes:
    return png((b"tEXt", keyword.encode() + b"\0" + text.encode()))


@pytest.mark.parametrize("container", MADE)
def test_every_container_says_what_was_put_into_it(container):
    claims, summary = told(MADE[container])
    assert {(one.claim_kind, one.claim) for one in claims} >= SAID[container]
    assert summary.claims_synthetic == SAYS.get(container, "yes")
    assert not [one for one in claims if one.reason]
    assert summary.reason is None


@pytest.mark.parametrize("container", MADE)
def test_no_word_given_to_a_generator_is_kept(container):
    assert PROMPT.split()[1] not in repr(told(MADE[container])).lower()


def test_each_claim_names_its_field_and_place():
    claims, _ = told(MADE["png"])
    place = {one.claimed_by: one.offset_bytes for one in claims}
    assert place["PNG zTXt parameters"] == MADE["png"].index(b"zTXt") - 4
    assert place["PNG caBX C2PA claim_generator_info"] == MADE["png"].index(b"caBX") - 4
    assert [one.offset_bytes for one in claims] == sorted(one.offset_bytes for one in claims)


def test_a_manifest_says_that_its_signature_was_not_checked():
    claims, _ = told(MADE["gif"])
    assert {one.signature_checked for one in claims if "C2PA" in one.claimed_by} == {"no"}
    assert {one.signature_checked for one in claims if "C2PA" not in one.claimed_by} == {None}


@pytest.mark.parametrize(
    ("types", "says"),
    [
        ((GENERATED,), "yes"),
        ((CAPTURE,), "no"),
        ((CAPTURE, "http://cv.iptc.org/newscodes/digitalsourcetype/composite"), "unknown"),
        ((GENERATED, CAPTURE), "yes"),
    ],
)
def test_what_an_ingredient_was_captured_by_does_not_speak_for_the_whole(types, says):
    assert told(png((b"caBX", manifest_store(*types))))[1].claims_synthetic == says


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GENERATED, "yes"),
        (GENERATED.replace("http:", "https:") + "/", "yes"),
        ("trainedAlgorithmicMedia", "yes"),
        ("http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia", "yes"),
        ("http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia", "yes"),
        (CAPTURE, "no"),
        ("http://cv.iptc.org/newscodes/digitalsourcetype/humanEdits", "unknown"),
        ("http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicallyEnhanced", "unknown"),
        ("http://other.example/trainedAlgorithmicMedia", "unknown"),
        ("not trainedAlgorithmicMedia", "unknown"),
        ("", "unknown"),
    ],
)
def test_only_terms_of_the_vocabulary_speak(text, says):
    assert source_type_says(text) == says


SETTINGS = json.dumps({"prompt": PROMPT, "seed": 4, "steps": 20, "sampler": "a"})


@pytest.mark.parametrize(
    ("text", "keyword", "name", "says"),
    [
        (parameters(), "parameters", "Stable Diffusion web UI or alike v1.9.3", "yes"),
        (parameters().partition(", Version")[0], "", "Stable Diffusion web UI or alike", "yes"),
        ('prompt:{"1": {"class_type": "x"}}', "", "ComfyUI or alike", "yes"),
        (json.dumps({"app_version": "4.2.0", "generation_mode": "x"}), "invokeai_metadata", "InvokeAI 4.2.0", "yes"),
        (json.dumps({"version": "Fooocus v2.3.1", "prompt": "x"}), "parameters", "Fooocus v2.3.1", "yes"),
        (SETTINGS, "comment", "generator without a name", "yes"),
        (f"{PROMPT} Job ID: 01234567-89ab-cdef-0123-456789abcdef", "description", "Midjourney or alike", "yes"),
        ('{"Label":"1","ContentProducer":"Tide"}', "aigc", "AIGC label 1, Tide", "yes"),
        ('{"Label":"2","ContentProducer":"Tide"}', "aigc", "AIGC label 2, Tide", "unknown"),
        ("steps of a dance", "parameters", "not recognised", "unknown"),
        ("", "workflow", "not recognised", "unknown"),
    ],
)
def test_the_forms_of_generators(text, keyword, name, says):
    seen = generator_of(text, keyword)
    assert seen is not None
    assert (seen.name, seen.claims_synthetic) == (name, says)


@pytest.mark.parametrize("text", ["Steps: 4", "Pier Editor 2.1", '{"prompt": "a", "seed": 1}', "Seed: 5", "Job ID: 17"])
def test_other_texts_are_no_generator_s(text):
    assert generator_of(text) is None


@pytest.mark.parametrize("tag", [0x010F, 0x0110, 0x0131, 0x010E])
def test_parameters_in_a_field_for_a_camera_are_not_kept(tag):
    exif, out = Image.Exif(), io.BytesIO()
    exif[tag] = "prompt:" + json.dumps({"3": {"class_type": "Painter", "inputs": {"text": PROMPT}}})
    Image.new("RGB", (16, 16)).save(out, "WEBP", exif=exif)
    claims, summary = told(out.getvalue())
    assert [one.claim for one in claims] == ["ComfyUI or alike"]
    assert summary.claims_synthetic == "yes"
    assert PROMPT not in repr(claims)


def test_a_prompt_in_its_own_property_gives_its_length():
    packet = xmp(f"<Iptc4xmpExt:AIPromptInformation>{PROMPT}</Iptc4xmpExt:AIPromptInformation>")
    (claim,), summary = told(png((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet)))
    assert (claim.claim_kind, claim.claim, claim.claims_synthetic) == ("generator-chunk", "not named", "yes")
    assert claim.note == f"prompt; {len(PROMPT)} characters, not kept"
    assert summary.claims_synthetic == "yes"


@pytest.mark.parametrize("text", [PROMPT, "To my friend on the pier", "x" * 300 + " made with Pier 1.0"])
def test_a_comment_that_speaks_of_no_program_is_not_kept(text):
    assert told(text_chunk("Comment", text))[0] == []
    assert told(text_chunk("Description", text))[0] == []


def test_texts_are_short_and_of_one_line():
    (claim,), _ = told(text_chunk("Software", "Pier\r\n\x1b[31m\u202eEditor " + "9" * 400))
    assert claim.claim is not None
    assert claim.claim.startswith("Pier [31m")
    assert len(claim.claim) == 256
    assert claim.claim.isprintable()
    assert claim.note is not None
    assert "characters" in claim.note


def test_nothing_found_and_not_read_do_not_look_alike():
    nothing = told(png())
    assert nothing[0] == []
    assert (nothing[1].reason, nothing[1].note) == (None, "no claim found")
    damaged = told(png((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta")))
    assert [one.claim_kind for one in damaged[0]] == ["unreadable"]
    assert damaged[1].reason == "could not read: 1 of its fields"
    assert damaged[1].note == "no claim in what could be read"
    unknown = told(b"plain text")
    assert unknown[1].reason == "its metadata is of a form that is not read here"


def test_what_stands_before_damage_is_kept():
    claims, summary = told(MADE["png"][: MADE["png"].index(b"caBX") + 400])
    assert FORM in {(one.claim_kind, one.claim) for one in claims}
    assert summary.reason is not None
    claims, summary = told(png((b"caBX", manifest_store(GENERATED)[:-40])))
    assert MAKER in {(one.claim_kind, one.claim) for one in claims}
    assert (summary.claims_synthetic, summary.reason) == ("yes", "could not read: 1 of its fields")


def test_a_wrong_checksum_is_told():
    sound = text_chunk("Software", "Pier Editor")
    claims, _ = told(sound.replace(b"Editor", b"Edited"))
    assert {one.reason for one in claims} == {None, "its checksum differs: what it says may be damaged"}


ENTITIES = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "head", [ENTITIES, b'<!DOCTYPE x SYSTEM "file:///etc/hostname">', b"<!DOCTYPE x>"], ids=["inner", "outer", "bare"]
)
def test_a_packet_that_declares_entities_is_refused(head):
    packet = head + xmp("<xmp:CreatorTool>&b;</xmp:CreatorTool>")
    claims, _ = told(png((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet)))
    assert [(one.claim_kind, one.reason) for one in claims] == [("unreadable", "declares a document type or an entity")]


def test_a_deep_packet_is_refused():
    packet = xmp("<dc:a>" * 5000)
    claims, _ = told(png((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet)))
    assert [one.reason for one in claims] == ["more than 64 levels or 100,000 elements"]


def test_a_bomb_is_not_inflated():
    bomb = zlib.compress(bytes(200 << 20), 9)
    claims, _ = told(png(*[(b"zTXt", b"Software\0\0" + bomb)] * 8))
    assert {one.reason for one in claims} == {
        "a text of more than 4,194,304 bytes",
        "a text of more than 0 bytes",
    }


class Counting(io.RawIOBase):
    """A file of many gigabytes that is nearly all hole, and counts what is read of it."""

    def __init__(self, parts: dict[int, bytes], size: int) -> None:
        self.parts, self.size, self.at, self.read_bytes = parts, size, 0, 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = offset + (self.size if whence == 2 else 0)
        return self.at

    def read(self, count: int = -1) -> bytes:
        count = min(count, self.size - self.at)
        self.read_bytes += count
        found = next((self.at - at, part) for at, part in self.parts.items() if at <= self.at < at + len(part))
        self.at += count
        return found[1][found[0] : found[0] + count]


def test_a_film_of_many_gigabytes_is_not_read():
    film = MADE["mov"]
    at = film.index(b"moov") - 4
    hole = 40 << 30
    head = box(b"ftyp", b"qt  " + bytes(4)) + struct.pack(">I", 1) + b"mdat" + struct.pack(">Q", hole)
    end = hole + 16
    counting = Counting({0: head, end: film[at:]}, end + len(film) - at)
    claims = claims_of(counting)
    assert ("encoder", "Pier Codec 3") in {(one.claim_kind, one.claim) for one in claims}
    assert claims[-1].reason is None
    assert counting.read_bytes < 10_000


def repeated(count: int) -> bytes:
    """A TIFF structure whose entries all point to one packet."""
    packet = xmp("<dc:a>1</dc:a>" * 4000)
    at = 8 + 2 + 12 * count + 4
    entries = struct.pack("<HHII", 0x02BC, 1, len(packet), at) * count
    return b"II*\0" + struct.pack("<IH", 8, count) + entries + bytes(4) + packet


def test_reading_one_thing_over_and_over_ends():
    began = time.monotonic()
    claims, summary = told(repeated(2000))
    assert time.monotonic() - began < 30
    assert summary.reason is not None
    assert {one.reason for one in claims} == {"more than 96 MiB of metadata"}


def test_very_many_claims_are_capped_and_told():
    chunks = [(b"tEXt", b"Software\0Pier %d" % number) for number in range(MAX_CLAIMS + 50)]
    chunks.append((b"tEXt", b"parameters\0" + parameters().encode()))
    claims, summary = told(png(*chunks))
    assert len(claims) == MAX_CLAIMS
    assert (summary.reason, summary.claims_synthetic) == (f"more than {MAX_CLAIMS} claims", "yes")


@pytest.mark.parametrize(
    "value",
    [0, 23, 24, 255, 65536, 2**40, "", "a\u00e9", ["a", ["b"], {}], {"a": {"b": [1, "c"]}}],
)
def test_cbor_is_read_back(value):
    assert cbor_value(cbor(value), Budget()) == value


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("20", -1),
        ("3903e7", -1000),
        ("43010203", 3),
        ("f4", False),
        ("f5", True),
        ("f6", None),
        ("f93c00", 1.0),
        ("fb3ff199999999999a", 1.1),
        ("c11a514b67b0", 1363896240),
        ("7f657374726561646d696e67ff", "streaming"),
        ("9f018202039f0405ffff", [1, [2, 3], [4, 5]]),
        ("bf6346756ef563416d7421ff", {"Fun": True, "Amt": -2}),
    ],
)
def test_cbor_of_the_standard_s_examples(raw, value):
    # RFC 8949, appendix A
    assert cbor_value(bytes.fromhex(raw), Budget()) == value


@pytest.mark.parametrize(
    "raw", ["", "62", "6261", "ff", "1c", "9f01", "5f6161ff", "81" * 40 + "00", "9a7fffffff", "bf"]
)
def test_damaged_cbor_is_refused(raw):
    with pytest.raises(UnreadableError):
        cbor_value(bytes.fromhex(raw), Budget())


def test_a_job_answers_for_every_entry(tmp_path):
    (tmp_path / "a").write_bytes(MADE["mkv"])
    batches: list = []
    with (tmp_path / "a").open("rb") as file:
        read_claims([file], {"entries": [{"file_index": 0}, {"file_index": 5}, {"file_index": 0}]}, batches.append)
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert [row["entry_index"] for row in rows if row["claim_kind"] == "summary"] == [0, 1, 2]
    (missing,) = [row for row in rows if row["entry_index"] == 1]
    assert (missing["status"], missing["reason"], missing["claims_synthetic"]) == (
        "refused",
        "no file 5 was given",
        "unknown",
    )
    first, last = ([{**row, "entry_index": 0} for row in rows if row["entry_index"] == index] for index in (0, 2))
    assert first == last


@pytest.mark.skipif(not sandbox_report().sealed, reason="this kernel lacks a part of the sandbox")
def test_in_a_sealed_child_it_is_the_same(tmp_path):
    paths: list[Path] = []
    for name, content in MADE.items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(content)
    groups = [{"entries": [{"file_index": index} for index in range(len(paths))]}]
    with SealedPool() as pool:
        (sealed,) = pool.groups("read_claims", paths, groups)
    batches: list = []
    opened = [path.open("rb") for path in paths]
    read_claims(opened, groups[0], batches.append)
    for file in opened:
        file.close()
    assert sealed.schema.equals(READ_CLAIMS_SCHEMA)
    assert sealed.to_pylist() == [row for batch in batches for row in batch.to_pylist()]


def test_pixels_are_never_part_of_a_claim():
    noise = Image.fromarray(np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    for form in ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"):
        out = io.BytesIO()
        noise.save(out, form)
        assert told(out.getvalue())[0] == []
