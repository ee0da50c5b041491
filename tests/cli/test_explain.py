"""``auditor explain``: what goes in by which way, what comes out, and that no token ever does."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.cli.app import run
from auditor.emulator.server import Emulator
from tests.cli.conftest import Run
from tests.explain.tokens import APP, MARK, app_only, claims, jwt

DENIED = json.dumps(
    {"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges to complete the operation."}}
)
SECRET_WORD = "q7Zk2mX9" * 12


def fresh(*roles: str, **changes: Any) -> str:
    return jwt(claims(datetime.now(UTC), idtyp="app", roles=list(roles), **changes))


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def put(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    return put


def written(name: str, text: str) -> Path:
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path


def test_token_answer_and_call(auditor: Run) -> None:
    token = fresh("Mail.Read")
    result = auditor(
        "explain",
        "--token-file",
        written("t", token),
        "--error",
        written("e", f"HTTP/1.1 403 x\r\n\r\n{DENIED}"),
        "--call",
        "GET /users",
    )
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("Cause")
    first = result.out.splitlines()[0]
    assert "permission-missing (certain)" in first
    for seen in (
        "Mail.Read",
        "GET /users",
        "User.ReadBasic.All",
        "Authorization_RequestDenied",
        APP,
        "auditor checks permission-missing",
    ):
        assert seen in result.out
    assert MARK not in result.out


def test_json(auditor: Run) -> None:
    result = auditor(
        "explain", "--token-file", written("t", fresh("Mail.Read")), "--call", "GET /users", "--format", "json"
    )
    document = result.json()
    assert result.code == 0
    assert (document["cause"], document["call"]) == ("permission-missing", "GET /users")
    assert document["token"]["roles"] == ["Mail.Read"]
    assert document["error"] is document["tenant"] is None
    assert MARK not in result.out + result.err


@pytest.mark.parametrize("option", ["--token-file", "--error"])
def test_standard_input(auditor: Run, stdin: Callable[[str], None], option: str) -> None:
    stdin(fresh("Mail.Read") if option == "--token-file" else DENIED)
    result = auditor("explain", option, "-", "--format", "json")
    assert result.code == 0
    part = result.json()["token" if option == "--token-file" else "error"]
    assert (
        part["roles"] == ["Mail.Read"] if option == "--token-file" else part["codes"] == ["Authorization_RequestDenied"]
    )


def test_both_from_standard_input_is_refused(auditor: Run, stdin: Callable[[str], None]) -> None:
    stdin(DENIED)
    result = auditor("explain", "--token-file", "-", "--error", "-")
    assert result.code == 2
    assert "standard input" in result.sentence


def test_nothing_given(auditor: Run) -> None:
    result = auditor("explain")
    assert result.code == 2
    assert "--token-file" in result.sentence


def test_nothing_wrong_is_an_answer(auditor: Run) -> None:
    result = auditor("explain", "--token-file", written("t", fresh("User.Read.All")), "--call", "GET /users")
    assert result.code == 0
    assert "none seen" in result.out


@pytest.mark.parametrize("option", ["--token-file", "--error"])
def test_files_that_cannot_be_read(auditor: Run, option: str) -> None:
    Path("large").write_bytes(b"x" * (1 << 21))
    for place in ("missing", ".", "large", "x" * 300):
        result = auditor("explain", option, place)
        assert result.code == 2, place
        assert option in result.sentence


@pytest.mark.parametrize(
    "arguments",
    [
        [fresh("A.B")],
        ["--call", fresh("A.B")],
        ["--call", f"GET /users?access_token={fresh('A.B')}"],
        ["--token-file", fresh("A.B")],
        ["--token", fresh("A.B")],
        [f"--token={fresh('A.B')}"],
        ["--error", f"Bearer {SECRET_WORD}"],
        ["--format", fresh("A.B")],
        ["--tenant", fresh("A.B")],
        [SECRET_WORD],
        ["--call", SECRET_WORD],
        [f"EwB{SECRET_WORD}"],
        ["--token-file", f"Authorization: Bearer {SECRET_WORD}"],
    ],
    ids=range(13),
)
def test_a_token_on_the_command_line_is_refused_and_not_repeated(auditor: Run, arguments: list[str]) -> None:
    result = auditor("explain", *arguments)
    assert result.code == 2
    assert "looks like a token" in result.sentence
    for secret in (MARK[:16], SECRET_WORD[:16], fresh("A.B").split(".")[1][:20]):
        assert secret not in result.out + result.err


@pytest.mark.parametrize("call", ["users", "FETCH /users", "GET", "GET users and groups", ""])
def test_a_call_that_is_none(auditor: Run, call: str) -> None:
    result = auditor("explain", "--call", call)
    assert result.code == 2
    assert "--call" in result.sentence


def test_ids_in_a_call_are_no_tokens(auditor: Run) -> None:
    message = "AAMkAGI2TG93AAAxQ" * 8
    result = auditor("explain", "--call", f"GET /users/alice@contoso.com/messages/{message}=")
    assert result.code == 0


def test_the_call_is_taken_from_the_answer(auditor: Run) -> None:
    text = f"GET https://graph.microsoft.com/v1.0/users\nHTTP/1.1 403 Forbidden\n\n{DENIED}"
    result = auditor("explain", "--error", written("e", text), "--format", "json")
    assert result.json()["call"] == "GET /users"


def test_a_snapshot_tells_the_configuration(auditor: Run, contoso_server: Emulator, snapshot: Path) -> None:
    app_id = next(
        one["appId"] for one in contoso_server._store.rows("applications") if one["displayName"] == "Payroll export"
    )
    token = contoso_server.token(app_id, roles=[])
    result = auditor(
        "explain", "--token-file", written("t", token), "--call", "GET /users", "--from", snapshot, "--format", "json"
    )
    document = result.json()
    assert result.code == 0
    assert document["tenant"]["app_name"] == "Payroll export"
    assert document["tenant"]["granted_since_token"] == ["User.Read.All"]
    assert (document["cause"], document["not_configuration"]) == (None, True)


def test_a_tenant_tells_the_configuration(auditor: Run, contoso_server: Emulator) -> None:
    app_id = next(
        one["appId"] for one in contoso_server._store.rows("applications") if one["displayName"] == "Payroll export"
    )
    mine = contoso_server.token(app_id)
    result = auditor(
        "explain", "--token-file", written("t", mine), "--call", "GET /groups", "--graph-url", contoso_server.url, "--format", "json",
        token=contoso_server.auditor_token(),
    )  # fmt: skip
    document = result.json()
    assert result.code == 0, result.err
    assert document["cause"] == "permission-missing"
    assert document["prediction"]["verdict"] == "denied"
    assert document["tenant"]["app_name"] == "Payroll export"


def test_a_tenant_without_sign_in_is_3(auditor: Run) -> None:
    result = auditor(
        "explain", "--token-file", written("t", fresh("A.B")), "--graph-url", "http://127.0.0.1:9", token="not.a-token"
    )
    assert result.code == 3


def test_a_snapshot_of_another_tenant_is_refused(auditor: Run, snapshot: Path) -> None:
    other = "99999999-2222-3333-4444-555555555555"
    result = auditor("explain", "--token-file", written("t", fresh("A.B")), "--from", snapshot, "--tenant", other)
    assert result.code == 2
    assert other in result.sentence


@pytest.mark.parametrize(
    "token",
    ["", "null", "\x00\x1b[2J", "\u202e" * 50, app_only("A.B", app_displayname="\x1b]0;x\x07\u202eevil"), "{" * 5000],
)
def test_what_is_shown_is_harmless(auditor: Run, token: str) -> None:
    result = auditor("explain", "--token-file", written("t", token))
    assert result.code == 0
    assert not {"\x1b", "\x07", "\u202e", "\0"} & set(result.out)


words = st.text(max_size=40) | st.sampled_from(
    ["GET /users", f"GET /x/{MARK}", f"GET /users {{{MARK}}}", f"GET /me?$select={MARK}"]
)


@settings(max_examples=60, deadline=None)
@given(
    st.text(max_size=80).map(lambda text: f"{text}.{MARK}")
    | st.dictionaries(st.text(max_size=5), st.text(max_size=9)).map(jwt),
    st.text(max_size=200).map(lambda text: f"{text} Bearer {MARK}{MARK}"),
    words,
    st.sampled_from(["table", "json"]),
)
def test_anything_at_all_ends_in_an_answer_or_a_sentence(token: str, error: str, call: str, output: str) -> None:
    Path("t").write_text(token, encoding="utf-8", errors="replace")
    Path("e").write_text(error, encoding="utf-8", errors="replace")
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(["explain", "--token-file", "t", "--error", "e", f"--call={call}", "--format", output])
    out.flush()
    shown = out.buffer.getvalue().decode() + err.getvalue()  # type: ignore[attr-defined]
    assert code in (0, 2), shown
    assert "Traceback" not in shown
    if (
        "/" not in call or MARK not in call
    ):  # a word in a path may be an id, and is shown as the call that it is part of
        assert MARK[:16] not in shown


def test_as_a_process_with_verbose(tmp_path: Path) -> None:
    """Nothing of the token in a whole process, log messages of libraries included."""
    token = fresh("Mail.Read")
    done = subprocess.run(
        [sys.executable, "-m", "auditor", "explain", "--token-file", "-", "--call", "GET /users", "--verbose"],
        input=token.encode(), capture_output=True, cwd=tmp_path, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"permission-missing" in done.stdout
    for secret in (MARK.encode(), token.split(".")[1].encode()[:30]):
        assert secret not in done.stdout + done.stderr
