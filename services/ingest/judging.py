"""What an event must satisfy beyond its form: an asset of its kind that still exists, a believable time, somebody named."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from schemas.interactions import OWN_SOURCES
from services.chassis.api_keys import ApiKey
from services.chassis.problems import FieldError, Problem
from services.ingest.identity import Address
from services.ingest.posted import Posted
from services.ingest.settings import Ingest


class Assets(Protocol):
    """The assets that are known here."""

    def asset(self, asset_id: str) -> Mapping[str, Any] | None:
        """Return an asset's newest record."""
        ...


def require_sources(items: Sequence[Posted], key: ApiKey) -> None:
    """Return if the key may speak for every source; for our own doors none may. Raises Problem 403."""
    sources = {item.event.source for item in items}
    foreign = {source for source in sources if not key.may_send_as(source) or source.startswith(OWN_SOURCES)}
    if foreign:
        errors = [
            item.error("/source", "is not a source of this key") for item in items if item.event.source in foreign
        ]
        raise Problem(403, "foreign-source", "This key may not send as that source", errors=errors[:100])


def broken_rules(items: Sequence[Posted], assets: Assets, now: datetime, ingest: Ingest) -> list[FieldError]:
    """Return all that is wrong with the items."""
    past, future = timedelta(days=ingest.past_max_days), timedelta(days=-ingest.future_max_days)
    errors: list[FieldError | None] = []
    for item in items:
        errors.append(_about_asset(item, assets.asset(item.event.subject)))
        errors.append(_about_person(item))
        if not future <= now - item.event.time <= past:
            span = f"{ingest.past_max_days} days past to {ingest.future_max_days} ahead of the server's clock"
            errors.append(item.error("/time", f"is not within {span}"))
    return [error for error in errors if error is not None]


def _about_asset(item: Posted, asset: Mapping[str, Any] | None) -> FieldError | None:
    if asset is None:
        return item.error("/subject", "is not the id of an asset")
    if asset.get("status") == "deleted":
        return item.error("/subject", "is the id of a deleted asset")
    if item.event.type.partition(".")[0] != asset["kind"]:
        return item.error("/type", f"is not a type of this asset, whose kind is {asset['kind']}")
    return None


def _about_person(item: Posted) -> FieldError | None:
    if item.key is None:
        return item.error("/prospectid", "names nobody: prospectid, anonymousid or data.email is needed")
    if isinstance(item.key, Address) and not item.key.well_formed:
        return item.error("/data/email", "is not an e-mail address")
    return None
