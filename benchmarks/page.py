"""How long the page takes to write and to open with a million permission rows, and how much memory (wanted: open in under 3 s).

    python benchmarks/page.py [PERMISSIONS] [FINDINGS]

Makes a tenant of apps with 20 permissions each, writes ``audit.html``, opens its permissions and findings in Chromium
and prints seconds from the start of navigation until rows show, then how long a search, a sort and a jump to the end
take. Leaves with 1 if rows show after 3 s or more. Needs Playwright and a Chromium.
"""

from __future__ import annotations

import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import numpy as np
from playwright.sync_api import expect, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from auditor.audit.result import AuditRun
from reports.html import write_html
from tests.reports import sample

LIMIT = 3.0
EACH = 20
"""Permissions of one app."""


def guid(number: int, kind: int) -> str:
    """An id that looks random and is the same every time."""
    return str(uuid5(NAMESPACE_URL, f"{kind}/{number}"))


def tenant(permissions: int, findings: int) -> AuditRun:
    """The small sample with many rows in two tables."""
    calm = sample.calm()
    base = calm.permissions
    chance = np.random.default_rng(7)  # rows in a regular order would pack too well
    rows = base.iloc[chance.integers(len(base), size=permissions)].reset_index(drop=True)
    apps = np.arange(permissions) // EACH
    names = np.array([f"App {number} of department {number % 97}" for number in range(apps[-1] + 1)], dtype=object)
    ids = np.array([guid(number, 1) for number in range(apps[-1] + 1)], dtype=object)
    values = np.array([f"Service{number}.ReadWrite.All" for number in range(700)], dtype=object)
    value_ids = np.array([guid(number, 2) for number in range(700)], dtype=object)
    picked = chance.integers(700, size=permissions)
    rows["app_name"], rows["app_id"] = names[apps], ids[apps]
    rows["permission"], rows["permission_id"] = values[picked], value_ids[picked]
    told = [
        sample.finding(names[number % len(names)], permission=f"Service{number}.ReadWrite.All")
        for number in range(findings)
    ]
    return replace(calm, permissions=rows, findings=told)


def timed(act: Callable[[], object]) -> float:
    """Wall seconds."""
    begin = time.perf_counter()
    act()
    return time.perf_counter() - begin


def opened(browser: Any, address: str, rows: int) -> Any:
    """Opens one view in a fresh page and prints what it takes."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})

    def come() -> None:
        page.goto(address)
        expect(page.locator("#main")).to_have_attribute("aria-busy", "false", timeout=60_000)
        expect(page.locator("#body tr.row").first).to_be_visible()

    def search() -> None:
        page.fill("#search", "app 4321")
        expect(page.locator("#shown")).not_to_have_text(f"{rows:,} of {rows:,} shown", timeout=60_000)

    def sort() -> None:
        page.click("#head th:nth-child(2) button")
        expect(page.locator("#head th:nth-child(2)")).to_have_attribute("aria-sort", "ascending", timeout=60_000)

    def again() -> None:
        page.fill("#search", "app 43 read")
        expect(page.locator("#search")).to_have_value("app 43 read")
        page.wait_for_timeout(200)
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def end() -> None:
        page.evaluate("document.querySelector('#scroller').scrollTop = 1e9")
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    seconds = timed(come)
    print(f"  rows show after {seconds:.2f} s")
    print(f"  jump to the end {timed(end):.2f} s, sort {timed(sort):.2f} s")
    print(
        f"  first search {timed(search):.2f} s (unpacks every column), next {timed(again):.2f} s (0.36 s of them waiting)"
    )
    heap = page.evaluate("performance.memory ? performance.memory.usedJSHeapSize : 0")
    print(f"  script heap {heap / 1e6:.0f} MB")
    page.close()
    return seconds


def main(permissions: int, findings: int) -> int:
    """Writes, opens, prints."""
    run = tenant(permissions, findings)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "audit.html"
        print(f"{permissions:,} permission rows, {findings:,} findings")
        print(f"written in {timed(lambda: write_html(run, file)):.1f} s, {file.stat().st_size / 1e6:.1f} MB")
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(
            f"the writer's peak: {(after - before) / 1024:.0f} MB above {before / 1024:.0f} MB with the run in memory"
        )
        with sync_playwright() as playwright:
            flags = ["--no-sandbox", "--disable-gpu", "--enable-precise-memory-info"]
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
            slowest = 0.0
            for view, rows in (("permissions", permissions), ("findings", findings)):
                print(view)
                slowest = max(slowest, opened(browser, f"{file.as_uri()}#{view}", rows))
            browser.close()
    return int(slowest >= LIMIT)


if __name__ == "__main__":
    sizes = [int(number) for number in sys.argv[1:]] or [1_000_000, 1_000]
    sys.exit(main(sizes[0], sizes[1] if len(sizes) > 1 else 1_000))
