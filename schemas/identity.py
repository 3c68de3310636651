"""Every id that is computed instead of drawn: the same cause gives the same id, so a repeat collides and never doubles.

UUIDv5 of RFC 9562 §5.5, by hand: `uuid.uuid5` builds two UUID objects for each call, which the evaluator makes per command.
"""

from collections.abc import Callable
from functools import lru_cache
from hashlib import sha1
from uuid import NAMESPACE_URL

_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
"""The hexadecimal digit that holds the variant's two bits, by the digest's."""


def uuid5(namespace: bytes, name: str) -> str:
    """Return the UUIDv5 of `name` in the 16-byte `namespace`, as lower-case text."""
    return _uuid5(sha1(namespace + name.encode(), usedforsecurity=False).hexdigest())


def _uuid5(text: str) -> str:
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"


def _bytes(uuid: str) -> bytes:
    return bytes.fromhex(uuid.replace("-", ""))


def interaction_uid(source: str, event_id: str) -> str:
    """Identify what one source calls `event_id`: the same id from two sources is two interactions."""
    return uuid5(_namespace(source), event_id)


@lru_cache(maxsize=1024)
def _namespace(source: str) -> bytes:
    return _bytes(uuid5(NAMESPACE_URL.bytes, source))


def command_id(uid: str, action_id: str) -> str:
    """Identify one action for one interaction, whatever the version: a re-evaluation after an edit collides."""
    return uuid5(_bytes(uid), action_id)


def command_ids(uid: str) -> Callable[[str], str]:
    """Return `command_id` of this interaction, for many actions: what they have in common is hashed once."""
    of_interaction = sha1(_bytes(uid), usedforsecurity=False)

    def of_action(action_id: str) -> str:
        both = of_interaction.copy()
        both.update(action_id.encode())
        return _uuid5(both.hexdigest())

    return of_action


def cascade_uid(command: str, trigger: str) -> str:
    """Identify the interaction that a command's record change raises."""
    return uuid5(_bytes(command), trigger)


def change_uid(prospect_id: str, version: int, trigger: str) -> str:
    """Identify the interaction that another writer's change of a record raises."""
    return uuid5(_bytes(prospect_id), f"{version}/{trigger}")


def lead_id(prospect_id: str) -> str:
    """Identify the one lead of a prospect: converting twice gives the same."""
    return uuid5(_bytes(prospect_id), "lead")


def position_id(topic: str, partition: int, offset: int) -> str:
    """Identify a record of a topic, so that one poison record is one dead letter however often it is read."""
    return uuid5(NAMESPACE_URL.bytes, f"{topic}/{partition}/{offset}")


def mail_link_id(asset_id: str, url: str) -> str:
    """Identify where a link of a list e-mail leads: the same for everybody whom it is sent to."""
    return uuid5(_namespace(f"/assets/{asset_id}/links"), url)
