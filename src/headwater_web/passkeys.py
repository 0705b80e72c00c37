"""WebAuthn keys: what a browser is asked, and whether what it answers proves a key."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from headwater_web.state.people import Passkey, Person

__all__ = ["asked_to_register", "asked_to_sign", "proved", "registered"]

_RP_NAME: Final = "headwater"


def asked_to_register(person: Person, known: Sequence[Passkey], rp_id: str) -> tuple[str, str]:
    """The challenge, and what a browser is asked to make a key with, as JSON."""
    options = generate_registration_options(
        rp_id=rp_id,
        rp_name=_RP_NAME,
        user_id=person.person_id.encode(),
        user_name=person.name,
        exclude_credentials=_described(known),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.DISCOURAGED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
    )
    return bytes_to_base64url(options.challenge), options_to_json(options)


def registered(credential: str, challenge: str, rp_id: str, origins: Sequence[str], label: str) -> Passkey | None:
    """The key that the browser made, if it signed the challenge for this place."""
    try:
        made = verify_registration_response(
            credential=credential,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=rp_id,
            expected_origin=list(origins),
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        return None
    return Passkey(
        credential_id=bytes_to_base64url(made.credential_id),
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        label=label,
    )


def asked_to_sign(known: Sequence[Passkey], rp_id: str) -> tuple[str, str]:
    """The challenge, and what a browser is asked to sign, as JSON."""
    options = generate_authentication_options(
        rp_id=rp_id, allow_credentials=_described(known), user_verification=UserVerificationRequirement.PREFERRED
    )
    return bytes_to_base64url(options.challenge), options_to_json(options)


def proved(
    credential: str, challenge: str, rp_id: str, origins: Sequence[str], known: Sequence[Passkey]
) -> tuple[Passkey, int] | None:
    """The key that signed the challenge, and its new count; None if none of the known ones did."""
    try:
        named = str(json.loads(credential).get("id", ""))
        [passkey] = [key for key in known if key.credential_id == named]
        signed = verify_authentication_response(
            credential=credential,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=rp_id,
            expected_origin=list(origins),
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError, AttributeError):
        return None
    return passkey, signed.new_sign_count


def _described(known: Sequence[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(key.credential_id)) for key in known]
