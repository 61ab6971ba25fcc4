"""How the app is known to the plugin manager: the one that can be asked about it (facts atlassian 5, 9)."""

from __future__ import annotations

_KEYS = {
    "jira": ("com.resolution.atlasplugins.samlsso.Jira",),
    # Nobody confirms the case of the last word (facts atlassian 9).
    "confluence": (
        "com.resolution.atlasplugins.samlsso.confluence",
        "com.resolution.atlasplugins.samlsso.Confluence",
    ),
}


def keys_of(product: str, stated: str) -> tuple[str, ...]:
    """The keys that the app may have in this kind of product; `stated` is the one that the spec gives, if any."""
    return (stated,) if stated else _KEYS.get(product, ())
