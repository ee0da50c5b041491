"""What must never be shown is taken out, in every form that servers and libraries write it; names stay whole."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor import redaction
from auditor.redaction import hide, redact, without_tokens

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzb21lb25lIn0.c2lnbmF0dXJlLW9mLWEtdG9rZW4"
OPAQUE = "0123Opaque-token-Without-any.form~4567"


@pytest.fixture(autouse=True)
def nothing_in_use(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(redaction, "_in_use", {})
    yield


@pytest.mark.parametrize(
    "text",
    [
        f"Bearer%20{TOKEN}",
        f"authorization=bearer+{TOKEN}",
        f"%22{TOKEN}%22",
        f"token:{TOKEN}",
        TOKEN[:12],
        TOKEN[:40],
        TOKEN[:-10],
        f"({TOKEN[TOKEN.index('.') + 1 :]}",
    ],
)
def test_web_tokens_whole_and_cut(text: str) -> None:
    assert "eyJ" not in without_tokens(text)
    assert "c2lnbmF0" not in without_tokens(text)
    assert redaction.REDACTED in without_tokens(text)


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Basic {}",
        '"Authorization": "Basic {}"',
        "authorization%3A%20Basic%20{}",
        "sent Basic {} to us",
        "Authorization: Negotiate {}",
        "client_secret%3D{}",
        "%22password%22%3A{}",
    ],
)
def test_other_credentials(text: str) -> None:
    value = base64.b64encode(b"app:hunter2?").decode()
    assert value not in redact(text.format(value))


@pytest.mark.parametrize(
    "text",
    [
        "HockeyJersey and SurveyJavaScript.example",
        "https://heyjude.example.com",
        "Basic authentication is off",
        "Authorization_RequestDenied: Insufficient privileges to complete the operation.",
        "00000003-0000-0000-c000-000000000000",
    ],
)
def test_names_stay_whole(text: str) -> None:
    assert redact(text) == text


def test_a_token_in_use_is_known_whatever_it_looks_like() -> None:
    assert OPAQUE in redact(OPAQUE)
    hide(OPAQUE)
    for shown in (OPAQUE, OPAQUE.upper(), OPAQUE[5:30], OPAQUE[20:], f"x{OPAQUE[:16]}y", f"İ{OPAQUE}"):
        assert OPAQUE[8:14].lower() not in without_tokens(shown).lower(), shown
    assert without_tokens(f"a {OPAQUE[3:]}, b {OPAQUE}.") == "a [redacted], b [redacted]."


@given(st.integers(0, 60), st.integers(16, 80), st.text(max_size=20), st.text(max_size=20))
def test_no_part_of_a_token_in_use_remains(start: int, length: int, before: str, after: str) -> None:
    hide(TOKEN)
    part = TOKEN[min(start, len(TOKEN) - 16) :][:length]
    assert part not in without_tokens(f"{before}{part}{after}")


def test_only_the_last_tokens_are_remembered_and_short_words_are_none() -> None:
    hide("short")
    assert without_tokens("a short word") == "a short word"
    for number in range(100):
        hide(f"a-token-in-use-{number:08}")
    assert len(redaction._in_use) <= 32
    assert "00000099" not in without_tokens("a-token-in-use-00000099")
