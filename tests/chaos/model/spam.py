"""The spam rule: the fifth of its kind inside five minutes is discarded; of submissions, whatever the form."""

from collections import defaultdict
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

WINDOW = timedelta(seconds=300)
ALLOWED = 4
UNSUBSCRIBED = "list_email.unsubscribed"
"""Always honoured."""
SUBMITTED = "form.submitted"
COUNTED_AT_THE_DOOR = "form:"
"""How the sources of the form endpoint begin."""


class SpamWindow:
    """One prospect's attempts by asset, trigger and address. Refused ones count too."""

    def __init__(self) -> None:
        self._attempts: dict[tuple[str, str, str], list[datetime]] = defaultdict(list)

    def discards(self, event: dict[str, Any], now: datetime) -> bool:
        """Count an attempt and say whether it is one too many."""
        address = (event.get("data") or {}).get("ip")
        if event["type"] == SUBMITTED and event["source"].startswith(COUNTED_AT_THE_DOOR):
            return False
        if not address or event["type"] == UNSUBSCRIBED or event["type"].startswith("prospect."):
            return False
        asset = "any form" if event["type"] == SUBMITTED else event["subject"]
        attempts = self._attempts[asset, event["type"], network(address)]
        earlier = sum(now - attempt < WINDOW for attempt in attempts)
        attempts.append(now)
        return earlier >= ALLOWED


def network(address: str) -> str:
    """Return what counts as one address: an IPv4 address, or the /64 of an IPv6 one; another text as it is."""
    try:
        parsed = ip_address(address.strip())
    except ValueError:
        return address.strip()
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or ip_network((parsed, 64), strict=False))
    return str(parsed)
