"""Text made safe to show."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.text import cut, is_web_link, iso_utc, one_line, terminal_json, visible, words

ANY = st.text(st.characters(), max_size=200)
"""Any characters, lone surrogates among them."""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x00\x1b[31m\x7f", "␀␛[31m␡"),
        ("a\r\nb\tc", "a\nb\tc"),
        ("a\rb", "a␍b"),
        ("\u202egnp.exe\u202c", "\\u202egnp.exe\\u202c"),
        ("x\ud800y", "x\\ud800y"),
        ("\ufffe\uffff\x85", "\\ufffe\\uffff\\u0085"),
        ("\u200fabc\u200e\u061c", "\\u200fabc\\u200e\\u061c"),
        ("\U000e0041", "\\U000e0041"),
        ("שלום 😀 👩‍👩‍👧", "שלום 😀 👩‍👩‍👧"),
    ],
)
def test_what_cannot_be_shown_becomes_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(ANY)
def test_visible_text_can_be_written_anywhere_and_is_stable(text: str) -> None:
    shown = visible(text)
    shown.encode("utf-8")
    assert visible(shown) == shown
    assert not any(ord(letter) < 32 and letter not in "\n\t" for letter in shown)
    assert "\n" not in one_line(text)


@given(st.text(max_size=300), st.integers(80, 200))
def test_cut_text_fits_and_says_so(text: str, limit: int) -> None:
    short = cut(text, limit)
    assert len(short.encode("utf-16-le")) // 2 <= limit
    if short != text:
        assert short.endswith(f"[cut: {len(text):,} characters in all]")


@given(ANY)
def test_json_for_a_terminal_says_the_same_and_obeys_nothing(text: str) -> None:
    document = json.dumps({"a": text}, ensure_ascii=False)
    shown = terminal_json(document)
    assert json.loads(shown) == {"a": text}
    assert visible(shown) == shown


def test_times_are_utc() -> None:
    east = timezone(timedelta(hours=2))
    assert iso_utc(datetime(2026, 11, 22, 17, 0, tzinfo=east)) == "2026-11-22T15:00:00Z"
    assert iso_utc(datetime(1, 1, 1, tzinfo=UTC)) == "0001-01-01T00:00:00Z"


def test_values_in_words() -> None:
    assert words({"a": [1, None, "b"], "empty": [], "no": False}) == "a: 1; b; no: no"
    assert words({"b", "a"}) == "a; b"


@pytest.mark.parametrize(
    "url",
    [
        "http://x.example",
        "javascript:alert(1)",
        "https://x.example/a b",
        'https://x/"',
        "https://x/<",
        "data:,",
        "https://x/\n",
    ],
)
def test_only_https_is_a_link(url: str) -> None:
    assert not is_web_link(url)
    assert is_web_link("https://learn.microsoft.com/graph/x?y=1#z")
