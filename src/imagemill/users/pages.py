"""The two pages that letters lead to: a form each, with no script."""

from __future__ import annotations

import html
import re
from http import HTTPStatus
from typing import Final

from fastapi import Request, Response

from imagemill.errors import NotFound
from imagemill.users.forms import is_form
from imagemill.users.passwords import LONGEST, SHORTEST

_TOKEN: Final = re.compile(r"^[A-Za-z0-9_-]{43}$", re.ASCII)
_HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_PAGE: Final = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<h1>{title}</h1>
<form method="post" action="{action}">
<input type="hidden" name="token" value="{token}">
<p><label>{label} <input type="password" name="password" required {rules}></label></p>
<p><button>{button}</button></p>
</form>
</html>
"""
_DONE: Final = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Done</title>
<h1>Done</h1>
<p>You can log in now.</p>
</html>
"""
_RESET: Final = {
    "title": "Set a new password",
    "label": f"New password, {SHORTEST} characters at least:",
    "rules": f'minlength="{SHORTEST}" maxlength="{LONGEST}" autocomplete="new-password"',
    "button": "Set it",
}
_CONFIRM: Final = {
    "title": "Confirm your mail address",
    "label": "The password of the account:",
    "rules": f'maxlength="{LONGEST}" autocomplete="current-password"',
    "button": "Confirm it",
}


async def page(request: Request) -> Response:
    """Show the form of a letter; asking for it changes nothing, for mail programs look at links."""
    token = request.query_params.get("token", "")
    if not _TOKEN.match(token):
        raise NotFound("This link is not one of a letter of ours; copy it whole.")
    words = _RESET if request.url.path.endswith("/reset") else _CONFIRM
    return _html(_PAGE.format(**words, action=html.escape(request.url.path), token=token))


def done(request: Request) -> Response:
    """Say that it is done: to a person whose browser sent a form, or to a program."""
    return _html(_DONE) if is_form(request) else Response(status_code=HTTPStatus.NO_CONTENT)


def _html(text: str) -> Response:
    return Response(text, HTTPStatus.OK, _HEADERS, media_type="text/html; charset=utf-8")
