"""A message file: every byte of it counts, and what is wrong is said in one line."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from headwater.deconfliction import ECDH, Header, message_file, read_header, read_message
from headwater.deconfliction.message import expected_body_bytes
from headwater.errors import InputError
from headwater.schema import canonical_json

KEY, PEER = Ed25519PrivateKey.from_private_bytes(b"\1" * 32), Ed25519PrivateKey.from_private_bytes(b"\2" * 32)
SENDER, RECIPIENT = (key.public_key().public_bytes_raw().hex() for key in (KEY, PEER))
HEADER = Header(
    message="offer",
    session_id="dcs-" + "0a" * 16,
    mode=ECDH,
    kinds=("email", "phone"),
    learns="both",
    sender=SENDER,
    recipient=RECIPIENT,
    purpose="who else enquires",
    legal_basis="Agreement 7",
    sent_at_utc="2026-11-01T00:00:00.000000Z",
    expires_at_utc="2026-11-15T00:00:00.000000Z",
    starter_values=2,
    answerer_values=0,
    replies_to="",
    key_check="",
)
BODY = bytes(range(64))


def written(path, header=HEADER, body=BODY, key=KEY):
    with message_file(path, header, body, key) as digest:
        assert len(digest) == 64
    return path


def accept(header):
    assert header.session_id == HEADER.session_id


def test_what_was_written_is_read(tmp_path):
    path = tmp_path / "offer"
    with message_file(path, HEADER, BODY, KEY) as digest:
        assert not path.exists()
    message = read_message(path, accept)
    assert message.body == BODY
    assert message.sha256 == digest
    assert replace(message.header, body_bytes=0, body_sha256="") == HEADER
    assert read_header(path) == message.header


@pytest.mark.parametrize("kind", ["offer", "answer", "result"])
def test_a_change_of_any_byte_is_seen(tmp_path, kind):
    counts = {"offer": (2, 0), "answer": (1, 2), "result": (1, 12)}[kind]
    header = replace(HEADER, message=kind, starter_values=counts[0], answerer_values=counts[1])
    body = os.urandom(expected_body_bytes(header))
    content = written(tmp_path / "whole", header, body).read_bytes()
    path = tmp_path / "altered"
    for place in range(len(content)):
        for flip in (0x01, 0x20, 0xFF):
            path.write_bytes(content[:place] + bytes([content[place] ^ flip]) + content[place + 1 :])
            with pytest.raises(InputError):
                read_message(path, accept)


def test_what_is_cut_short_or_added_to_is_seen(tmp_path):
    content = written(tmp_path / "whole").read_bytes()
    path = tmp_path / "altered"
    for end in range(len(content)):
        path.write_bytes(content[:end])
        with pytest.raises(InputError):
            read_message(path, accept)
    path.write_bytes(content + b"\0")
    with pytest.raises(InputError, match="cut short or added to"):
        read_header(path)


def test_values_in_another_order_are_seen(tmp_path):
    content = written(tmp_path / "whole").read_bytes()
    path = tmp_path / "altered"
    path.write_bytes(content[:-64] + content[-32:] + content[-64:-32])
    with pytest.raises(InputError, match="not those that were signed"):
        read_message(path, accept)


def test_a_message_signed_by_somebody_else_is_refused(tmp_path):
    with pytest.raises(InputError, match="not signed by the sender"):
        read_header(written(tmp_path / "forged", key=PEER))


def resigned(path, **changed):
    """The message with other fields, signed by its sender again."""
    line, _, body = path.read_bytes().split(b"\n", 2)
    header = canonical_json({**json.loads(line), **changed})
    signature = KEY.sign(b"headwater deconfliction message 1\n" + header).hex().encode()
    path.write_bytes(header + b"\n" + signature + b"\n" + body)
    return path


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"version": 2}, "is of version 2 of the format; this headwater reads version 1"),
        ({"format": "headwater-package"}, "no message of a deconfliction"),
        ({"further": 1}, "other fields"),
        ({"starter_values": 3}, "another length"),
        ({"starter_values": -1}, "starter_values"),
        ({"starter_values": True}, "starter_values"),
        ({"kinds": []}, "kinds"),
        ({"kinds": ["phone", "email"]}, "kinds"),
        ({"kinds": ["face"]}, "kinds"),
        ({"mode": "none"}, "mode"),
        ({"message": "question"}, "message"),
        ({"session_id": "dcs-../../x"}, "session_id"),
        ({"sender": SENDER.upper()}, "sender"),
        ({"purpose": ""}, "purpose"),
        ({"purpose": "x" * 1_001}, "purpose"),
        ({"expires_at_utc": "never"}, "expires_at_utc"),
        ({"replies_to": None}, "replies_to"),
    ],
)
def test_a_header_that_is_none_is_refused_although_it_is_signed(tmp_path, changed, told):
    with pytest.raises(InputError, match=told):
        read_header(resigned(written(tmp_path / "offer"), **changed))


@pytest.mark.parametrize("content", [b"", b"\n", b"{}\n", b"[" * 20_000, b"\xff\xfe\n", b'{"a":1}' * 5_000 + b"\n"])
def test_what_is_no_message_is_told_in_a_line(tmp_path, content):
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(InputError, match="no message of a deconfliction"):
        read_header(path)


def test_nothing_is_overwritten_and_a_failure_leaves_nothing(tmp_path):
    path = written(tmp_path / "offer")
    with pytest.raises(InputError, match="there already"), message_file(path, HEADER, BODY, KEY):
        pass
    with pytest.raises(KeyboardInterrupt), message_file(tmp_path / "second", HEADER, BODY, KEY):
        raise KeyboardInterrupt
    assert [child.name for child in tmp_path.iterdir()] == ["offer"]
    with pytest.raises(InputError, match="folder is not there"), message_file(tmp_path / "a" / "b", HEADER, BODY, KEY):
        pass


def test_a_message_that_is_not_accepted_is_not_read(tmp_path):
    path = written(tmp_path / "offer")

    def refuse(header):
        raise InputError(path, "no")

    path.write_bytes(path.read_bytes()[:-1] + b"x")  # would be told, if the values were looked at
    with pytest.raises(InputError, match=r"no$"):
        read_message(path, refuse)
