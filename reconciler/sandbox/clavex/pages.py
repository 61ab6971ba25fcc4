"""The two pages that a person sees at Clavex; recordings authorize and login-form hold the form and the texts.

The real page has a policy that lets the form lead to https addresses only; the one here lets it lead anywhere, since
the sandbox's products have no TLS.
"""

from __future__ import annotations

from html import escape

from starlette.responses import HTMLResponse

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="UTF-8"><title>Sign in - {slug}</title></head>
<body>
<h1>{slug}</h1>
<p>Sign in to continue</p>
{fault}<form method="POST" action="/{slug}/authorize" novalidate>
<input type="hidden" name="login_session_id" value="{form}">
<p><label for="email">Email address</label>
<input id="email" name="email" type="email" autocomplete="username" required autofocus value="{email}"></p>
<p><label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required></p>
<p><a id="cancel" href="/{slug}/authorize/cancel?login_session_id={form}">Cancel</a>
<button id="sign-in" type="submit">Sign In</button></p>
</form>
</body>
</html>
"""


def login_page(slug: str, form: str, email: str, fault: str = "") -> HTMLResponse:
    """The login form of an organisation, with the fault of the last try."""
    told = f'<p id="fault" role="alert">{escape(fault)}</p>\n' if fault else ""
    return HTMLResponse(_PAGE.format(slug=escape(slug), form=escape(form), email=escape(email), fault=told))
