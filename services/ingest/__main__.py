"""Run it: `python -m services.ingest`."""

from services.blobs.opening import blobs
from services.chassis import postgres
from services.chassis.api_keys import ApiKeys
from services.chassis.listener import Listener
from services.chassis.process import Process, run
from services.chassis.settings import load
from services.ingest.acceptance import Acceptance
from services.ingest.app import application
from services.ingest.asset_cache import AssetCache
from services.ingest.confirming import Confirming
from services.ingest.handlers.confirmations import Confirmations
from services.ingest.handlers.events import Events
from services.ingest.handlers.feeds import Feeds
from services.ingest.handlers.files import Files
from services.ingest.handlers.forms import Forms
from services.ingest.handlers.mails import Mails
from services.ingest.handlers.record_hooks import RecordHooks
from services.ingest.handlers.redirects import Redirects
from services.ingest.handlers.segment import Segments
from services.ingest.identifying import Identifying
from services.ingest.mail_feedback import MailFeedback
from services.ingest.mail_links import MailLinks
from services.ingest.opened_feeds import SnsConfirming, opened_feeds
from services.ingest.outbox import Outbox
from services.ingest.prospects import Prospects
from services.ingest.publisher import Publisher
from services.ingest.served_assets import ServedAssets
from services.ingest.settings import IngestSettings
from services.ingest.submissions import Submissions
from services.ingest.unsubscribing import Unsubscribing
from services.ingest.write_behind import WriteBehind
from services.outbound.calling import caller


async def main(process: Process, settings: IngestSettings) -> None:
    """Follow the definitions, hold a producer, and answer. The database may be away: most events do not need it."""
    ingest, clock = settings.ingest, process.clock
    assets = AssetCache(settings.kafka, clock, ingest.tail)
    publisher = Publisher(settings.kafka, ingest.publishing, clock)
    async with (
        postgres.pool(settings.postgres, application_name="finish-ingest") as pool,
        blobs(settings.blobs) as store,
        caller(settings.webhook) as http,
        process.parts() as parts,
    ):
        prospects = Prospects(pool, timeout_s=ingest.database_timeout_s)
        acceptance = Acceptance(assets, prospects, publisher, clock, ingest)
        keys = ApiKeys(pool, clock, ingest.keys)
        events = Events(keys, acceptance, ingest)
        identifying = Identifying(pool, clock, ingest.database_timeout_s)
        segments = Segments(keys, acceptance, identifying, clock, ingest.segment)
        forms = Forms(Submissions(pool, clock, ingest, settings.tokens.read()), ingest)
        outbox = Outbox(pool, timeout_s=ingest.database_timeout_s)
        behind = WriteBehind(publisher, outbox, clock, ingest.writing_behind)
        served = ServedAssets(assets, pool, ingest)
        redirects = Redirects(settings.tokens.read(), served, behind, clock, ingest.trusted_proxies)
        mails = Mails(
            settings.tokens.read(),
            served,
            MailLinks(pool, ingest.database_timeout_s, ingest.mail_links_max),
            behind,
            Unsubscribing(pool, clock, ingest.database_timeout_s),
            clock,
            ingest.trusted_proxies,
        )
        files = Files(settings.tokens.read(), served, store, behind, clock, ingest.trusted_proxies, ingest.files)
        feedback = MailFeedback(pool, clock, ingest.database_timeout_s)
        feeds = Feeds(opened_feeds(ingest.feeds, http), SnsConfirming(ingest.feeds), feedback, clock, ingest.feeds.body)
        app = application(
            events=events,
            forms=forms,
            redirects=redirects,
            mails=mails,
            files=files,
            feeds=feeds,
            segments=segments,
            confirmations=Confirmations(settings.tokens.read(), Confirming(pool, clock, ingest.database_timeout_s)),
            hooks=RecordHooks(keys, pool, identifying, ingest.record_hooks, ingest.database_timeout_s),
        )
        listener = Listener(app, ingest)
        process.ready_when("definitions", assets.tail.unready)
        process.ready_when("publisher", publisher.unready)
        process.ready_when("http", listener.unready)
        parts.start("definitions", assets.tail.run())
        parts.start("publisher", publisher.run())
        parts.start_draining("http", behind.around(listener.serve(process.stopping)))


if __name__ == "__main__":
    run(main, load(IngestSettings))
