"""A real browser: the distribution's Chromium, without a window."""

import os
import shutil
from collections.abc import AsyncIterator
from typing import Final

import pytest
from playwright.async_api import Page, async_playwright

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_ALONE_AS_ROOT: Final = ["--no-sandbox"]
"""Chromium's sandbox refuses to run as root, as in a container; it opens nothing but pages of these tests."""


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """Yield a page of a fresh browser. Fails where there is no Chromium: what was not seen in one is not shown."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.fail("Chromium is needed (Debian: apt-get install chromium)")
    arguments = _ALONE_AS_ROOT if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=arguments)
        try:
            yield await browser.new_page()
        finally:
            await browser.close()
