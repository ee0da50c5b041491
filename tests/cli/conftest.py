"""The command line run in this process, in an empty folder, with an environment that holds nothing of ours."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from auditor.cli.app import run
from auditor.emulator.contoso import contoso
from auditor.emulator.server import Emulator
from auditor.graph.retry import Clock


@dataclass(frozen=True)
class Result:
    """What a run left behind."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def sentence(self) -> str:
        """The one line that an error is told in."""
        lines = self.err.strip().splitlines()
        errors = [line for line in lines if line.startswith("error: ")]
        assert len(errors) == 1, self.err
        assert lines[-1] == errors[0], self.err
        assert "Traceback" not in self.err
        assert self.out == ""
        return errors[0]


Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty current folder, and no variable that an auditor or azure-identity reads."""
    for name in list(os.environ):
        if name.startswith(("AUDITOR_", "AZURE_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries follow each other at once."""

    async def pass_on(_seconds: float) -> None:
        await asyncio.sleep(0)

    for room in ("auditor.graph.collect", "auditor.graph.doctor"):
        monkeypatch.setattr(f"{room}.Clock", lambda: Clock(sleep=pass_on))


@pytest.fixture
def auditor(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command line; ``token`` is put into the environment and must not come out again."""

    def call(*arguments: object, token: str | None = None) -> Result:
        if token is not None:
            monkeypatch.setenv("AUDITOR_ACCESS_TOKEN", token)
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        if token:
            assert token not in captured.out + captured.err
            assert token.split(".")[-1] not in captured.out + captured.err
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture(scope="session")
def contoso_server() -> Iterator[Emulator]:
    """The demo tenant, served once for all tests that only read."""
    with Emulator(contoso()) as emulator:
        yield emulator
    assert emulator.defects == []
    assert emulator.writes == 0


@pytest.fixture(scope="session")
def snapshot(contoso_server: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo tenant as a snapshot, collected by the command itself."""
    folder = tmp_path_factory.mktemp("collected") / "contoso"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUDITOR_ACCESS_TOKEN", contoso_server.auditor_token())
        assert run(["collect", "--graph-url", contoso_server.url, "--out", str(folder), "--quiet"]) == 0
    return folder
