"""``audit.sarif``: SARIF 2.1.0, for code scanning and result viewers. One run, a rule a check, a result a finding.

An audit has no source files, so a result's place is a logical one: the app. Tools that demand a file (GitHub code scanning
does) get line 1 of ``audit.json``. What was not read or not assessed is a notification of the invocation, and such a run is
not called successful: a gap must not look like "none". All results are written, worst first; consumers that take only so
many (docs/pipelines.md) keep the worst.

Tenant text is cleaned here, and can make no link and no placeholder in a message; bytes are the same for the same run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from markdown_it import MarkdownIt

from auditor.audit.check import CheckMeta, Finding, Severity
from auditor.audit.result import AuditRun
from reports.overview import not_assessed, reason_of
from reports.text import cut, is_web_link, iso_utc, one_line, visible

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ARTIFACT = "audit.json"
"""The file that results point into where a tool demands one: it is written by the same command and holds every finding."""
FINGERPRINT = "graphAuditor/v1"
LEVELS: Mapping[Severity, str] = {
    "critical": "error", "high": "error", "medium": "warning", "low": "note", "info": "note",
}  # fmt: skip
SECURITY_SEVERITY: Mapping[Severity, str] = {
    "critical": "9.5", "high": "8.0", "medium": "5.5", "low": "3.0", "info": "0.0",
}  # fmt: skip
"""Numbers that GitHub turns back into the same words: over 9 critical, from 7 high, from 4 medium, over 0 low."""

_TEXT_LIMIT = 4_000
_PAGE_LIMIT = 60_000
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_SEMANTIC = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")
_LINK = re.compile(r"\](?=\()")
_PLACEHOLDER = re.compile(r"\{(?=[0-9]+\})")
_APART = "\u2060"
"""The word joiner: keeps two characters from meaning something together, and is not seen."""

_NOTIFICATIONS: Mapping[str, tuple[str, str]] = {
    "source-not-read": (
        "Data of the tenant could not be read.",
        "Give the auditor the permission, role or licence that the message names; auditor doctor lists all of them.",
    ),
    "check-not-assessed": (
        "A check gave no answer, because a source that it needs could not be read.",
        "Its findings are not known: this is a gap, not a pass. Open the source that the message names.",
    ),
    "check-error": (
        "A check broke, and gave no answer.",
        "Its findings are not known: this is a gap, not a pass. Please report it.",
    ),
}
"""What the run may have to say of itself, and what to do about it."""


def write_sarif(run: AuditRun, path: Path) -> None:
    """Write the file to ``path``, one result at a time.

    Raises:
        OSError: the file cannot be written.
    """
    with path.open("wb", buffering=1 << 20) as file:
        for chunk in chunks(run):
            file.write(chunk)


def chunks(run: AuditRun) -> Iterator[bytes]:
    """The file in pieces, one result a line."""
    rules = {result.meta.slug: number for number, result in enumerate(run.checks)}
    compared = any(finding.known for finding in run.findings)
    yield b'{"$schema": ' + _dumps(SCHEMA) + b', "version": "2.1.0", "runs": [{\n'
    yield b'"tool": ' + _dumps({"driver": _driver(run)}) + b",\n"
    yield b'"invocations": ' + _dumps([_invocation(run, rules)]) + b",\n"
    yield b'"artifacts": ' + _dumps([_artifact()]) + b",\n"
    yield b'"properties": ' + _dumps(_about(run)) + b",\n"
    yield b'"results": ['
    separator = b"\n"
    for finding in run.findings:
        yield separator + _dumps(_result(run, finding, rules, compared=compared))
        separator = b",\n"
    yield b"\n]}]}\n"


def _driver(run: AuditRun) -> dict[str, Any]:
    return {
        "name": "graph-auditor",
        "version": _line(run.tool_version),
        **({"semanticVersion": run.tool_version} if _SEMANTIC.fullmatch(run.tool_version) else {}),
        "rules": [_rule(result.meta, run.pages.get(result.meta.slug, "")) for result in run.checks],
        "notifications": [
            {
                "id": name,
                "shortDescription": {"text": what},
                "fullDescription": {"text": f"{what} {advice}"},
                "help": {"text": advice},
            }
            for name, (what, advice) in _NOTIFICATIONS.items()
        ],
    }


def _rule(meta: CheckMeta, page: str) -> dict[str, Any]:
    title = f"{_message(meta.title).rstrip('.')}."
    markdown = cut(visible(_COMMENT.sub("", page)), _PAGE_LIMIT).strip()
    return {
        "id": meta.slug,
        "name": "".join(word.capitalize() for word in meta.slug.split("-")),
        "shortDescription": {"text": title},
        "fullDescription": {"text": f"{title} Documented cause: {_message(meta.cause)}"},
        "help": {"text": _plain(markdown) or title, "markdown": markdown or title},
        **({"helpUri": meta.help_url} if is_web_link(meta.help_url) else {}),
        "defaultConfiguration": {"level": LEVELS[meta.severity]},
        "properties": {
            "tags": ["security", "microsoft-graph", "permissions"],
            "security-severity": SECURITY_SEVERITY[meta.severity],
            "severity": meta.severity,
            "cause": _line(meta.cause),
            "since": _line(meta.since),
        },
    }


def _plain(markdown: str) -> str:
    """The words of a page without its mark-up, one block a line."""
    lines: list[str] = []
    for token in MarkdownIt("commonmark", {"html": False}).enable("table").parse(markdown):
        if token.type == "inline":
            lines.append(
                "".join(
                    " " if child.type in ("softbreak", "hardbreak") else child.content for child in token.children or ()
                )
            )
        elif token.type in ("fence", "code_block"):
            lines.append(token.content.rstrip())
    return "\n".join(line for line in lines if line)


def _invocation(run: AuditRun, rules: Mapping[str, int]) -> dict[str, Any]:
    return {
        "executionSuccessful": run.is_complete,
        "toolExecutionNotifications": [*_unassessed(run, rules), *_unread(run)],
    }


def _unassessed(run: AuditRun, rules: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    for result in not_assessed(run):
        slug, broke = result.meta.slug, result.outcome == "error"
        what = "broke" if broke else "was not assessed"
        note = _note("check-error" if broke else "check-not-assessed", "error" if broke else "warning",
                     f"The check {slug} {what}: {reason_of(result)}.")  # fmt: skip
        yield {**note, "associatedRule": {"id": slug, "index": rules[slug]}}


def _unread(run: AuditRun) -> Iterator[dict[str, Any]]:
    for entry in run.coverage:
        state = entry.state
        if state.is_read:
            continue
        detail = f": {state.detail}" if state.detail else ""
        affected = f" It bears on {', '.join(entry.affects)}." if entry.affects else ""
        text = f"{state.source} was not read ({state.status}){detail}".rstrip(".") + f".{affected}"
        yield _note("source-not-read", "warning" if entry.affects else "note", text)


def _note(name: str, level: str, text: str) -> dict[str, Any]:
    index = list(_NOTIFICATIONS).index(name)
    return {"descriptor": {"id": name, "index": index}, "level": level, "message": {"text": _message(text)}}


def _artifact() -> dict[str, Any]:
    text = "The audit's result. It stands in for a source file where a tool demands one: the findings are about the tenant."
    return {"location": {"uri": ARTIFACT}, "mimeType": "application/json", "description": {"text": text}}


def _about(run: AuditRun) -> dict[str, Any]:
    return {
        "tenant_id": _line(run.tenant_id),
        "tenant": _line(run.tenant_name),
        "cloud": run.cloud,
        "collected_at": iso_utc(run.collected_at),
        "permission_data": _line(run.catalog_date),
        "complete": run.is_complete,
    }


def _result(run: AuditRun, finding: Finding, rules: Mapping[str, int], *, compared: bool) -> dict[str, Any]:
    fingerprint = finding.fingerprint
    result: dict[str, Any] = {
        "ruleId": finding.check,
        "level": LEVELS[finding.severity],
        "kind": "fail",
        "message": {"text": _message(finding.summary)},
        "locations": [_location(run, finding)],
        # GitHub tells results apart by this one key alone; every result points to the same line.
        "partialFingerprints": {FINGERPRINT: fingerprint, "primaryLocationLineHash": f"{fingerprint}:1"},
        # SARIF: on every result or on none, so that an empty list says "not suppressed".
        "suppressions": _suppressions(finding),
        "properties": _properties(finding),
    }
    if finding.check in rules:
        result["ruleIndex"] = rules[finding.check]
    if compared:  # likewise on every result
        result["baselineState"] = "unchanged" if finding.known else "new"
    return result


def _location(run: AuditRun, finding: Finding) -> dict[str, Any]:
    tenant = _line(run.tenant_id)
    place = {"name": _line(run.tenant_name or run.tenant_id), "fullyQualifiedName": tenant, "kind": "namespace"}
    if finding.app_id:
        app_id = _line(finding.app_id)
        name = _line(finding.display_name or "") or app_id
        place = {"name": name, "fullyQualifiedName": f"{tenant}/{app_id}", "kind": "resource"}
    physical = {"artifactLocation": {"uri": ARTIFACT, "index": 0}, "region": {"startLine": 1}}
    return {"physicalLocation": physical, "logicalLocations": [place]}


def _suppressions(finding: Finding) -> list[dict[str, str]]:
    if not finding.waived:
        return []
    reason = _line(finding.waiver_reason or "")
    return [{"kind": "external", "status": "accepted", "justification": reason or "No reason was recorded."}]


def _properties(finding: Finding) -> dict[str, Any]:
    remedy = finding.remediation
    values: dict[str, Any] = {
        field: getattr(finding, field)
        for field in (
            "severity", "certainty", "app_id", "resource_app_id", "permission", "permission_type", "call", "flow",
            "http_status", "error_code", "help_url", "known", "waived", "waiver_reason",
        )
    }  # fmt: skip
    cleaned = {key: _line(value) if isinstance(value, str) else value for key, value in values.items()}
    commands = [_text(command) for command in remedy.commands]
    cleaned["remediation"] = {"text": _text(remedy.text), "commands": commands, "url": _link(remedy.url)}
    return _told(cleaned)


def _link(url: str | None) -> str | None:
    """An address as it is, or none: an address with escapes in it would lead somewhere else."""
    return url if url and is_web_link(url) and visible(url) == url else None


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what has no value: a property bag lists what is known."""
    return {key: value for key, value in values.items() if value is not None}


def _text(text: str) -> str:
    return cut(visible(text), _TEXT_LIMIT)


def _line(text: str) -> str:
    return cut(one_line(text), _TEXT_LIMIT)


def _message(text: str) -> str:
    """A message's text. ``[text](target)`` would be a link in it and ``{0}`` a placeholder: both are taken apart."""
    return _PLACEHOLDER.sub("{" + _APART, _LINK.sub("]" + _APART, _line(text)))


def _dumps(value: Mapping[str, Any] | Sequence[Any] | Iterable[Any] | str) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
