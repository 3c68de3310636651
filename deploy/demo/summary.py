"""The end of the demo: figures, a few explanations, and what a reader would type next."""

from typing import Any, Final

from deploy.demo.api import Api
from deploy.demo.gauges import Counts
from deploy.demo.screen import Screen
from deploy.demo.verification import Findings

_SHOWN_MAX: Final = 20
_EXAMPLES: Final = ("fired", "cascade", "spam", "loop")


def tell_figures(screen: Screen, accepted: int, findings: Findings, counts: Counts | None, took_s: float) -> None:
    """Show what was played and what came of it."""
    discarded = ", ".join(f"{count} {reason}" for reason, count in sorted(findings.discarded.items())) or "none"
    outcomes = ", ".join(f"{count} {state}" for state, count in findings.outcomes.most_common())
    screen.say()
    screen.say(f"accepted      {accepted} events, {findings.duplicates} of them a repeat, in {took_s:.1f} s")
    screen.say(
        f"decided       {findings.interactions} interactions, {findings.cascades} raised by effects; discarded: {discarded}"
    )
    screen.say(f"effects       {outcomes}")
    mails, hooks = (len(findings.sent[kind]) for kind in ("send_email", "fire_webhook"))
    screen.say(f"arrived       {mails} mails, {hooks} webhooks, each once")
    if counts is not None and (latency := counts.latency()) is not None:
        screen.say(f"latency       {latency} from acceptance to effect")


def tell_result(screen: Screen, findings: Findings, prospects: int) -> None:
    """Show the verdict, with the first differences if there are any."""
    if not findings.differences:
        screen.say(
            f"checked       {prospects} records and {sum(findings.outcomes.values())} commands: each once, nothing else"
        )
        return
    screen.say(f"checked       {len(findings.differences)} differences from what must be there:")
    for difference in findings.differences[:_SHOWN_MAX]:
        screen.say(f"  {difference}")
    if len(findings.differences) > _SHOWN_MAX:
        screen.say(f"  and {len(findings.differences) - _SHOWN_MAX} more")


async def tell_why(screen: Screen, api: Api, findings: Findings) -> None:
    """Show a few explanations, as the API gives them."""
    for kind in _EXAMPLES:
        if kind in findings.examples:
            uid = findings.examples[kind].uid
            for line in _why(await api.console("GET", f"/interactions/{uid}")):
                screen.say(line)


def tell_next(screen: Screen, api: Api, source: str, asset_id: str, prospect_id: str, uid: str) -> None:
    """Show what to paste into a shell: one interaction more, and why one did what it did."""
    ingest, console, key = api.address.ingest, api.address.console, api.address.api_key
    stamps = '"specversion": "1.0", "id": "\'$(date +%s)\'", "time": "\'$(date -u +%FT%TZ)\'"'
    names = (
        f'"source": "{source}", "type": "redirect_link.clicked", "subject": "{asset_id}", "prospectid": "{prospect_id}"'
    )
    screen.say()
    screen.say(
        f"ingest {ingest}   console {console}   API {console}/openapi.json   mail and webhooks {api.address.mail}"
    )
    screen.say("One click more, and why an interaction did what it did:")
    screen.say()
    screen.say(f"  curl -s {ingest}/v1/events -H 'Authorization: Bearer {key}' \\")
    screen.say(f"    -H 'Content-Type: application/cloudevents+json' -d '{{{stamps}, {names}}}'; echo")
    screen.say(f"  curl -s {console}/api/interactions/{uid} -H 'Authorization: Bearer {key}'; echo")
    screen.say()


def _why(account: dict[str, Any]) -> list[str]:
    decision = account["decision"]
    discarded = f", discarded: {decision['reason']}" if decision["reason"] else ""
    lines = [
        f"why {account['type']} {account['uid']}, version {decision['version']}, depth {account['depth']}{discarded}"
    ]
    states = {command["action_id"]: command["outcome"]["state"] for command in account["commands"]}
    for action in decision["actions"]:
        if action["reason"] != "trigger":
            end = states[action["id"]] if action["fired"] else f"not fired: {action['reason']}"
            lines.append(f"  {action['id']:<28} {end:<24} {_conditions(action)}".rstrip())
    others = sum(action["reason"] == "trigger" for action in decision["actions"])
    return ["", *lines, *([f"  and {others} of other triggers"] if others else [])]


def _conditions(action: dict[str, Any]) -> str:
    return "; ".join(
        f"{rule['field']} {rule['operator']} {rule['expected']!r}, saw {rule['seen']!r}"
        for rule in action["conditions"]
    )
