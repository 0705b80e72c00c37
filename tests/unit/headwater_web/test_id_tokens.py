"""What a provider's files may say, and which of its tokens open something: each fault alone is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from headwater.errors import ConfigError
from headwater_web.id_tokens import LEEWAY_S, TokenRefusedError, checked_token
from headwater_web.identity_provider import IdentityProvider, read_provider

from .identity import (
    CLIENT,
    ISSUER,
    SUB,
    by_hand,
    claims_of,
    digest,
    ec_key,
    ed_key,
    key_set,
    provider_of,
    rsa_key,
    signed,
    with_public_key_as_secret,
    with_rsa,
    written,
)

NONCE = "n" * 43
NOW = 1_800_000_000.0


@pytest.fixture
def provider(tmp_path: Path) -> IdentityProvider:
    return provider_of(tmp_path)


def _claims(**changes: object) -> dict[str, object]:
    return claims_of(NONCE, NOW, **changes)


def _checked(token: str, provider: IdentityProvider, now_s: float = NOW) -> Any:
    return checked_token(token, provider, nonce_sha256=digest(NONCE), now_s=now_s)


@pytest.mark.parametrize(
    ("key", "alg", "kid"),
    [(rsa_key, "RS256", "rsa-1"), (ec_key, "ES256", "ec-1"), (ed_key, "EdDSA", "ed-1"), (ed_key, "Ed25519", "ed-1")],
)
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # told to whoever signs; providers still write it
def test_a_good_token_tells_who_it_is(key: Callable[[], Any], alg: str, kid: str, provider: IdentityProvider) -> None:
    vouched = _checked(signed(_claims(), key(), alg, kid=kid), provider)
    assert (vouched.sub, vouched.name) == (SUB, "a.nalyst")
    assert _checked(signed(_claims(aud=[CLIENT], azp=CLIENT), key(), alg, kid=kid, typ="JWT"), provider).sub == SUB


HOUR = 3600
PLAIN = {"alg": "RS256", "kid": "rsa-1"}
BAD_CLAIMS: list[tuple[dict[str, object], str]] = [
    ({"iss": "https://another.example"}, "another issuer"),
    ({"iss": ISSUER + "/"}, "another issuer"),
    ({"iss": None}, "another issuer"),
    ({"aud": "another"}, "another audience"),
    ({"aud": [CLIENT, "another"]}, "another audience"),
    ({"aud": None}, "another audience"),
    ({"azp": "another"}, "another party"),
    ({"nonce": "m" * 43}, "another nonce"),
    ({"nonce": None}, "another nonce"),
    ({"nonce": 1}, "another nonce"),
    ({"exp": NOW - LEEWAY_S}, "expired"),
    ({"exp": None}, "no time 'exp'"),
    ({"exp": "9999999999"}, "no time 'exp'"),
    ({"exp": True}, "no time 'exp'"),
    ({"iat": NOW + LEEWAY_S + 1}, "of the future"),
    ({"iat": None}, "no time 'iat'"),
    ({"iat": NOW - HOUR, "exp": NOW + HOUR}, "too old"),
    ({"nbf": NOW + HOUR}, "not valid yet"),
    ({"acr": None}, "acr"),
    ({"acr": "one-factor"}, "acr"),
    ({"acr": ["two-factors"]}, "acr"),
    ({"sub": None}, "no subject"),
    ({"sub": ""}, "no subject"),
    ({"sub": "x" * 256}, "no subject"),
    ({"sub": "ü"}, "no subject"),
    ({"sub": 7}, "no subject"),
]


@pytest.mark.parametrize(("changes", "why"), BAD_CLAIMS, ids=lambda value: str(value)[:40])
def test_a_token_with_one_wrong_claim_is_refused(
    changes: dict[str, object], why: str, provider: IdentityProvider
) -> None:
    with pytest.raises(TokenRefusedError, match=why) as caught:
        _checked(signed(_claims(**changes)), provider)
    assert caught.value.sub == ("" if "sub" in changes else SUB), "whose token it is goes into the log"


def test_clocks_may_differ_by_the_leeway_and_no_more(provider: IdentityProvider) -> None:
    token = signed(_claims())
    for now in (NOW - LEEWAY_S, NOW + 120 + LEEWAY_S - 1):
        assert _checked(token, provider, now).sub == SUB
    for now in (NOW - LEEWAY_S - 1, NOW + 120 + LEEWAY_S):
        with pytest.raises(TokenRefusedError):
            _checked(token, provider, now)


def _unsigned(header: dict[str, object], claims: dict[str, object]) -> str:
    return by_hand(header, claims, lambda _: b"")


def _altered_signature() -> str:
    head, _, tail = signed(_claims()).rpartition(".")
    return f"{head}.{'B' if tail[0] == 'A' else 'A'}{tail[1:]}"


def _altered_claims() -> str:
    head, _, tail = signed(_claims()).split(".")
    other = _unsigned({}, _claims(sub="p-1")).split(".")[1]
    return f"{head}.{other}.{tail}"


def _by_another(kid: str) -> str:
    return signed(_claims(), RSAKey.generate_key(2048), kid=kid)


BAD_SIGNATURES: dict[str, tuple[Callable[[], str], str]] = {
    "none": (lambda: _unsigned({"alg": "none", "kid": "rsa-1"}, _claims()), "algorithm that is not taken"),
    "None": (lambda: _unsigned({"alg": "None", "kid": "rsa-1"}, _claims()), "algorithm that is not taken"),
    "no alg": (lambda: _unsigned({"kid": "rsa-1"}, _claims()), "algorithm that is not taken|cannot be read"),
    "HS256 with the public key": (
        lambda: by_hand({"alg": "HS256", "kid": "rsa-1"}, _claims(), with_public_key_as_secret), "that is not taken",
    ),
    "RS512": (lambda: signed(_claims(), alg="RS512"), "algorithm that is not taken"),
    "unknown kid": (lambda: _by_another("rsa-2"), "key that is not known"),
    "no kid": (lambda: signed(_claims(), kid=None), "key that is not known"),
    "another key under a known kid": (lambda: _by_another("rsa-1"), "signature does not hold"),
    "key of another kind": (lambda: signed(_claims(), kid="ec-1"), "its key is not for"),
    "altered signature": (_altered_signature, "signature does not hold"),
    "altered claims": (_altered_claims, "signature does not hold"),
    "signature left out": (lambda: signed(_claims()).rpartition(".")[0] + ".", "signature|read"),
    "access token": (lambda: signed(_claims(), typ="at+jwt"), "no ID token"),
    "crit": (lambda: by_hand({**PLAIN, "crit": ["x"], "x": 1}, _claims(), with_rsa), "signature|read"),
    "a list": (lambda: signed([1]), "cannot be read"),
    "NaN": (lambda: signed(_claims(exp=float("nan"))), "cannot be read"),
    "empty": (lambda: "", "cannot be read"),
    "dots": (lambda: "..", "cannot be read"),
    "not ASCII": (lambda: "ü.ü.ü", "too long, or no text"),
    "long": (lambda: "a" * 20_000, "too long"),
}  # fmt: skip


def test_what_is_made_by_hand_would_be_taken_without_its_fault(provider: IdentityProvider) -> None:
    assert _checked(by_hand(PLAIN, _claims(), with_rsa), provider).sub == SUB


@pytest.mark.parametrize("name", BAD_SIGNATURES)
def test_a_token_that_the_provider_did_not_sign_is_refused(name: str, provider: IdentityProvider) -> None:
    made, why = BAD_SIGNATURES[name]
    with pytest.raises(TokenRefusedError, match=why) as caught:
        _checked(made(), provider)
    assert not caught.value.sub, "nobody's word is taken for whose token it was"


def test_what_is_not_among_the_algorithms_of_the_file_is_refused(tmp_path: Path) -> None:
    provider = provider_of(tmp_path, algorithms=["ES256"])
    assert _checked(signed(_claims(), ec_key(), "ES256", kid="ec-1"), provider).sub == SUB
    with pytest.raises(TokenRefusedError, match="algorithm"):
        _checked(signed(_claims()), provider)


def test_all_the_means_that_are_demanded_have_to_be_told(tmp_path: Path) -> None:
    provider = provider_of(tmp_path, acr=None, amr=["pwd", "otp"])
    assert _checked(signed(_claims(amr=["otp", "pwd", "mfa"])), provider).sub == SUB
    for amr in (["otp"], [], None, "pwd otp", {"pwd": 1, "otp": 1}):
        with pytest.raises(TokenRefusedError, match="amr"):
            _checked(signed(_claims(amr=amr)), provider)


def test_a_sign_in_of_long_ago_is_refused_where_that_is_asked_for(tmp_path: Path) -> None:
    provider = provider_of(tmp_path, max_sign_in_age_s=600)
    assert "max_age=600" in provider.request_address("https://bench.example/oidc/return", "s", "n")
    assert _checked(signed(_claims(auth_time=NOW - 600)), provider).sub == SUB
    for auth_time in (NOW - 600 - LEEWAY_S - 1, NOW + LEEWAY_S + 1, None):
        with pytest.raises(TokenRefusedError, match=r"too long ago|no time"):
            _checked(signed(_claims(auth_time=auth_time)), provider)


def test_the_name_in_a_token_is_nothing_where_nobody_asked_for_it(tmp_path: Path) -> None:
    plain = provider_of(tmp_path, name_claim=None)
    assert _checked(signed(_claims()), plain).name == ""
    assert "scope=openid&" in plain.request_address("https://bench.example/oidc/return", "s", "n")


def test_the_browser_is_sent_with_what_the_standard_asks_for(tmp_path: Path) -> None:
    provider = provider_of(tmp_path, authorization_endpoint="https://sign-in.unit.example/go?tenant=1")
    address = urlsplit(provider.request_address("https://bench.example/oidc/return", "the state", "the nonce"))
    assert parse_qs(address.query) == {
        "tenant": ["1"],
        "response_type": ["id_token"],
        "response_mode": ["form_post"],
        "scope": ["openid profile"],
        "client_id": [CLIENT],
        "redirect_uri": ["https://bench.example/oidc/return"],
        "state": ["the state"],
        "nonce": ["the nonce"],
        "acr_values": ["two-factors"],
    }


BAD_SETTINGS: list[tuple[dict[str, object], str]] = [
    ({"issuer": "http://sign-in.unit.example"}, "https address"),
    ({"authorization_endpoint": "http://sign-in.unit.example/a"}, "https address"),
    ({"authorization_endpoint": "javascript:x"}, "https address"),
    ({"authorization_endpoint": "https://sign-in.unit.example/a#b"}, "https address"),
    ({"authorization_endpoint": 'https://sign-in.unit.example/"'}, "https address"),
    ({"authorization_endpoint": "https://[/"}, "https address"),
    ({"client_id": None}, "'client_id' must be there"),
    ({"client_id": ""}, "'client_id' must be there"),
    ({"algorithms": ["none"]}, "'none' is not taken"),
    ({"algorithms": ["HS256"]}, "'HS256' is not taken"),
    ({"algorithms": []}, "'algorithms' is empty"),
    ({"acr": []}, "'acr' is empty"),
    ({"amr": "pwd"}, "list of words"),
    ({"only": True, "acr": None}, "nobody would have a second factor"),
    ({"only": "yes"}, "true or false"),
    ({"max_token_age_s": 0}, "number of seconds"),
    ({"max_token_age_s": True}, "number of seconds"),
    ({"max_token_age_s": 7200}, "number of seconds"),
    ({"client_secret": "x"}, "'client_secret' is no setting"),
    ({"jwks": "none.json"}, "cannot be read"),
]


@pytest.mark.parametrize(("changes", "why"), BAD_SETTINGS, ids=lambda value: str(value)[:40])
def test_a_file_that_cannot_be_held_to_is_refused(changes: dict[str, object], why: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=why):
        provider_of(tmp_path, **changes)


def _keys(*keys: dict[str, Any]) -> dict[str, Any]:
    return {"keys": list(keys)}


def _public(key: Any, **changes: object) -> dict[str, Any]:
    whole = {**key.as_dict(private=False), **changes}
    return {name: value for name, value in whole.items() if value is not None}


BAD_KEYS: dict[str, tuple[Callable[[], object], str]] = {
    "no set": (list, "no JWK set"),
    "no keys": (_keys, "no key with an id"),
    "private key": (lambda: _keys(rsa_key().as_dict(private=True)), "holds a secret"),
    "secret": (lambda: _keys(OctKey.generate_key(256).as_dict()), "holds a secret"),
    "no id": (lambda: _keys(_public(rsa_key(), kid=None)), "no key with an id"),
    "for encryption": (lambda: _keys(_public(rsa_key(), use="enc")), "no key with an id"),
    "for another algorithm": (lambda: _keys(_public(rsa_key(), alg="RS512")), "no key with an id"),
    "another curve": (lambda: _keys(_public(ECKey.generate_key("P-384"), kid="x")), "no key with an id"),
    "for exchange": (lambda: _keys(_public(OKPKey.generate_key("X25519"), kid="x")), "no key with an id"),
    "one id twice": (lambda: _keys(_public(rsa_key()), _public(rsa_key())), "two keys"),
}


@pytest.mark.parametrize("name", BAD_KEYS)
def test_keys_that_cannot_be_used_are_refused(name: str, tmp_path: Path) -> None:
    made, why = BAD_KEYS[name]
    with pytest.raises(ConfigError, match=why):
        read_provider(written(tmp_path, keys=made()))


@pytest.mark.filterwarnings("ignore:.*(RSA|2048)")  # the short key is the point here
def test_a_short_key_is_passed_over_and_so_is_one_of_a_kind_to_come(tmp_path: Path) -> None:
    short = _public(RSAKey.generate_key(1024), kid="short")
    to_come = {"kty": "AKP", "kid": "pq", "alg": "ML-DSA-44", "pub": "AA"}
    provider = read_provider(written(tmp_path, keys=_keys(short, to_come, *key_set()["keys"])))
    assert sorted(provider.keys) == ["ec-1", "ed-1", "rsa-1"]


@pytest.mark.parametrize("name", ["provider.toml", "keys.json"])
def test_a_file_that_others_may_write_is_refused(name: str, tmp_path: Path) -> None:
    path = written(tmp_path)
    (tmp_path / name).chmod(0o664)
    with pytest.raises(ConfigError, match="others may write"):
        read_provider(path)


def test_the_digest_is_of_both_files(tmp_path: Path) -> None:
    first = provider_of(tmp_path).digest
    assert provider_of(tmp_path).digest == first
    assert provider_of(tmp_path, name="Other").digest != first
    assert read_provider(written(tmp_path, keys=_keys(_public(rsa_key())))).digest != first
