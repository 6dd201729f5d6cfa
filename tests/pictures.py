"""The pictures of the board in docs/images: `python -m tests.pictures docs/images`.

Plays the demo and takes each view once the crisis has been told and spoken of for a while. The PNGs
are as a reader at a desk sees them; one is of a phone, dark and in Chinese. Needs Chromium; takes
about four minutes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.stream.board.browsing import CHROMIUM, FLAGS

PORT = 18080
URL = f"http://127.0.0.1:{PORT}"
DESK = {"viewport": {"width": 1440, "height": 900}, "locale": "en-GB"}
PHONE = {"viewport": {"width": 390, "height": 844}, "locale": "zh-CN", "color_scheme": "dark"}
STARTS_WITHIN = 180  # seconds
GROWS_FOR = 25_000  # ms from the first alert to the picture: half an hour of the demo's time


def main() -> int:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images")
    with playing(), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_context(**DESK).new_page()
        page.goto(URL)
        page.wait_for_selector(".alert.open .telling", timeout=STARTS_WITHIN * 1000)
        page.wait_for_timeout(GROWS_FOR)
        take(page, folder / "board-now.png")
        phone = browser.new_context(**PHONE).new_page()
        phone.goto(URL)
        phone.wait_for_selector(".alert.open .telling")
        take(phone, folder / "board-phone.png")
        for name, link in views(page):
            page.goto(f"{URL}/{link}")
            settle(page)
            if name == "rules":
                page.click(".rules-view form .main")
                page.wait_for_selector(".rules-view .totals", timeout=90_000)
            take(page, folder / f"board-{name}.png")
        browser.close()
    return 0


def take(page: Any, file: Path) -> None:
    """Half as large in 256 colours, and looks the same."""
    Image.open(BytesIO(page.screenshot())).quantize(256).save(file, optimize=True)


def views(page: Any) -> Iterator[tuple[str, str]]:
    """Each view's name and link, of what the crisis is about."""
    title = page.locator(".alert.open h3 a").first
    brand, incident = title.locator("bdi").first.text_content(), title.get_attribute("href")
    post = page.locator("#posts .post.negative .where a").first.get_attribute("href")
    yield "brand", f"#/brand/{brand}?last=6h"
    yield "incident", incident
    yield "post", post
    yield "rules", "#/rules"
    yield "health", "#/health"


def settle(page: Any) -> None:
    """Every part has its answer, and what moves has come to rest."""
    page.wait_for_selector("#view:not(:has([aria-busy=true])) .panel")
    page.wait_for_timeout(1_500)


@contextmanager
def playing() -> Iterator[None]:
    """The demo, until the pictures are taken."""
    command = [sys.executable, "-m", "stream", "demo", "--json"]
    environment = {**os.environ, "UNDERTONE_WEB__PORT": str(PORT)}
    demo = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        ends = time.monotonic() + STARTS_WITHIN
        while not answers():
            if demo.poll() is not None or time.monotonic() > ends:
                raise SystemExit("the demo did not start; see what it said above")
            time.sleep(0.5)
        yield
    finally:
        demo.terminate()
        demo.wait(30)


def answers() -> bool:
    try:
        with urlopen(f"{URL}/healthz", timeout=2):
            return True
    except (URLError, OSError):
        return False


if __name__ == "__main__":
    sys.exit(main())
