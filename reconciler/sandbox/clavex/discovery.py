"""The discovery document; recording discovery."""

from __future__ import annotations

_ENDPOINTS = {
    "authorization_endpoint": "/authorize",
    "backchannel_authentication_endpoint": "/bc-authorize",
    "check_session_iframe": "/check-session",
    "device_authorization_endpoint": "/device_authorization",
    "end_session_endpoint": "/logout",
    "introspection_endpoint": "/introspect",
    "issuer": "",
    "jwks_uri": "/.well-known/jwks.json",
    "pushed_authorization_request_endpoint": "/par",
    "registration_endpoint": "/register",
    "revocation_endpoint": "/revoke",
    "token_endpoint": "/token",
    "userinfo_endpoint": "/userinfo",
}
_YES_NO = {
    "authorization_response_iss_parameter_supported": True,
    "backchannel_logout_supported": False,
    "backchannel_user_code_parameter_supported": False,
    "claims_parameter_supported": True,
    "frontchannel_logout_supported": False,
    "request_parameter_supported": True,
    "request_uri_parameter_supported": True,
    "require_pushed_authorization_requests": False,
    "require_request_uri_registration": False,
    "tls_client_certificate_bound_access_tokens": True,
}
_LISTS = {
    "authorization_details_types_supported": "openid_credential",
    "authorization_signing_alg_values_supported": "PS256, RS256",
    "backchannel_authentication_request_signing_alg_values_supported": (
        "RS256, RS384, RS512, ES256, ES384, ES512, PS256"
    ),
    "backchannel_token_delivery_modes_supported": "poll",
    "claims_in_verified_claims_supported": (
        "given_name, family_name, name, birthdate, place_of_birth, nationalities, address"
    ),
    "claims_supported": (
        "sub, iss, aud, exp, iat, jti, nbf, email, email_verified, name, given_name, family_name, "
        "auth_time, nonce, at_hash, org_id, roles, groups, verified_claims"
    ),
    "client_attestation_pop_signing_alg_values_supported": "ES256, PS256",
    "client_attestation_signing_alg_values_supported": "ES256, PS256",
    "code_challenge_methods_supported": "S256",
    "dpop_signing_alg_values_supported": "RS256, RS384, RS512, ES256, ES384, ES512, PS256, PS384, PS512",
    "evidence_supported": "electronic_record",
    "grant_types_supported": (
        "authorization_code, implicit, refresh_token, client_credentials, urn:ietf:params:oauth:grant-"
        "type:token-exchange, urn:ietf:params:oauth:grant-type:device_code, urn:openid:params:grant-"
        "type:ciba, urn:ietf:params:oauth:grant-type:pre-authorized_code, urn:ietf:params:oauth:grant-"
        "type:jwt-bearer"
    ),
    "id_token_signing_alg_values_supported": "PS256, RS256",
    "introspection_endpoint_auth_methods_supported": "client_secret_basic, client_secret_post",
    "request_object_signing_alg_values_supported": "none, RS256, RS384, RS512, ES256, ES384, ES512, PS256",
    "response_modes_supported": "query, fragment, form_post, jwt, query.jwt, fragment.jwt",
    "response_types_supported": (
        "code, id_token, token, code id_token, code token, token id_token, code token id_token"
    ),
    "revocation_endpoint_auth_methods_supported": "client_secret_basic, client_secret_post, none",
    "scopes_supported": "openid, profile, email, offline_access",
    "subject_types_supported": "public",
    "token_endpoint_auth_methods_supported": (
        "client_secret_basic, client_secret_post, private_key_jwt, tls_client_auth, attest_jwt_client_auth, none"
    ),
    "token_endpoint_auth_signing_alg_values_supported": "RS256, RS384, RS512, ES256, ES384, ES512, PS256",
    "trust_frameworks_supported": "eidas, it_spid, it_cie, de_bund, fr_idv, nl_id, es_clave",
    "userinfo_signing_alg_values_supported": "none, PS256, RS256",
}


def document(issuer: str) -> dict[str, object]:
    """The document of the organisation with that issuer."""
    endpoints: dict[str, object] = {name: f"{issuer}{path}" for name, path in _ENDPOINTS.items()}
    lists = {name: values.split(", ") for name, values in _LISTS.items()}
    return endpoints | _YES_NO | lists
