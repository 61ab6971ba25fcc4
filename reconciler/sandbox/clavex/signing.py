"""The key that signs tokens, made when it is first needed, and the tokens; facts clavex 5.1, 5.3."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from functools import cache

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeyParameters, RSAKey

Claims = dict[str, object]
ALGORITHM = "PS256"


@cache
def signing_key() -> RSAKey:
    """The installation's key: one a process, since it takes a tenth of a second to make."""
    return _new_key("sig")


@cache
def organisation_key() -> RSAKey:
    """The key that signs for organisations where each has one of its own (key backend `db`)."""
    return _new_key("sig")


@cache
def _encryption_key() -> RSAKey:
    return _new_key("enc", alg="RSA-OAEP-256")


def _new_key(use: str, **extra: str) -> RSAKey:
    parameters: KeyParameters = {"use": use, "kid": secrets.token_urlsafe(8), **extra}  # type: ignore[typeddict-item] # `alg` is a str there
    return RSAKey.generate_key(2048, parameters, auto_kid=False)


def published(backend: str) -> list[dict[str, object]]:
    """The keys as the JWKS shows them; recordings discovery and key-backend-db."""
    keys = [signing_key()] if backend == "file" else [organisation_key(), signing_key(), _encryption_key()]
    return [dict(key.as_dict(private=False)) for key in keys]


def sign(claims: Claims, key: RSAKey) -> str:
    """A token with these claims."""
    header = {"alg": ALGORITHM, "kid": key.kid, "typ": "JWT"}
    return jwt.encode(header, claims, key, algorithms=[ALGORITHM])


def read(token: str, key: RSAKey) -> Claims | None:
    """The claims, if `key` signed the token and it has not run out."""
    try:
        claims: Claims = jwt.decode(token, key, algorithms=[ALGORITHM]).claims
    except (JoseError, ValueError):
        return None
    return claims if int(str(claims["exp"])) > time.time() else None


def sign_badly(claims: Claims, key: RSAKey, fault: str) -> str:
    """An ID token that no client may accept; `fault` as in `IdToken`."""
    now = int(time.time())
    match fault:
        case "unsigned":
            return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(claims)}."
        case "HS256":  # the published key as the shared one: a client that trusts the header takes it
            text = f"{_part({'alg': 'HS256', 'kid': key.kid, 'typ': 'JWT'})}.{_part(claims)}"
            return f"{text}.{_encode(hmac.digest(key.as_pem(private=False), text.encode(), hashlib.sha256))}"
        case "other key":
            stranger = RSAKey.generate_key(2048, {"kid": str(key.kid)}, auto_kid=False)
            return sign(claims, stranger)
        case "expired":
            return sign(claims | {"iat": now - 7200, "exp": now - 3600}, key)
        case "not yet valid":
            return sign(claims | {"iat": now + 3600, "nbf": now + 3600, "exp": now + 7200}, key)
        case "other audience":
            return sign(claims | {"aud": ["somebody-else"]}, key)
        case "other issuer":
            return sign(claims | {"iss": "https://id.example.org/acme"}, key)
        case _:
            return sign(claims | {"nonce": "another"}, key)


def hash_of(token: str) -> str:
    """`at_hash`: the left half of the digest."""
    return _encode(hashlib.sha256(token.encode()).digest()[:16])


def _part(value: Claims) -> str:
    return _encode(json.dumps(value).encode())


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
