"""A small identity provider: keys made in the test, tokens signed with them, and a page that sends a browser back."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from headwater_web.identity_provider import IdentityProvider, read_provider

CLIENT = "headwater"
SUB = "p-4711"
ISSUER = "https://sign-in.unit.example/realm"


@cache
def rsa_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig"})


@cache
def ec_key() -> ECKey:
    return ECKey.generate_key("P-256", {"kid": "ec-1", "use": "sig"})


@cache
def ed_key() -> OKPKey:
    return OKPKey.generate_key("Ed25519", {"kid": "ed-1", "use": "sig"})


def key_set() -> dict[str, Any]:
    return {"keys": [key.as_dict(private=False) for key in (rsa_key(), ec_key(), ed_key())]}


def written(folder: Path, issuer: str = ISSUER, keys: object = None, **changes: object) -> Path:
    """The two files of a provider, as a unit would write them; a change to None leaves a setting out."""
    folder.mkdir(exist_ok=True)
    (folder / "keys.json").write_text(json.dumps(key_set() if keys is None else keys))
    settings: dict[str, object] = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "client_id": CLIENT,
        "jwks": "keys.json",
        "name": "Unit",
        "name_claim": "preferred_username",
        "acr": ["two-factors"],
        "algorithms": ["RS256", "ES256", "EdDSA"],
        **changes,
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items() if value is not None]
    path = folder / "provider.toml"
    path.write_text("\n".join(lines) + "\n")
    for file in (path, folder / "keys.json"):
        file.chmod(0o600)
    return path


def provider_of(folder: Path, issuer: str = ISSUER, **changes: object) -> IdentityProvider:
    return read_provider(written(folder, issuer, **changes))


def claims_of(nonce: str, now_s: float | None = None, issuer: str = ISSUER, /, **changes: object) -> dict[str, object]:
    """What a good token says; a change to None leaves a claim out."""
    now = int(time.time() if now_s is None else now_s)
    told = {
        "iss": issuer, "aud": CLIENT, "sub": SUB, "nonce": nonce, "iat": now, "exp": now + 120, "auth_time": now,
        "acr": "two-factors", "preferred_username": "a.nalyst", **changes,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def signed(claims: object, key: Any = None, alg: str = "RS256", **header: object) -> str:
    """The token, signed as asked for, even where nobody should."""
    key = rsa_key() if key is None else key
    whole = {"alg": alg, "kid": "rsa-1", **header}
    return jws.serialize_compact(
        {name: value for name, value in whole.items() if value is not None}, json.dumps(claims), key, algorithms=[alg]
    )


def by_hand(header: Mapping[str, object], claims: Mapping[str, object], sign: Callable[[bytes], bytes]) -> str:
    """The token with any header and signature, as no library would make it."""
    parts = [_base64(json.dumps(part).encode()) for part in (header, claims)]
    return ".".join([*parts, _base64(sign(".".join(parts).encode()))])


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def with_rsa(content: bytes) -> bytes:
    """The provider's own signature."""
    return rsa_key().private_key.sign(content, padding.PKCS1v15(), hashes.SHA256())


def with_public_key_as_secret(content: bytes) -> bytes:
    """What a confused verifier of HS256 would take: the public key, which everybody has, as the shared secret."""
    return hmac.digest(rsa_key().as_pem(private=False), content, "sha256")


def digest(nonce: str) -> str:
    return hashlib.sha256(nonce.encode()).hexdigest()


class Asked(dict[str, str]):
    """The last request of a browser to the provider's page, and how often somebody asked it for anything else."""

    others = 0


@contextlib.contextmanager
def identity_provider(port: int, changes: dict[str, object]) -> Iterator[Asked]:
    """The provider's page on loopback; `changes` goes into its next token and may be changed while it runs."""
    asked, issuer = Asked(), f"http://127.0.0.1:{port}"

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if urlsplit(self.path).path != "/authorize":
                asked.others += 1
                self.send_error(404)
                return
            asked.clear()
            asked.update({name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()})
            asked["referer"] = self.headers.get("Referer", "")
            token = signed(claims_of(asked["nonce"], None, issuer, **changes))
            body = (
                f'<!doctype html><link rel="icon" href="data:,"><form method="post" '
                f'action="{escape(asked["redirect_uri"])}"><input type="hidden" name="state" '
                f'value="{escape(asked["state"])}"><input type="hidden" name="id_token" value="{token}">'
                f"<button>Back</button></form>"
            ).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
