"""An ID token, verified as a careful client does it: signature, algorithm, issuer, audience, nonce, times."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import JsonValue

TOLERANCE = 60
"""Seconds by which clocks may differ."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must be of."""

    issuer: str
    audience: str
    nonce: str
    algorithms: tuple[str, ...]


def verify_token(
    token: str, keys: Mapping[str, JsonValue], expected: Expected
) -> tuple[Mapping[str, JsonValue], Sequence[str]]:
    """The claims, and all that is wrong with the token; no claims if its signature does not hold.

    ReconcilerError if the package that checks signatures is not installed.
    """
    try:
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet
    except ModuleNotFoundError as missing:
        raise ReconcilerError(
            f"{missing.name} is not installed, and without it no signature is checked",
            "install reconciler with the extra: pip install 'sso-reconciler[verify]'",
        ) from None
    try:
        decoded = jwt.decode(token, KeySet.import_key_set(keys), algorithms=list(expected.algorithms))  # type: ignore[arg-type] # a JWKS from the wire; what is wrong in it raises
    except (JoseError, ValueError, KeyError, TypeError) as problem:  # its text may hold parts of the token
        wanted = " or ".join(expected.algorithms)
        fault = f"no key of the JWKS verifies it as {wanted} ({type(problem).__name__})"
        return {}, [fault]
    claims: dict[str, JsonValue] = decoded.claims
    return claims, [fault for fault, is_so in _faults(claims, expected).items() if is_so]


def _faults(claims: Mapping[str, JsonValue], expected: Expected) -> dict[str, bool]:
    audience, now = claims.get("aud"), time.time()
    audiences = audience if isinstance(audience, list) else [audience]
    return {
        "it is of another issuer": claims.get("iss") != expected.issuer,
        "it is for another audience": expected.audience not in audiences,
        "it is for several audiences, and not issued to us": len(audiences) > 1
        and claims.get("azp") != expected.audience,
        "its nonce is of another login": claims.get("nonce") != expected.nonce,
        "it has expired": _moment(claims, "exp") < now - TOLERANCE,
        "it is not yet valid": max(_moment(claims, "nbf"), _moment(claims, "iat")) > now + TOLERANCE,
        "it names nobody": not claims.get("sub"),
    }


def _moment(claims: Mapping[str, JsonValue], name: str) -> float:
    value = claims.get(name)
    return float(value) if isinstance(value, int | float) else 0.0
