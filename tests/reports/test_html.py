"""The page as a file: complete, escaped, and with a policy that admits nothing but itself. The browser is in ``test_page``."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from auditor.audit.change import THINGS, Change
from auditor.audit.result import AuditRun
from reports.columns import PERMISSIONS, sheets_of
from reports.html import SCRIPTS, write_html
from reports.overview import changed
from reports.page_data import blocks, show
from reports.palette import SHADES, SURFACES, TONES
from tests.reports import sample
from tests.reports.page_file import unpacked

TEMPLATES = Path(__file__).parents[2] / "reports" / "templates"


class Elements(HTMLParser):
    """Every element with its attributes, and what is inside script, style and json elements."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[tuple[dict[str, str | None], str]] = []
        self.styles: list[str] = []
        self._open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open = tag

    def handle_data(self, data: str) -> None:
        if self._open == "script":
            self.inside.append((self.elements[-1][1], data))
        elif self._open == "style":
            self.styles.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._open = ""


def page(run: AuditRun, folder: Path, **settings: int) -> tuple[str, Elements]:
    write_html(run, folder / "audit.html", **settings)
    text = (folder / "audit.html").read_text(encoding="utf-8")
    parsed = Elements()
    parsed.feed(text)
    return text, parsed


def test_the_first_screen_says_what_matters_in_order(tmp_path: Path) -> None:
    text, _ = page(sample.partial(), tmp_path)
    places = [
        text.index(part)
        for part in ("<bdi>Contoso</bdi>", "2026-11-22 15:00 UTC", "0.1.0, permission data 2026-11-01", "6 of 8 checks assessed; 2 not, because:",
                     "it needs the permission Policy.Read.All", 'data-severity="critical"', "Apps that will fail first", 'id="browser"')
    ]  # fmt: skip
    assert places == sorted(places)
    assert "(Graph Auditor)" in text


def test_what_changed_since_the_baseline_is_on_the_first_screen(tmp_path: Path) -> None:
    text, _ = page(sample.drifted(), tmp_path)
    since = text[text.index('id="since"') : text.index("Apps that will fail first")]
    assert re.findall(r'href="([^"]*)">(\d+ \w+)</a>', since[: since.index("</p>")]) == [
        ("#changes?Thing=finding&amp;Change=new", "1 new"),
        ("#changes?Thing=finding&amp;Change=gone", "1 gone"),
        ("#changes?Thing=permission&amp;Change=changed", "1 changed"),
        ("#changes?Thing=policy&amp;Change=new", "1 new"),
    ]
    assert "Since the baseline of 2026-10-01 09:30 UTC" in text
    assert "The baseline does not know credentials." in since
    tab = re.search(r'data-view="changes".*?</a>', text, re.DOTALL)
    assert tab is not None
    assert "incomplete" in tab.group()
    assert "Not everything was compared. The baseline does not know" in unpacked(text)["changes"]["gap"]
    unchanged, _ = page(replace(sample.calm(), changes=()), tmp_path)
    assert "Nothing has changed." in unchanged
    without, _ = page(sample.calm(), tmp_path)
    assert "Since the baseline</h2>" not in without
    assert 'data-view="changes"' not in without


def test_every_kind_of_thing_that_changes_is_told() -> None:
    run = replace(sample.calm(), changes=[Change("new", thing, "It is new.") for thing in THINGS])
    assert {(one.thing, one.counts) for one in changed(run)} == {(thing, (("new", 1),)) for thing in THINGS}


def test_the_apps_that_fail_first_say_how_many_calls_are_denied(tmp_path: Path) -> None:
    text, _ = page(sample.calm(), tmp_path)
    app = sample.guid("Payroll Sync")
    assert f'href="#predictions?App%20ID={app}&amp;Verdict=denied">1 call denied</a>' in text


@pytest.mark.parametrize("name", ["calm", "hostile", "partial", "nothing"])
def test_the_policy_admits_this_style_and_this_script_alone(name: str, tmp_path: Path) -> None:
    _, parsed = page(getattr(sample, name)(), tmp_path)
    (policy,) = [
        a["content"] or ""
        for tag, a in parsed.elements
        if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    ]

    def digest(body: str) -> str:
        return "'sha256-" + base64.b64encode(hashlib.sha256(body.encode()).digest()).decode() + "'"

    (script,) = [body for attributes, body in parsed.inside if "type" not in attributes]
    (style,) = parsed.styles
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules == {
        "default-src": "'none'", "style-src": digest(style), "script-src": digest(script), "img-src": "data:", "base-uri": "'none'", "form-action": "'none'",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["calm", "hostile"])
def test_nothing_is_loaded_and_nothing_runs_but_the_script(name: str, tmp_path: Path) -> None:
    text, parsed = page(getattr(sample, name)(), tmp_path)
    tags = {tag for tag, _ in parsed.elements}
    assert not tags & {
        "img",
        "svg",
        "iframe",
        "object",
        "embed",
        "link",
        "base",
        "form",
        "audio",
        "video",
        "source",
        "math",
    }
    for tag, attributes in parsed.elements:
        assert not {key for key in attributes if key.startswith("on") or key in ("src", "srcset", "style", "action")}, (
            tag,
            attributes,
        )
        target = attributes.get("href") or "#"
        assert target.startswith(("#", "https://")), target
        if target.startswith("https://"):
            assert "noopener" in (attributes["rel"] or "")
    assert "innerHTML" not in text
    assert "url(" not in "".join(parsed.styles)


def test_every_script_beside_the_template_is_in_the_page() -> None:
    assert {path.name for path in TEMPLATES.glob("*.js")} == set(SCRIPTS)


def test_the_script_makes_nodes_from_text_alone() -> None:
    script = "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in SCRIPTS)
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "fetch(",
        "XMLHttpRequest",
        "</",
    ):
        assert word not in script
    style = (TEMPLATES / "audit.css").read_text(encoding="utf-8")
    assert "</" not in style
    assert "@import" not in style


@pytest.mark.parametrize("name", ["calm", "hostile", "nothing", "drifted"])
def test_the_data_hold_every_row_of_every_sheet(name: str, tmp_path: Path) -> None:
    run = getattr(sample, name)()
    text, _ = page(run, tmp_path)
    found = unpacked(text)
    assert list(found) == [sheet.slug for sheet in sheets_of(run)]
    for sheet in sheets_of(run):
        headers = [column["header"] for column in found[sheet.slug]["columns"]]
        assert sorted(headers) == sorted(column.header for column in sheet.columns if not column.reviewer)
        assert found[sheet.slug]["count"] == sheet.count(run)
        for row, facts in zip(found[sheet.slug]["rows"], sheet.rows(run), strict=True):
            expected = dict(zip(sheet.headers, facts, strict=True))
            assert row == {
                header: value if value is None or type(value) in (int, float) else show(value)
                for header, value in expected.items()
                if header in headers
            }


def test_findings_beyond_the_cap_are_in_the_data_alone(tmp_path: Path) -> None:
    text, _ = page(sample.calm(), tmp_path, listed=2)
    assert text.count('<details class="finding"') == 2
    assert "5 more are shown with JavaScript" in text
    assert unpacked(text)["findings"]["count"] == 7


def test_check_pages_are_rendered_and_their_markup_is_not_trusted(tmp_path: Path) -> None:
    text, _ = page(sample.hostile(), tmp_path)
    article = text[text.index('id="page-consent-missing"') : text.index("</article>")]
    assert "<h3>Every requested permission is granted</h3>" in article
    assert (
        '<a href="https://learn.microsoft.com/graph/resolve-auth-errors" rel="noopener noreferrer" target="_blank">'
        in article
    )
    assert "<table>" in article
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in article
    assert '<a href="javascript' not in article


def test_ids_are_unique_and_the_language_is_given(tmp_path: Path) -> None:
    text, parsed = page(sample.calm(), tmp_path)
    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert text.startswith('<!doctype html>\n<html lang="en">')
    assert re.search(r"<head>\s*<meta charset=\"utf-8\">", text)


def test_a_column_is_packed_by_how_many_values_it_has() -> None:
    """Places of one, two and four bytes, and a value for each row; facets stay dictionaries."""
    calm = sample.calm()
    many = pd.concat([calm.permissions] * 12_000, ignore_index=True)
    many["permission"] = [f"P{number % 300}" for number in range(len(many))]
    many["app_name"] = [f"App {number % 20_000}" for number in range(len(many))]
    many["resource"] = [f"R{number}" for number in range(len(many))]
    many["permission_id"] = [f"id {number}" for number in range(len(many))]
    run = replace(calm, permissions=many)
    texts = "".join(
        f'<script type="{kind}" id="{name}">{text}</script>'
        for name, kind, text in [*blocks(run, PERMISSIONS), ("data-tones", "application/json", "{}")]
    )
    found = unpacked(texts)["permissions"]
    widths = {column["header"]: column["bytes"] for column in found["columns"]}
    picked = ("Status", "Permission", "App name", "Resource", "Permission ID")
    assert [widths[header] for header in picked] == [1, 2, 2, 4, 0]
    facts = [dict(zip(PERMISSIONS.headers, row, strict=True)) for row in PERMISSIONS.rows(run)]
    for header in picked:
        assert [row[header] for row in found["rows"]] == [fact[header] for fact in facts]


def test_a_source_that_was_not_read_is_never_an_empty_list(tmp_path: Path) -> None:
    text, _ = page(sample.partial(), tmp_path)
    tab = re.search(r'data-view="conditional-access".*?</a>', text, re.DOTALL)
    assert tab is not None
    assert "not read" in tab.group()
    assert unpacked(text)["conditional-access"]["unread"] == ["identity/conditionalAccess/policies"]


def test_the_page_is_small_and_says_the_same_every_time(tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    first, _ = page(sample.calm(), tmp_path)
    again, _ = page(sample.calm(), tmp_path / "again")
    assert first == again
    empty, _ = page(sample.nothing(), tmp_path)
    assert len(empty.encode()) < 300_000


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("tone", list(SHADES))
def test_every_tone_can_be_read_in_both_themes(tone: Any) -> None:
    shade = SHADES[tone]
    assert _contrast(shade.ink, shade.tint) >= 4.5
    assert _contrast(shade.dark_ink, shade.dark_tint) >= 4.5
    for theme in (0, 1):
        for ink in ("ink", "quiet", "accent"):
            for paper in ("page", "card", "sunken"):
                assert _contrast(SURFACES[ink][theme], SURFACES[paper][theme]) >= 4.5, (ink, paper, theme)


def test_severities_differ_in_shape_too() -> None:
    assert len({SHADES[TONES[word]].shape for word in ("critical", "high", "medium", "low", "info")}) == 5
