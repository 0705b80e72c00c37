"""Witnesses of tree heads: time stamps (RFC 3161 in RFC 5652), read with a small reader of DER, and signed receipts."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from headwater_verify.checks import canonical, parsed
from headwater_verify.signed import receipt_fault

__all__ = ["bad_witness"]

_FIELDS = {
    "rfc3161": {"format", "kind", "entries", "response", "authority"},
    "receipt": {"format", "kind", "entries", "receipt", "receiver_key"},
}
_OCTETS, _SEQUENCE, _SET, _TIME = 0x04, 0x30, 0x31, 0x18
_CONTEXT_0 = 0xA0
_LONGEST_CHAIN = 8
# Object identifiers, as DER spells their content.
_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_TST_INFO = bytes.fromhex("2a864886f70d0109100104")
_CONTENT_TYPE = bytes.fromhex("2a864886f70d010903")
_MESSAGE_DIGEST = bytes.fromhex("2a864886f70d010904")
_SIGNING_CERTIFICATE = bytes.fromhex("2a864886f70d010910020c")
_SIGNING_CERTIFICATE_2 = bytes.fromhex("2a864886f70d010910022f")
_SHA256 = bytes.fromhex("608648016503040201")
_DIGESTS: dict[bytes, hashes.HashAlgorithm] = {
    _SHA256: hashes.SHA256(),
    bytes.fromhex("608648016503040202"): hashes.SHA384(),
    bytes.fromhex("608648016503040203"): hashes.SHA512(),
}


def bad_witness(content: bytes, head_lines: Sequence[bytes]) -> str | None:
    """Where a witness first saw another log, or is none, and why; None if all agree.

    Args:
        content: Of `custody.witnesses`.
        head_lines: Lines of `custody.heads`.
    """
    *lines, rest = content.split(b"\n")
    for number, line in enumerate(lines):
        try:
            fault = _line_fault(line, head_lines)
        except (ValueError, TypeError, LookupError, StopIteration) as error:
            fault = f"it cannot be read: {error}"
        if fault:
            return f"witness {number}: {fault}"
    return f"witness {len(lines)}: {len(rest)} bytes without a line end" if rest else None


def _line_fault(line: bytes, head_lines: Sequence[bytes]) -> str | None:
    witness = parsed(line, "the line")
    entries, kind = witness.get("entries"), str(witness.get("kind"))
    known = canonical(witness.get("format")) == b"1" and set(witness) == _FIELDS.get(kind)
    if not known or type(entries) is not int or entries < 1:
        return "it is no witness of a known kind"
    if entries > len(head_lines):
        return f"it saw {entries} entries and the log has {len(head_lines)}: its end was cut off"
    if kind == "receipt":
        return receipt_fault(witness, parsed(head_lines[entries - 1], "the tree head"))
    response = base64.b64decode(witness["response"], validate=True)
    authorities = x509.load_pem_x509_certificates(witness["authority"].encode())
    return _stamp_fault(response, authorities, head_lines[entries - 1])


@dataclass(frozen=True, slots=True)
class _Value:
    """A value of DER: its tag, its content, and both with the length between."""

    tag: int
    content: bytes
    whole: bytes

    def parts(self) -> list[_Value]:
        """The values that its content consists of."""
        return list(_values(self.content))


def _values(content: bytes) -> Iterator[_Value]:
    position = 0
    while position < len(content):
        start, tag, length = position, content[position], content[position + 1]
        position += 2
        if length >= 0x80:
            count = length & 0x7F
            length = int.from_bytes(content[position : position + count], "big")
            position += count
            if not 1 <= count <= 4 or length < 0x80 or length >> 8 * (count - 1) == 0:
                raise ValueError("a length is not as DER spells it")
        if position + length > len(content):
            raise ValueError("a value is cut off")
        yield _Value(tag, content[position : position + length], content[start : position + length])
        position += length


def _only(content: bytes, tag: int) -> _Value:
    found = list(_values(content))
    if len(found) != 1 or found[0].tag != tag:
        raise ValueError("the stamp is not as RFC 3161 says")
    return found[0]


def _stamp_fault(response: bytes, authorities: Sequence[x509.Certificate], head_line: bytes) -> str | None:
    status, *token = _only(response, _SEQUENCE).parts()
    if status.parts()[0].content != b"\x00" or len(token) != 1:
        return "the authority did not grant it"
    kind, wrapped = token[0].parts()
    signed = _only(wrapped.content, _SEQUENCE).parts()
    content_kind, content = signed[2].parts()
    if kind.content != _SIGNED_DATA or content_kind.content != _TST_INFO:
        return "it is no time stamp"
    stated = _only(content.content, _OCTETS).content
    at_utc, imprint = _stated(stated)
    if imprint != hashlib.sha256(head_line).digest():
        return "it is on another tree head"
    certificates = signed[3].parts() if signed[3].tag == _CONTEXT_0 else []
    included = [x509.load_der_x509_certificate(value.whole) for value in certificates]
    signers = signed[-1].parts()
    if signed[-1].tag != _SET or len(signers) != 1:
        return "it has other than one signer"
    return _signer_fault(signers[0], stated, at_utc, [*included, *authorities], authorities)


def _stated(stated: bytes) -> tuple[dt.datetime, bytes]:
    """The time that the authority states, and the SHA-256 that it states it for."""
    parts = _only(stated, _SEQUENCE).parts()
    algorithm, digest = parts[2].parts()
    if algorithm.parts()[0].content != _SHA256:
        raise ValueError("it is not on a SHA-256")
    moment = next(part for part in parts if part.tag == _TIME).content.decode("ascii")
    form = "%Y%m%d%H%M%S.%fZ" if "." in moment else "%Y%m%d%H%M%SZ"
    return dt.datetime.strptime(moment, form).replace(tzinfo=dt.UTC), digest.content


def _signer_fault(
    signer: _Value,
    stated: bytes,
    at_utc: dt.datetime,
    certificates: Sequence[x509.Certificate],
    authorities: Sequence[x509.Certificate],
) -> str | None:
    _, who, digest_kind, attributes, *rest = signer.parts()
    signature = next(part.content for part in rest if part.tag == _OCTETS)
    digest = _DIGESTS.get(digest_kind.parts()[0].content)
    certificate = next((one for one in certificates if _is_named(one, who)), None)
    if digest is None or attributes.tag != _CONTEXT_0:
        return "its digest is of no known kind"
    if certificate is None:
        return "the authority's certificate is not in it"
    said = {part.parts()[0].content: part.parts()[1].parts() for part in attributes.parts()}
    hashed = hashes.Hash(digest)
    hashed.update(stated)
    if said[_CONTENT_TYPE][0].content != _TST_INFO or said[_MESSAGE_DIGEST][0].content != hashed.finalize():
        return "its content is not what was signed"
    if not _names_certificate(said, certificate):
        return "it was signed for another certificate"
    # RFC 5652, section 5.4: what is signed is the set of attributes, under the tag of a set.
    if not _signed(certificate, signature, bytes([_SET]) + attributes.whole[1:], digest):
        return "the signature does not hold"
    return _certificate_fault(certificate, at_utc, certificates, authorities)


def _is_named(certificate: x509.Certificate, who: _Value) -> bool:
    """Whether the signer is named by the issuer and serial number of this certificate."""
    if who.tag != _SEQUENCE:
        return False
    issuer, serial = who.parts()
    same_serial = int.from_bytes(serial.content, "big", signed=True) == certificate.serial_number
    return same_serial and issuer.whole == certificate.issuer.public_bytes()


def _names_certificate(said: dict[bytes, list[_Value]], certificate: x509.Certificate) -> bool:
    """Whether the signed attribute of RFC 5816 (or RFC 2634) is of this certificate."""
    if _SIGNING_CERTIFICATE_2 in said:
        first = said[_SIGNING_CERTIFICATE_2][0].parts()[0].parts()[0].parts()
        algorithm = hashes.SHA256() if first[0].tag == _OCTETS else _DIGESTS[first[0].parts()[0].content]
        stated = next(part.content for part in first if part.tag == _OCTETS)
        return stated == certificate.fingerprint(algorithm)
    if _SIGNING_CERTIFICATE in said:
        first = said[_SIGNING_CERTIFICATE][0].parts()[0].parts()[0].parts()
        return first[0].content == certificate.fingerprint(hashes.SHA1())  # noqa: S303 - what RFC 2634 has, beside a signature
    return False


def _signed(certificate: x509.Certificate, signature: bytes, message: bytes, digest: hashes.HashAlgorithm) -> bool:
    key = certificate.public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, message, padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, message, ec.ECDSA(digest))
        elif isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, message)
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _certificate_fault(
    certificate: x509.Certificate,
    at_utc: dt.datetime,
    certificates: Sequence[x509.Certificate],
    authorities: Sequence[x509.Certificate],
) -> str | None:
    try:
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        return "its certificate is not for time stamps"
    if list(purposes.value) != [ExtendedKeyUsageOID.TIME_STAMPING] or not purposes.critical:
        return "its certificate is not for time stamps alone"
    roots = {one.fingerprint(hashes.SHA256()) for one in authorities}
    for _ in range(_LONGEST_CHAIN):
        if not certificate.not_valid_before_utc <= at_utc <= certificate.not_valid_after_utc:
            return "a certificate was not valid at that time"
        if certificate.fingerprint(hashes.SHA256()) in roots:
            return None
        issuer = next((one for one in certificates if _issued(one, certificate)), None)
        if issuer is None:
            break
        certificate = issuer
    return "its certificate does not lead up to the authority's"


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
        return issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
