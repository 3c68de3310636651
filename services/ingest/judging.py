"""What an event must satisfy beyond its form: an asset of its kind that still exists, a believable time, somebody named."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from schemas.interactions import OWN_SOURCES
from services.chassis.api_keys import ApiKey
from services.chassis.problems import FieldError, Problem
from services.ingest.identity import Address, record_key
from services.ingest.posted import Posted
from services.ingest.settings import Ingest


class Assets(Protocol):
    """The assets that are known here."""

    def asset(self, asset_id: str) -> Mapping[str, Any] | None:
        """Return an asset's newest record."""
        ...


def require_sources(items: Sequence[Posted], key: ApiKey) -> None:
    """Return if the key may speak for every source; for our own doors none may. Raises Problem 403."""
    errors = [
        item.error("/source", "is not a source of this key")
        for item in items
        if not key.may_send_as(item.event.source) or item.event.source.startswith(OWN_SOURCES)
    ]
    if errors:
        raise Problem(403, "foreign-source", "This key may not send as that source", errors=errors[:100])


def broken_rules(items: Sequence[Posted], assets: Assets, now: datetime, ingest: Ingest) -> list[FieldError]:
    """Return all that is wrong with the items."""
    earliest = now - timedelta(days=ingest.past_max_days)
    latest = now + timedelta(days=ingest.future_max_days)
    errors = []
    for item in items:
        errors += _about_asset(item, assets.asset(item.event.subject))
        errors += _about_person(item)
        if not earliest <= item.event.time <= latest:
            span = f"{ingest.past_max_days} days past to {ingest.future_max_days} ahead of the server's clock"
            errors.append(item.error("/time", f"is not within {span}"))
    return errors


def _about_asset(item: Posted, asset: Mapping[str, Any] | None) -> list[FieldError]:
    if asset is None:
        return [item.error("/subject", "is not the id of an asset")]
    if asset.get("status") == "deleted":
        return [item.error("/subject", "is the id of a deleted asset")]
    if item.event.type.partition(".")[0] != asset["kind"]:
        return [item.error("/type", f"is not a type of this asset, whose kind is {asset['kind']}")]
    return []


def _about_person(item: Posted) -> list[FieldError]:
    match record_key(item.event):
        case None:
            return [item.error("/prospectid", "names nobody: prospectid, anonymousid or data.email is needed")]
        case Address() as address if not address.well_formed:
            return [item.error("/data/email", "is not an e-mail address")]
        case _:
            return []
