"""Makes the picture in the README: the HTML report of the demo tenant in a browser.

    python docs/screenshots.py

Takes the Chromium on the path, else the one that playwright brings.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).resolve().parent / "images" / "report.png"


def main() -> None:
    """Audits the demo tenant and photographs the page."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "auditor", "demo", "--quiet", "--format", "html", "--out", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)  # noqa: S603 (our own command)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(
                viewport={"width": 1280, "height": 860}, color_scheme="light", reduced_motion="reduce"
            )
            page.goto((Path(folder) / "audit.html").as_uri())
            PICTURE.parent.mkdir(exist_ok=True)
            page.screenshot(path=PICTURE)
            browser.close()
    print(f"wrote {PICTURE}")


if __name__ == "__main__":
    main()
