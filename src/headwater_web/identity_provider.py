"""The identity provider at which people may sign in, as the unit's own files describe it; nothing here calls it."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, OKPKey, RSAKey

from headwater.errors import ConfigError

__all__ = ["ALGORITHMS", "IdentityProvider", "read_provider"]

ALGORITHMS: Final = ("RS256", "ES256", "EdDSA")
"""Signatures with a key pair. `none` and the HS family are not among them: with those, whoever knows the public key, or
nothing at all, could write a token."""
LEAST_RSA_BITS: Final = 2048  # source: RFC 7518, section 3.3
MOST_TOKEN_AGE_S: Final = 3600
_MOST_FILE_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityProvider:
    """What is known of the provider, and what is demanded of its word.

    Attributes:
        issuer: As its tokens name it.
        authorization_endpoint: Where browsers are sent.
        client_id: The workbench's name there.
        keys: By key id: the public key, and the algorithms that are taken with it.
        name: What people call the provider.
        name_claim: Claim that carries the person's name; shown, and never what decides who somebody is.
        acr: One of these has to be in the token; empty for no demand.
        amr: All of these have to be in the token; empty for no demand.
        max_token_age_s: How long ago a token may have been made, in seconds.
        max_sign_in_age_s: How long ago the person may have signed in there, in seconds; 0 for no demand.
        only: Whether a person who is bound here can sign in no other way.
        digest: SHA-256 of both files, for the log.
    """

    issuer: str
    authorization_endpoint: str
    client_id: str
    keys: Mapping[str, tuple[Key, tuple[str, ...]]]
    name: str
    name_claim: str
    acr: tuple[str, ...]
    amr: tuple[str, ...]
    max_token_age_s: int
    max_sign_in_age_s: int
    only: bool
    digest: str

    @property
    def vouches_for_second_factor(self) -> bool:
        """Whether its word counts for the second factor, too; else the workbench asks for its own."""
        return bool(self.acr or self.amr)

    def request_address(self, return_address: str, state: str, nonce: str) -> str:
        """Where the browser goes to ask for a token.

        References:
            OpenID Connect Core 1.0, section 3.2.2.1; OAuth 2.0 Form Post Response Mode, section 2.
        """
        asked = {
            "response_type": "id_token",
            "response_mode": "form_post",
            "scope": "openid profile" if self.name_claim else "openid",
            "client_id": self.client_id,
            "redirect_uri": return_address,
            "state": state,
            "nonce": nonce,
        }
        if self.acr:
            asked["acr_values"] = " ".join(self.acr)
        if self.max_sign_in_age_s:
            asked["max_age"] = str(self.max_sign_in_age_s)
        joint = "&" if urlsplit(self.authorization_endpoint).query else "?"
        return f"{self.authorization_endpoint}{joint}{urlencode(asked)}"


_TEXTS: Final = ("issuer", "authorization_endpoint", "client_id", "jwks")
_KNOWN: Final = frozenset(
    {*_TEXTS, "name", "name_claim", "acr", "amr", "algorithms", "max_token_age_s", "max_sign_in_age_s", "only"}
)


def read_provider(path: Path) -> IdentityProvider:
    """The provider that a file describes.

    Args:
        path: TOML; its `jwks` names the file with the provider's public keys, from the same folder.

    Raises:
        ConfigError: A file is missing, others than its owner may write it, or it says what cannot be held to.
    """
    content = _own_file(path)
    try:
        told = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is no TOML ({error})") from None
    for unknown in sorted(told.keys() - _KNOWN):
        raise ConfigError(f"{path}: '{unknown}' is no setting; settings are {', '.join(sorted(_KNOWN))}")
    texts = {name: _text(path, told, name) for name in _TEXTS}
    for name in ("issuer", "authorization_endpoint"):
        _require_address(path, name, texts[name])
    algorithms = _texts(path, told, "algorithms", ("RS256",))
    for algorithm in algorithms:
        if algorithm not in ALGORITHMS:
            raise ConfigError(f"{path}: algorithm '{algorithm}' is not taken; there are {', '.join(ALGORITHMS)}")
    acr, amr = _texts(path, told, "acr", ()), _texts(path, told, "amr", ())
    only = told.get("only", False)
    if not isinstance(only, bool):
        raise ConfigError(f"{path}: 'only' is true or false")
    if only and not (acr or amr):
        raise ConfigError(
            f"{path}: with 'only = true' nobody would have a second factor; say by 'acr' or 'amr' how the provider "
            "tells that it asked for one"
        )
    keys_path = path.parent / texts["jwks"]
    keys_content = _own_file(keys_path)
    return IdentityProvider(
        issuer=texts["issuer"],
        authorization_endpoint=texts["authorization_endpoint"],
        client_id=texts["client_id"],
        keys=_keys(keys_path, keys_content, algorithms),
        name=_text(path, told, "name", urlsplit(texts["issuer"]).hostname or texts["issuer"]),
        name_claim=_text(path, told, "name_claim", ""),
        acr=acr,
        amr=amr,
        max_token_age_s=_seconds(path, told, "max_token_age_s", 300, least=1),
        max_sign_in_age_s=_seconds(path, told, "max_sign_in_age_s", 0, least=0),
        only=only,
        digest=hashlib.sha256(hashlib.sha256(content).digest() + hashlib.sha256(keys_content).digest()).hexdigest(),
    )


def _own_file(path: Path) -> bytes:
    """The bytes of a file that decides who gets in, so that nobody but its owner may write it."""
    try:
        status = path.stat()
        if not path.is_file() or status.st_size > _MOST_FILE_BYTES:
            raise ConfigError(f"{path}: is no file of at most {_MOST_FILE_BYTES} bytes")
        if status.st_mode & 0o022:
            raise ConfigError(f"{path}: others may write it, and with it let themselves in; 'chmod go-w' it")
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None


def _text(path: Path, told: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = told.get(name, default)
    if not isinstance(value, str) or not value.isprintable() or (not value and default != ""):
        raise ConfigError(f"{path}: '{name}' must be there, as a text")
    return value


def _texts(path: Path, told: Mapping[str, Any], name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    value = told.get(name, list(default))
    if not isinstance(value, list) or not all(isinstance(one, str) and one.split() == [one] for one in value):
        raise ConfigError(f"{path}: '{name}' is a list of words")
    if not value and (default or name in told):
        raise ConfigError(f"{path}: '{name}' is empty; leave it out, or say what is demanded")
    return tuple(value)


def _seconds(path: Path, told: Mapping[str, Any], name: str, default: int, *, least: int) -> int:
    value = told.get(name, default)
    most = MOST_TOKEN_AGE_S if name == "max_token_age_s" else 86_400
    if type(value) is not int or not least <= value <= most:
        raise ConfigError(f"{path}: '{name}' is a number of seconds from {least} to {most}")
    return value


def _require_address(path: Path, name: str, address: str) -> None:
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        host, parts = "", urlsplit("")
    on_this_machine = host in {"localhost", "127.0.0.1", "::1"}
    plain = address.isascii() and not set(address) & set(" \"'<>\\#")
    if not plain or not host or not (parts.scheme == "https" or (parts.scheme == "http" and on_this_machine)):
        raise ConfigError(f"{path}: '{name}' must be an https address without a fragment; '{address}' is none")


def _keys(path: Path, content: bytes, algorithms: tuple[str, ...]) -> dict[str, tuple[Key, tuple[str, ...]]]:
    """The keys that can be used, by id; others, such as those for encryption, are passed over."""
    try:
        told = json.loads(content)
        listed = told["keys"]
        if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
            raise ConfigError(f"{path}: is no JWK set")
        if any(one.get("kty") == "oct" or "d" in one for one in listed):
            raise ConfigError(f"{path}: holds a secret; the provider gives out its public keys, take those")
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: is no JWK set ({type(error).__name__})") from None
    found: dict[str, tuple[Key, tuple[str, ...]]] = {}
    for one in listed:
        kid = one.get("kid")
        if not isinstance(kid, str) or not kid or one.get("use", "sig") != "sig":
            continue
        try:
            key = JWKRegistry.import_key(one)
        except (JoseError, ValueError, TypeError, KeyError):
            continue  # of a kind that is newer than the library: RFC 7517, section 5, wants it passed over
        taken = tuple(a for a in algorithms if _suits(key, a) and one.get("alg", a) in _names(a))
        if not taken:
            continue
        if kid in found:
            raise ConfigError(f"{path}: two keys have the id '{kid}'")
        found[kid] = (key, taken)
    if not found:
        raise ConfigError(f"{path}: has no key with an id ('kid') for {', '.join(algorithms)}")
    return found


def _names(algorithm: str) -> tuple[str, ...]:
    """What a token and a key may call it: RFC 9864 gave EdDSA with this curve a name of its own."""
    return (algorithm, "Ed25519") if algorithm == "EdDSA" else (algorithm,)


def _suits(key: Key, algorithm: str) -> bool:
    if algorithm == "RS256":
        return isinstance(key, RSAKey) and key.public_key.key_size >= LEAST_RSA_BITS
    if algorithm == "ES256":
        return isinstance(key, ECKey) and key.curve_name == "P-256"
    return isinstance(key, OKPKey) and key.curve_name == "Ed25519"
