"""Text that is pasted: objects are found in it, and hostile text costs no more than reading it a few times."""

from __future__ import annotations

import pytest

from auditor.explain import pasted
from auditor.explain.pasted import embedded_json
from auditor.explain.wanted import named_permissions


def test_objects_behind_braces_that_nothing_closes() -> None:
    text = 'set {x and {y: {"error": {"code": "Forbidden"}} then {"a": 1}'
    assert embedded_json(text) == [{"error": {"code": "Forbidden"}}, {"a": 1}]


@pytest.mark.parametrize("unit", ["{", '{"a":', '{"a":{', '{"'])
def test_braces_that_nothing_closes_are_not_followed_forever(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []
    closing = pasted._closing

    def counted(text: str, start: int) -> int:
        passes.append(start)
        return closing(text, start)

    monkeypatch.setattr(pasted, "_closing", counted)
    assert embedded_json(unit * 2000) == []
    assert 1 <= len(passes) <= 20


@pytest.mark.parametrize(
    "text",
    [
        "Missing scope: User.Read.All",
        "(User.Read.All)",
        "--User.Read.All",
        f"{'a' * 40_000} User.Read.All",
        "a" * 10_000 + ".User.Read.All needs the following permission: User.Read.All",
    ],
)
def test_names_beside_other_text(text: str) -> None:
    assert "User.Read.All" in named_permissions(text[-20_000:]).wanted
