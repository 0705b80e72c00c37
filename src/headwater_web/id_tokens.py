"""What an identity provider's token says of a person, once everything about it was checked."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Never

from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import Key

from headwater.errors import RefusedError
from headwater_web.identity_provider import IdentityProvider

__all__ = ["LEEWAY_S", "TokenRefusedError", "Vouched", "checked_token"]

LEEWAY_S: Final = 60
"""Seconds by which the two clocks may differ. Source: RFC 7519, section 4.1.4, "no more than a few minutes"."""
MOST_TOKEN_CHARACTERS: Final = 16_384
MOST_SUB_CHARACTERS: Final = 255  # source: OpenID Connect Core 1.0, section 2
_MOST_NAME_CHARACTERS: Final = 100
_OUR_NAME: Final = {"Ed25519": "EdDSA"}


class TokenRefusedError(RefusedError):
    """A token that opens nothing.

    Attributes:
        why: In a few words, for the log.
        sub: The person's identifier at the provider, where the signature held; else empty.
    """

    def __init__(self, why: str, sub: str = "") -> None:
        self.why = why
        self.sub = sub
        super().__init__(why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """What a token says of whoever brought it.

    Attributes:
        sub: Their identifier at the provider, which never changes.
        name: What the provider calls them; empty where it does not say. It is shown and decides nothing.
    """

    sub: str
    name: str


class _Algorithms(jws.JWSRegistry):
    """Those that are allowed and no other: the library's own registry falls back to a list with HS256 in it."""

    def get_alg(self, name: str) -> Any:  # noqa: ANN401 - the library's own model, which it does not export
        if name not in (self.allowed or ()) or name not in self.algorithms:
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[name]


def checked_token(token: str, provider: IdentityProvider, *, nonce_sha256: str, now_s: float) -> Vouched:
    """What the token says.

    Args:
        token: As the browser brought it.
        provider: Whose it has to be.
        nonce_sha256: Digest of the nonce that this browser was sent with.
        now_s: The time now, in seconds since 1970.

    Raises:
        TokenRefusedError: One of the checks failed.

    References:
        OpenID Connect Core 1.0, sections 3.2.2.11 and 3.1.3.7; RFC 8725, section 3.
    """
    claims = _signed_claims(token, provider)
    sub = claims.get("sub")
    if not isinstance(sub, str) or not 0 < len(sub) <= MOST_SUB_CHARACTERS or not sub.isascii():
        raise TokenRefusedError("token has no subject")

    def require(holds: bool, why: str) -> None:  # noqa: FBT001 - reads as an assertion
        if not holds:
            raise TokenRefusedError(why, sub)

    require(claims.get("iss") == provider.issuer, "token is of another issuer")
    audience = claims.get("aud")
    require(audience in (provider.client_id, [provider.client_id]), "token is for another audience")
    require(claims.get("azp", provider.client_id) == provider.client_id, "token was made for another party")
    nonce = claims.get("nonce")
    fits = isinstance(nonce, str) and hmac.compare_digest(_digest(nonce), nonce_sha256)
    require(fits, "token has another nonce")
    _require_times(claims, provider, now_s, sub)
    require(not provider.acr or claims.get("acr") in provider.acr, "token does not tell of the level demanded (acr)")
    means = claims.get("amr", [])
    told = isinstance(means, list) and all(one in means for one in provider.amr)
    require(told, "token does not tell of the means demanded (amr)")
    name = claims.get(provider.name_claim, "") if provider.name_claim else ""
    return Vouched(sub=sub, name=name[:_MOST_NAME_CHARACTERS] if isinstance(name, str) else "")


def _require_times(claims: Mapping[str, Any], provider: IdentityProvider, now_s: float, sub: str) -> None:
    expires, issued = _instant(claims, "exp", sub), _instant(claims, "iat", sub)
    if now_s >= expires + LEEWAY_S:
        raise TokenRefusedError("token has expired", sub)
    if issued > now_s + LEEWAY_S:
        raise TokenRefusedError("token is of the future", sub)
    if issued + provider.max_token_age_s + LEEWAY_S < now_s:
        raise TokenRefusedError("token is too old", sub)
    if "nbf" in claims and _instant(claims, "nbf", sub) > now_s + LEEWAY_S:
        raise TokenRefusedError("token is not valid yet", sub)
    if provider.max_sign_in_age_s:
        proved = _instant(claims, "auth_time", sub)
        if not now_s - provider.max_sign_in_age_s - LEEWAY_S <= proved <= now_s + LEEWAY_S:
            raise TokenRefusedError("the person proved themselves to the provider too long ago", sub)


def _instant(claims: Mapping[str, Any], name: str, sub: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenRefusedError(f"token has no time '{name}'", sub)
    return value


def _signed_claims(token: str, provider: IdentityProvider) -> dict[str, Any]:
    """The claims, once the signature held under a key of the provider's."""
    if not token.isascii() or len(token) > MOST_TOKEN_CHARACTERS:
        raise TokenRefusedError("token is too long, or no text")
    try:
        signed = jws.extract_compact(token.encode(), None, _Algorithms())
        header = signed.headers()
    except (JoseError, ValueError, TypeError, KeyError):
        raise TokenRefusedError("token cannot be read") from None
    key, algorithm = _key_of(header, provider)
    try:
        holds = jws.validate_compact(signed, key, registry=_Algorithms(algorithms=[algorithm]))
    except (JoseError, ValueError, TypeError):
        holds = False
    if not holds:
        raise TokenRefusedError("the token's signature does not hold")
    try:
        claims = json.loads(signed.payload, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        claims = None
    if not isinstance(claims, dict):
        raise TokenRefusedError("token cannot be read")
    return claims


def _key_of(header: Mapping[str, Any], provider: IdentityProvider) -> tuple[Key, str]:
    """The provider's key that a token names, and the algorithm, which has to be one for that key."""
    algorithm, kid = header.get("alg"), header.get("kid")
    ours = _OUR_NAME.get(str(algorithm), str(algorithm))
    if not isinstance(algorithm, str) or not any(ours in taken for _, taken in provider.keys.values()):
        raise TokenRefusedError("token is signed by an algorithm that is not taken")
    if str(header.get("typ", "JWT")).upper() != "JWT":
        raise TokenRefusedError("token is no ID token")  # such as an access token, `at+jwt`
    if not isinstance(kid, str) or kid not in provider.keys:
        raise TokenRefusedError("token is signed by a key that is not known")
    key, taken = provider.keys[kid]
    if ours not in taken:
        raise TokenRefusedError("token is signed by an algorithm that its key is not for")
    return key, algorithm


def _no_constant(name: str) -> Never:
    raise ValueError(name)  # NaN compares with nothing: a check of times would pass or fail by its wording


def _digest(nonce: str) -> str:
    return hashlib.sha256(nonce.encode("utf-8", "surrogatepass")).hexdigest()
