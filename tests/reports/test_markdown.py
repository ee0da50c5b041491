"""The short summary: complete in its numbers, and tenant text does nothing in it."""

from __future__ import annotations

import re
from dataclasses import replace

from markdown_it import MarkdownIt

from auditor.audit.change import Change, Gap
from reports.markdown import MAX_FINDINGS, drift_markdown, to_markdown
from tests.reports import sample


def test_it_says_what_counts() -> None:
    text = to_markdown(sample.calm())
    assert "| 1 | 3 | 1 | 0 | 1 | 6 |" in text
    assert "1 finding waived" in text
    assert "Payroll Sync" in text
    assert "All 8 checks assessed" in text


def test_gaps_come_before_findings() -> None:
    text = to_markdown(sample.partial())
    assert text.index("`conditional-access` is not-assessed") < text.index("## Open findings")
    assert "Policy.Read.All" in text


def test_hostile_text_makes_no_markup() -> None:
    text = to_markdown(sample.hostile())
    html = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text)
    assert not re.search(
        r"<(script|img|svg|a|em|strong|s)\b(?!>Coverage)", html.replace("<strong>Coverage:</strong>", "")
    )
    assert not re.search(r"https?://", text)
    assert not re.search(r"@[A-Za-z]", text)
    assert f"{len(sample.HOSTILE) - MAX_FINDINGS} more" in text
    assert len(text) < 60_000


def test_an_empty_tenant() -> None:
    assert "| 0 | 0 | 0 | 0 | 0 | 0 |" in to_markdown(sample.nothing())


def test_it_counts_declared_calls() -> None:
    assert "2 declared calls: 1 denied, 1 unknown." in to_markdown(sample.calm())
    assert "declared call" not in to_markdown(sample.nothing())


def test_what_changed_since_the_baseline() -> None:
    assert "Changed since" not in to_markdown(sample.calm())
    changes = [Change("new", "app", f"App {number} is new.") for number in range(MAX_FINDINGS + 2)]
    gap = Gap("policy", "old", "identity/conditionalAccess/policies", "Policies were not compared: *denied*.")
    run = replace(sample.calm(), changes=changes, not_compared=[gap], baseline_at=sample.NOW)
    text = to_markdown(run)
    assert "Compared with the baseline of 2026-11-22 15:00 UTC: 22 new." in text
    assert "| new | app | App 0 is new. |" in text
    assert text.count("| new | app |") == MAX_FINDINGS
    assert "2 more are in the JSON file." in text
    assert "- Policies were not compared: \\*denied\\*." in text
    assert "nothing that was compared has changed" in to_markdown(replace(run, changes=[], not_compared=[]))


def test_a_comparison_of_its_own_is_escaped() -> None:
    change = Change("changed", "app", "<img src=x> | [a](https://evil.example)\n# x")
    text = drift_markdown("Con<b>toso", sample.NOW, sample.NOW, [change], [])
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    assert not re.search(r"<(img|a|b)\b", html)
    assert html.count("<h1>") == 1
