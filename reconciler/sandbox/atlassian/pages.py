"""The pages that a person sees at a product: plain HTML with ids that stay.

Wording and layout are assumed; a real product tells the reason of a failed login in its log only.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reconciler.sandbox.atlassian.people import LoginError, Person

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="UTF-8"><title>{title} - {product}</title></head>
<body id="{id}" data-cause="{cause}">
<h1>{product}</h1>
{body}
</body>
</html>
"""
_FORM = """<form id="login-form" method="POST" action="{action}">
<p><label for="login-form-username">Username</label>
<input id="login-form-username" name="os_username" autocomplete="username"></p>
<p><label for="login-form-password">Password</label>
<input id="login-form-password" name="os_password" type="password" autocomplete="current-password"></p>
<p><button id="login-form-submit" type="submit">Log In</button></p>
</form>"""


def login_page(
    product: str, buttons: Iterable[tuple[str, str, str]], action: str | None, fault: str = ""
) -> HTMLResponse:
    """The ways in: a button (id, text, address) for each provider, and the local form if it has an `action`."""
    parts = [f'<p id="login-error" role="alert">{escape(fault)}</p>'] if fault else []
    parts += [
        f'<p><a class="sso" id="{escape(name)}" href="{escape(link)}">{escape(text)}</a></p>'
        for name, text, link in buttons
    ]
    parts += [] if action is None else [_FORM.format(action=escape(action))]
    nothing = '<p id="no-way-in">There is no way to log in here.</p>'
    return _page(product, "login", "Log in", "\n".join(parts) or nothing, status=401 if fault else 200)


def home_page(product: str, person: Person, groups: Iterable[str], log_out: str) -> HTMLResponse:
    """Who is logged in, with which groups."""
    listed = "".join(f"<li>{escape(group)}</li>" for group in groups)
    body = f"""<p>You are logged in as <strong id="user">{escape(person.name)}</strong>.</p>
<p>Name: <span id="display-name">{escape(person.display_name)}</span></p>
<p>E-mail: <span id="email">{escape(person.email)}</span></p>
<p>Groups:</p>
<ul id="groups">{listed}</ul>
<p><a id="log-out" href="{escape(log_out)}">Log out</a></p>"""
    return _page(product, "home", "Dashboard", body)


def error_page(product: str, error: LoginError, login: str) -> HTMLResponse:
    """Why nobody is logged in."""
    body = f"""<p id="error" role="alert">We can't log you in right now. Contact your administrator.</p>
<p id="reason">{escape(error.reason)}</p>
<p><a id="login-link" href="{escape(login)}">Log in</a></p>"""
    return _page(product, "login-failed", "Login failed", body, error.cause, error.status)


def _page(product: str, name: str, title: str, body: str, cause: str = "", status: int = 200) -> HTMLResponse:
    shown = _PAGE.format(id=name, title=title, product=product.capitalize(), body=body, cause=escape(cause))
    return HTMLResponse(shown, status, headers={"cache-control": "no-store"})
