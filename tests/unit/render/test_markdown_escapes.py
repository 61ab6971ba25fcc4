"""Nothing from outside becomes markup, a link, a mention or a reference."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.render.markdown import code, escape

SPAN = re.compile(r"(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a", "`a`"),
        ("", "`  `"),
        ("`", "`` ` ``"),
        ("a``b`c", "```a``b`c```"),
        ("`a", "`` `a ``"),
        (" a ", "`  a  `"),
        ("a\nb\x1b", "`a\\nb\\x1b`"),
    ],
)
def test_code(text: str, shown: str) -> None:
    assert code(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("it does not exist yet", "it does not exist yet"),
        ("somebody's, it's (only the state) 1,000 30 %", "somebody's, it's (only the state) 1,000 30 `%`"),
        ("`groups` is in UserInfo", "`groups` is in UserInfo"),
        ("run `reconciler plan --out`, then", "run `reconciler plan --out`, then"),
        ("the URI https://x.eu is", "the URI `https://x.eu` is"),
        ("https://a.eu https://b.eu; gone", "`https://a.eu https://b.eu`; gone"),
        ("see [x](javascript:1)", "see `[x](javascript:1)`"),
        ("@all #12 !3 GH-26 www.evil.eu", "`@all #12 !3 GH-26 www.evil.eu`"),
        ("a1b2c3d is a commit", "`a1b2c3d` is a commit"),
        ("1. a list", "`1`. a list"),
        ("<b>bold</b> &amp; *x* _y_", "`<b>bold</b> &amp; *x* _y_`"),
        ("a `b", "a `` `b ``"),
        ("...", "`...`"),
        ("x\u3164", "`x\\u3164`"),
        ("two\nlines", "two lines"),
    ],
)
def test_escape(text: str, shown: str) -> None:
    assert escape(text) == shown


@given(st.text(st.sampled_from("ab1 `.,:;*_[]()<>#@!&|\\\n\x1b-'/")))
def test_outside_of_code_spans_there_are_words_only(text: str) -> None:
    shown = escape(text)
    assert shown.isprintable()
    outside = SPAN.sub(" ", shown)
    assert not set(outside) & set("`*_[]<>#@&|\\/")
    assert not re.search(r"^\s*(\d+[.)]|[-+])(\s|$)", SPAN.sub("x", shown))
