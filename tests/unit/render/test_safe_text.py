"""Untrusted text: made visible, measured, cut and wrapped."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.render.terminal import PLAIN, Ink, Style, choose_style, pad, prose, quote_apart, width, wrap

ASCII = Style(unicode=False)
TEXT = st.text(st.characters(exclude_categories=()))
NASTY = st.text(st.sampled_from('ab\\"x1b0\x1b\x07\x9b\u202e\u200b\u2066\ufeff\ud800\n\t\r\u3164\ufe0f管é '))


@given(TEXT | NASTY)
@pytest.mark.parametrize("style", [PLAIN, ASCII], ids=["unicode", "ascii"])
def test_safe_text_is_visible(style: Style, text: str) -> None:
    shown = style.safe(text)
    assert shown.isprintable()
    assert not {"Cc", "Cf", "Cs", "Zl", "Zp"} & {unicodedata.category(character) for character in shown}
    assert style.unicode or shown.isascii()
    assert style.safe(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 管", "plain é 管"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\x00\x07\x7f", "\\x00\\x07\\x7f"),
        ("\x9b31m", "\\x9b31m"),
        ("a\tb\nc\rd", "a\\tb\\nc\\rd"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("\u2066\u2069\u200b\u200d\ufeff\u00ad", "\\u2066\\u2069\\u200b\\u200d\\ufeff\\xad"),
        ("a\u00a0b", "a\\xa0b"),
        ("\u3164\ufe0f\u2800", "\\u3164\\ufe0f\\u2800"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("back\\slash", "back\\slash"),
    ],
)
def test_safe(text: str, shown: str) -> None:
    assert PLAIN.safe(text) == shown


def test_ascii_style_escapes_all_else() -> None:
    assert ASCII.safe("é管\U0001f600") == "\\xe9\\u7ba1\\U0001f600"


def test_quote_tells_an_escape_from_its_spelling() -> None:
    assert PLAIN.quote("\x1b") == '"\\x1b"'
    assert PLAIN.quote("\\x1b") == '"\\\\x1b"'
    assert PLAIN.quote('say "x"') == '"say \\"x\\""'


@given(st.lists(NASTY | TEXT, min_size=2, max_size=2, unique=True))
def test_different_texts_are_quoted_differently(texts: list[str]) -> None:
    assert PLAIN.quote(texts[0]) != PLAIN.quote(texts[1])
    assert ASCII.quote(texts[0]) != ASCII.quote(texts[1])


@given(
    st.text("ab", max_size=3),
    st.lists(st.text("ab\x1b…\"'()0123456789 ", max_size=6), min_size=2, max_size=4, unique=True),
    st.sampled_from(["", "\x1b", "x", "管"]),
)
def test_cut_texts_stay_apart(ends: str, middles: list[str], filler: str) -> None:
    texts = [ends + filler * 60 + middle + filler * 60 + ends for middle in middles]
    shown = quote_apart(texts, 0, PLAIN)
    assert len(set(shown)) == len(set(texts))


def test_a_long_text_is_cut_in_the_middle() -> None:
    (shown,) = quote_apart(["https://jira.acme.eu/" + "x" * 300 + "/callback"], 0, PLAIN)
    assert shown.startswith('"https://jira.acme.eu/xxx')
    assert shown.endswith('xxx/callback" (330 characters)')
    assert '" … "' in shown
    assert width(shown) <= 100


def test_a_text_of_escapes_is_cut_by_what_is_shown() -> None:
    (shown,) = quote_apart(["\x1b" * 90], 0, PLAIN)
    assert width(shown) <= 100
    assert shown.count("\\x1b") < 30


def test_neither_a_flood_of_escapes_nor_of_combining_marks_takes_long_or_shows_much() -> None:
    for character in ("\x1b", "\u0301", "管"):
        (shown,) = quote_apart([character * 1_000_000], 0, PLAIN)
        assert len(shown) <= 110


def test_widths() -> None:
    assert width("abc") == 3
    assert width("管理") == 4
    assert width("e\u0301") == 1
    assert pad("管", 4) == "管  "


def test_words_are_never_broken() -> None:
    url = "https://jira.acme.eu/" + "x" * 80
    assert wrap(f"see {url} for it", 40, "- ", "  ") == ["- see", f"  {url}", "  for it"]


@given(st.lists(st.text("abc", min_size=1, max_size=8), min_size=1), st.integers(10, 40))
def test_wrapped_lines_hold_all_words_and_fit(words: list[str], columns: int) -> None:
    lines = wrap(" ".join(words), columns, "> ", "  ")
    assert " ".join(line[2:] for line in lines) == " ".join(words)
    assert all(len(line) <= columns for line in lines)


def test_a_second_line_of_a_message_cannot_pass_for_one_of_ours() -> None:
    assert prose("failed\n\nNo changes.\x1b", PLAIN, 40, "error: ", "  ") == [
        "error: failed",
        "",
        "  No changes.\\x1b",
    ]
    assert prose("", PLAIN, 40, "error: ") == ["error: "]


@pytest.mark.parametrize(
    ("terminal", "environment", "color"),
    [
        (True, {}, True),
        (True, {"NO_COLOR": ""}, True),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (False, {}, False),
    ],
)
def test_colour_only_on_a_terminal_and_never_with_no_color(
    terminal: bool, environment: dict[str, str], color: bool
) -> None:
    assert choose_style(terminal=terminal, encoding="UTF-8", environment=environment) == Style(color, True)


@pytest.mark.parametrize(("encoding", "expected"), [("utf-8", True), ("UTF8", True), ("latin-1", False)])
def test_unicode_only_where_the_output_takes_it(encoding: str, expected: bool) -> None:
    assert choose_style(terminal=False, encoding=encoding, environment={}).unicode is expected


def test_nothing_is_painted_without_colours_or_text() -> None:
    assert PLAIN.paint("x", Ink.RED) == "x"
    assert Style(color=True).paint("", Ink.RED) == ""
    assert Style(color=True).paint("x", Ink.RED, Ink.BOLD) == "\x1b[31;1mx\x1b[0m"
