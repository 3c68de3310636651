"""A prospect with a real browser: opens a mail, clicks in it, downloads, submits a form, unsubscribes; each counts once."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Page

from tests.support.deployment import Deployment, deployed
from tests.support.reading_room import ReadingRoom, reading_room
from tests.support.smtp_sink import Mailbox, smtp_sink
from tests.support.workspace import Workspace

pytestmark = pytest.mark.slow

EMAIL: Final = "ann@shop.example"
CONTENT: Final = b"%PDF-1.7 " + bytes(range(256)) * 4096
MAIL: Final = """<p>Dear {{{{ prospect.first_name }}}},</p>
<p><a href="{offer}">The offer</a></p>
<p><a href="{brochure}">The brochure</a></p>
<p><a href="{{{{ unsubscribe_url }}}}">No more mails</a></p>"""
POINTS: Final = {
    "opened": 1, "clicked": 10, "downloaded": 1_000, "submitted": 10_000, "unsubscribed": 100_000,
}  # fmt: skip
"""What each interaction adds to the score: its digits tell how often each was carried out."""


@pytest.fixture
async def system(stack_env: Mapping[str, str], tmp_path: Path) -> AsyncIterator[tuple[Deployment, Mailbox]]:
    async with smtp_sink() as box:
        env = {**stack_env, "FA_BLOBS__FOLDER": str(tmp_path / "blobs"), "FA_MAIL__PORT": str(box.port)}
        async with deployed(env, tmp_path) as running:
            yield running, box


@pytest.fixture
async def room() -> AsyncIterator[ReadingRoom]:
    async with reading_room() as opened:
        yield opened


def _scores(*triggers: str) -> list[dict[str, Any]]:
    return [
        {"id": name, "trigger": name, "type": "adjust_score", "params": {"op": "add", "amount": POINTS[name]}}
        for name in triggers
    ]


async def _brochure(work: Workspace, prospect: str) -> str:
    """Host a file and return its address for the prospect."""
    asset = await work.asset(_scores("downloaded"), kind="hosted_file")
    await work.upload(asset, "Brochure.pdf", CONTENT, "application/pdf")
    await work.known(asset, 1, "hosted_file.downloaded")
    return await work.link(asset, prospect)


async def _form(work: Workspace, room: ReadingRoom) -> str:
    """Make a form and return its snippet, as it is to be pasted into a page."""
    guards = {"honeypot": "website", "min_seconds": 1, "nonce": True}
    form = await work.api(
        "POST",
        "/assets",
        {
            "kind": "form",
            "name": "Quote",
            "mapping": {"mail": "email", "branch": "industry"},
            "success_url": room.show("/thanks", "<p>Thank you</p>"),
            **guards,
        },
    )
    await work.save(form["id"], _scores("submitted"))
    await work.known(form["id"], 1, "form.submitted")
    return str((await work.api("GET", f"/assets/{form['id']}/snippet"))["html"])


async def _mailed(work: Workspace, box: Mailbox, offer: str, brochure: str, members: str, system: Deployment) -> None:
    """Send a list e-mail to the list and wait until it has come."""
    texts = {"name": "News", "subject": "News", "html": MAIL.format(offer=offer, brochure=brochure)}
    news = (await work.api("POST", "/templates", texts))["id"]
    await work.save(news, _scores("opened", "clicked", "unsubscribed"))
    await work.known(news, 1, "list_email.opened")
    await work.api("POST", f"/emails/{news}/send", {"list": members})

    async def arrived() -> bool:
        return len(box.received) == 1

    await system.until(arrived)


@pytest.mark.parametrize("part", ["html", "plain"])
async def test_each_thing_that_a_prospect_does_in_a_browser_counts_once(
    part: str, system: tuple[Deployment, Mailbox], room: ReadingRoom, page: Page
) -> None:
    deployment, box = system
    work = deployment.workspace
    members = (await work.api("POST", "/lists", {"name": "Members"}))["id"]
    on_list = [{"id": members, "status": "subscribed"}]
    prospect = await work.prospect(email=EMAIL, fields={"first_name": "Ann"}, lists=on_list)
    offer = room.show("/offer", "<h1>The offer</h1>" + await _form(work, room))
    await _mailed(work, box, offer, await _brochure(work, prospect), members, deployment)
    await page.goto(room.show_mail("/inbox", box.message(0), part))
    offered, brochure, goodbye = [page.get_by_role("link").nth(place) for place in range(3)]

    async with page.expect_popup() as opened:
        await offered.click()
    await _fill_in(await opened.value, offer, f"{room.url}/thanks")

    async with page.context.expect_event("download") as waiting:
        await brochure.click()
    download = await waiting.value
    assert download.suggested_filename == "Brochure.pdf"
    assert (await download.path()).read_bytes() == CONTENT

    async with page.expect_popup() as opened:
        await goodbye.click()
    asked = await opened.value
    button = asked.get_by_role("button", name="Unsubscribe")
    await button.wait_for()
    assert (await work.record(prospect))["lists"] == on_list
    await button.click()
    await asked.get_by_text("You are unsubscribed.").wait_for()

    expected = {
        "list_email.opened": 1 if part == "html" else 0,
        "list_email.clicked": 2,  # the offer and the brochure, which are two links
        "hosted_file.downloaded": 1,
        "form.submitted": 1,
        "list_email.unsubscribed": 1,
    }
    score = sum(POINTS[kind.partition(".")[2]] * times for kind, times in expected.items())

    async def all_there() -> bool:
        return bool((await work.record(prospect))["score"] >= score)

    await deployment.until(all_there)
    record = await work.record(prospect)
    assert (record["score"], record["fields"]["industry"]) == (score, "Construction")
    assert record["lists"] == [{"id": members, "status": "unsubscribed"}]

    async def told() -> bool:  # history follows by itself
        types = Counter(entry["type"] for entry in await work.timeline(prospect))
        return {kind: types[kind] for kind in expected} == expected

    await deployment.until(told)


async def _fill_in(shown: Page, offer: str, thanks: str) -> None:
    """Fill in the form of the page as a person does, and send it."""
    await shown.wait_for_url(offer)
    await shown.wait_for_function("() => document.querySelector('[name=finish-nonce]').value !== ''")
    await shown.wait_for_timeout(1_100)  # the form asks for a second between its display and its submission
    await shown.get_by_label("E-mail").fill(EMAIL.upper())
    await shown.get_by_label("Industry").fill("Construction")
    await shown.get_by_role("button", name="Send").click()
    await shown.wait_for_url(thanks)
