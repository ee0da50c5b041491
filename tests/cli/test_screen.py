"""What reaches a person: no token, nothing a terminal obeys, and our own sentences whole."""

from __future__ import annotations

import io
import json
import sys

import pytest

from auditor.cli.screen import Screen, say, write_json

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzb21lb25lIn0.c2lnbmF0dXJl"
HOSTILE = {"name": "\x9b31m \x7f \u202eevil \u200f \u061c \U000e0041 שלום"}


def test_a_token_in_a_foreign_message_is_shown_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    screen.say(f"denied: {TOKEN}")
    say(f"denied: Bearer {TOKEN}")
    screen.table(f"title {TOKEN}", ("Detail",), [(f"invalid token {TOKEN}",)])
    shown = capsys.readouterr()
    for text in (shown.out, shown.err):
        assert "eyJ" not in text
        assert "c2lnbmF0dXJl" not in text
        assert "[redacted]" in text


def test_our_own_sentences_stay_whole(capsys: pytest.CaptureFixture[str]) -> None:
    Screen().table("", ("Finding",), [("Its client secret: expired 3 days ago",)])
    say('unknown key "auth.client_secret": a secret does not belong in the configuration')
    shown = capsys.readouterr()
    assert "client secret: expired 3 days ago" in shown.out
    assert "a secret does not belong" in shown.err


class Stream(io.TextIOWrapper):
    """Standard output that is a terminal, or is none."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8")
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    @property
    def shown(self) -> str:
        raw: io.BytesIO = self.buffer  # type: ignore[assignment]
        return raw.getvalue().decode()


@pytest.mark.parametrize("document", [HOSTILE, json.dumps(HOSTILE, ensure_ascii=False).encode()])
def test_json_on_a_terminal_says_the_same_and_is_harmless(monkeypatch: pytest.MonkeyPatch, document: object) -> None:
    stream = Stream(terminal=True)
    monkeypatch.setattr(sys, "stdout", stream)
    write_json(document)
    assert json.loads(stream.shown) == HOSTILE
    assert not set(stream.shown) & set("\x9b\x7f\u202e\u200f\u061c\U000e0041")
    assert "שלום" in stream.shown


def test_json_for_a_program_is_byte_for_byte_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(terminal=False)
    monkeypatch.setattr(sys, "stdout", stream)
    document = json.dumps(HOSTILE, ensure_ascii=False)
    write_json(document.encode())
    assert stream.shown == document + "\n"
