"""Nothing secret leaves through log messages, and libraries do not talk between our lines."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from auditor.cli.logs import set_up
from auditor.redaction import redact, without_tokens

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzb21lb25lIn0.c2lnbmF0dXJl"


@pytest.fixture(autouse=True)
def root_logger_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {TOKEN}",
        f'{{"access_token": "{TOKEN}"}}',
        "Authorization: Bearer hunter2-opaque",
        "grant_type=client_credentials&client_secret=hunter2&scope=x",
        '{"client_secret": "hunter2 with spaces", "a": 1}',
        "{'password': 'hunter2'}",
        "client_assertion=hunter2",
        '"refresh_token": "hunter2"',
        "GET /callback?code=hunter2&state=1",
        f"cut off: {TOKEN[:30]}",
    ],
)
def test_redact(text: str) -> None:
    redacted = redact(text)
    assert "hunter2" not in redacted
    assert "eyJ" not in redacted
    assert "[redacted]" in redacted


@pytest.mark.parametrize(
    "sentence",
    [
        "Sign-in failed (method client-secret, tenant contoso.com): AADSTS7000215: the secret is wrong.",
        'unknown key "auth.client_secret": a secret does not belong in the configuration.',
        "The token in AUDITOR_ACCESS_TOKEN has expired (2026-11-22 15:00 UTC); get a new one.",
        "error code: Authorization_RequestDenied",
    ],
)
def test_our_own_sentences_stay_whole(sentence: str) -> None:
    assert without_tokens(sentence) == sentence
    assert TOKEN not in without_tokens(f"{sentence} {TOKEN}")


def test_libraries_are_silent_unless_verbose(capsys: pytest.CaptureFixture[str]) -> None:
    set_up(verbose=False)
    logging.getLogger("azure.identity").warning("DefaultAzureCredential failed")
    assert capsys.readouterr().err == ""


def test_verbose_shows_them_redacted_with_arguments_and_tracebacks(capsys: pytest.CaptureFixture[str]) -> None:
    set_up(verbose=True)
    try:
        raise ValueError(f"refused: Bearer {TOKEN}")
    except ValueError:
        logging.getLogger("azure.identity").exception("sent %s", {"client_secret": "hunter2"})
    shown = capsys.readouterr().err
    assert "azure.identity: sent" in shown
    assert "ValueError" in shown
    assert "hunter2" not in shown
    assert "eyJ" not in shown


def test_setting_up_twice_does_not_double_lines(capsys: pytest.CaptureFixture[str]) -> None:
    set_up(verbose=True)
    set_up(verbose=True)
    logging.getLogger("azure").warning("once")
    assert capsys.readouterr().err.count("once") == 1
