"""Counts over the tables of the workbook: the formula that Excel calculates, and its result for the facts as written.

Formulas name tables and columns (``tblFindings[State]``), so that they follow editing, sorting and new rows. The results
are counted here from the run, by the same conditions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from auditor.audit.result import AuditRun
from reports import rows
from reports.overview import state
from reports.rows import Value
from reports.xlsx_page import Formula
from reports.xlsx_style import FIRST_DAY


@dataclass(frozen=True)
class Condition:
    """One criterion of COUNTIFS."""

    column: str
    """Header of the table's column."""
    criterion: str
    """As an expression of a formula."""
    holds: Callable[[Any], bool]
    """Whether a value meets it."""


def is_(column: str, word: str) -> Condition:
    """The cell holds this word."""
    return Condition(column, f'"{word}"', lambda value: bool(value == word))


def is_not(column: str, word: str) -> Condition:
    """The cell holds anything but this word."""
    return Condition(column, f'"<>{word}"', lambda value: bool(value != word))


def filled(column: str) -> Condition:
    """The cell holds any text."""
    return Condition(column, '"*"', lambda value: value is not None)


def since(column: str, month: date) -> Condition:
    """The time is in this month or later."""
    return Condition(column, f'">="&{_excel(month)}', lambda value: value is not None and value >= month)


def before(column: str, month: date) -> Condition:
    """The time is before this month."""
    return Condition(column, f'"<"&{_excel(month)}', lambda value: value is not None and value < month)


def _excel(day: date) -> str:
    return f"DATE({day.year},{day.month},{day.day})"


@dataclass(frozen=True)
class Facts:
    """The rows of one sheet as far as they are counted."""

    tables: Sequence[str]
    """Names of the Excel tables that hold them."""
    columns: tuple[str, ...]
    counts: Mapping[Any, int]
    """Rows by the values of these columns."""

    def count(self, *conditions: Condition, bold: bool = False) -> Formula:
        """How many rows meet all conditions."""
        text = "+".join(
            "COUNTIFS(" + ",".join(f"{name}[{one.column}],{one.criterion}" for one in conditions) + ")"
            for name in self.tables
        )
        tests = [(self.columns.index(one.column), one.holds) for one in conditions]
        value = sum(n for key, n in self.counts.items() if all(holds(key[at]) for at, holds in tests))
        return Formula(text, value, bold)


def findings(run: AuditRun, tables: Sequence[str]) -> Facts:
    """Findings by severity, check and state."""
    counts = Counter((one.severity, one.check, state(one)) for one in run.findings)
    return Facts(tables, ("Severity", "Check", "State"), counts)


def permissions(run: AuditRun, tables: Sequence[str]) -> Facts:
    """Permission rows by status and type; a status of None is not known."""
    counts = Counter(rows.table_rows(run.permissions, ("status", "type")))
    return Facts(tables, ("Status", "Type"), counts)


def credentials(run: AuditRun, tables: Sequence[str]) -> Facts:
    """Credentials by kind, state and the month they end in; None: they do not end."""
    table = rows.credentials(run)
    counts: Counter[tuple[Value, ...]] = Counter()
    for kind, word, end in rows.table_rows(table, ("kind", "state", "end_at")):
        # An earlier time is written as text, which no formula counts.
        month = date(end.year, end.month, 1) if isinstance(end, datetime) and end >= FIRST_DAY else None
        counts[kind, word, month] += 1
    return Facts(tables, ("Kind", "State", "Ends"), counts)


def apps(run: AuditRun, tables: Sequence[str]) -> Facts:
    """Apps by kind."""
    return Facts(tables, ("Kind",), Counter(rows.table_rows(run.apps, ("kind",))))
