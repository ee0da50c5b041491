"""Tenants and running emulators for the tests here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from auditor.emulator import Emulator
from auditor.emulator.build import TenantBuilder
from tests.emulator.caller import Caller

Start = Callable[..., Caller]


@pytest.fixture
def tenant() -> TenantBuilder:
    return TenantBuilder()


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts an emulator of a tenant and gives a caller with an auditor's token; the emulator must have met no defect."""
    with ExitStack() as stack:
        started: list[Emulator] = []

        def run(data: dict[str, Any], **options: Any) -> Caller:
            emulator = stack.enter_context(Emulator(data, **options))
            started.append(emulator)
            return Caller(emulator)

        yield run
        for emulator in started:
            assert emulator.defects == []
