"""What the marketers of the demo have set up: assets, and their action lists with every kind of action that is carried out.

The lists are written to be read as examples, too: nested groups, not, dates, sets, event fields, frequencies and cascades.
"""

from typing import Any, Final

from deploy.demo.criteria import (
    Json,
    action,
    add_tags,
    all_of,
    any_of,
    field,
    none_of,
    remove_tags,
    rule,
    score,
)

USERS: Final = ("demo-ana", "demo-ben", "demo-chloe", "demo-dana", "demo-emre")
AWAY: Final = "demo-emre"
"""Stands in the pools and is disabled."""
NEWSLETTER: Final = "demo-newsletter"
EVENTS: Final = "demo-events"
LISTS: Final = {NEWSLETTER: "Newsletter", EVENTS: "Events near you"}
FIELDS: Final[tuple[Json, ...]] = (
    {"name": "budget", "type": "number", "label": "Budget"},
    {"name": "stage", "type": "picklist", "label": "Stage", "options": ["new", "engaged", "evaluating", "customer"]},
    {
        "name": "interests",
        "type": "multi",
        "label": "Interests",
        "options": ["products", "prices", "training", "careers"],
    },
    {"name": "renewal", "type": "date", "label": "Renewal"},
    {"name": "last_seen", "type": "datetime", "label": "Last seen"},
    {"name": "visits", "type": "number", "label": "Visits"},
)
_HTML: Final = """
<style>p { font-family: sans-serif }</style>
<p>Dear {{ prospect.first_name | default: "friend" }},</p>
<p>your score is {{ prospect.score }}. <a href="https://www.example.com/new?from=mail">See what is new</a>.</p>
<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>
"""
ASSETS: Final[dict[str, Json]] = {
    "pricing": {"kind": "redirect_link", "name": "Pricing page", "target_url": "https://www.example.com/pricing"},
    "spring": {"kind": "redirect_link", "name": "Spring campaign", "target_url": "https://www.example.com/spring"},
    "brochure": {"kind": "hosted_file", "name": "Product brochure"},
    "quote": {
        "kind": "form",
        "name": "Request a quote",
        "mapping": {"email": "email", "branch": "industry", "budget": "budget", "interest": "interests"},
        "success_message": "Thank you, we will call you back.",
    },
    "mail": {
        "kind": "list_email",
        "name": "March newsletter",
        "subject": "What is new, {{ prospect.first_name | default: 'friend' }}",
        "html": _HTML,
    },
}


def lists(template: str, hooks: str) -> dict[str, list[Json]]:
    """Return every asset's actions, by the asset's key: which template is mailed, and where webhooks go."""
    return {
        "pricing": _pricing(template),
        "spring": _spring(),
        "brochure": _brochure(),
        "quote": _quote(hooks),
        "mail": _mail(),
    }


def _pricing(template: str) -> list[Json]:
    ready = all_of(
        rule("original.score", ">=", 40),
        any_of(
            rule("original.industry", "in", ["construction", "Manufacturing"]), rule("original.budget", ">", 50_000)
        ),
        none_of(rule("original.tags", "anyOf", ["Customer"])),
    )
    return [
        add_tags("tag-visitor", "clicked", ["Pricing visitor"]),
        score("warm-up", "clicked", "add", 10),
        score("ready-to-buy", "clicked", "add", 25, ready),
        add_tags("tag-hot", "clicked", ["hot"], all_of(rule("original.score", ">=", 60))),
        action("give-owner", "clicked", "assign_owner", {"pool": list(USERS)}, all_of(rule("original.owner", "null"))),
        field("note-time", "clicked", "last_seen", "now"),
        remove_tags("cool-down", "clicked", ["hot"], enabled=False),
        action(
            "call-hot",
            "clicked",
            "create_crm_task",
            {
                "title": "Call {{ prospect.first_name | default: prospect.email }}",
                "body": "Score {{ prospect.score }} after a visit to {{ event.subject }}",
                "due": {"business_days": 1},
                "fallback": {"user": USERS[0]},
                "dedupe_key": "call",
            },
            all_of(rule("original.score", ">=", 60)),
        ),
        action(
            "tell-owner",
            "clicked",
            "notify_user",
            {"to": "owner", "text": "{{ prospect.email }} looks at prices", "fallback": {"user": USERS[1]}},
            all_of(rule("original.score", ">=", 40)),
        ),
        action("write", "clicked", "send_email", {"template": template}, all_of(rule("original.score", ">=", 60))),
    ]


def _spring() -> list[Json]:
    newsletter = all_of(rule("event.url", "contains", "utm_source=newsletter"))
    fresh = any_of(rule("original.stage", "null"), rule("original.stage", "=", "new"))
    return [
        add_tags("tag-campaign", "clicked", ["Spring"], frequency={"once": True}),
        score("first-clicks", "clicked", "add", 3, frequency={"first": 3}),
        add_tags("tag-reader", "clicked", ["newsletter reader"], newsletter),
        field("engage", "clicked", "stage", "set", {"value": "engaged"}, fresh),
        add_tags("tag-scanner", "clicked", ["scanner"], all_of(rule("event.bot", "in", ["scanner", "prefetch"]))),
        score(
            "weekly",
            "clicked",
            "add",
            5,
            all_of(rule("original.country", "notIn", ["Japan"])),
            frequency={"once_per": "P7D"},
        ),
        action("subscribe", "clicked", "add_to_list", {"lists": [NEWSLETTER]}, newsletter),
        add_tags("start-loop", "clicked", ["ping"], all_of(rule("original.tags", "allOf", ["looper", "spring"]))),
    ]


def _brochure() -> list[Json]:
    lapsed = all_of(rule("original.renewal", "olderThan", "P90D"), none_of(rule("original.renewal", "null")))
    return [
        add_tags("tag-brochure", "downloaded", ["Brochure"]),
        score("read-on", "downloaded", "add", 20, bounds={"min": 0, "max": 120}),
        field("add-interest", "downloaded", "interests", "append", {"value": ["products"]}),
        remove_tags("no-longer-cold", "downloaded", ["Cold"], all_of(rule("original.tags", "anyOf", ["cold"]))),
        add_tags("tag-lapsed", "downloaded", ["lapsed"], lapsed),
        action(
            "give-dana",
            "downloaded",
            "assign_owner",
            {"user": "demo-dana", "overwrite": "always"},
            any_of(
                rule("original.company", "beginsWith", "north"),
                rule("original.company", "endsWith", "Sons", exact=True),
            ),
        ),
        field("plan-renewal", "downloaded", "renewal", "now", {"offset": "P365D", "only_if_empty": True}),
        score("soon-due", "downloaded", "add", 7, all_of(rule("original.renewal", "withinLast", "P30D"))),
    ]


def _quote(hooks: str) -> list[Json]:
    enterprise = all_of(rule("event.form.team", "=", "Enterprise"))
    likely = all_of(rule("original.score", "between", [30, 1000]), rule("original.consent", "!=", "complained"))
    return [
        field("take-company", "submitted", "company", "copy", {"from": "event.form.company", "only_if_empty": True}),
        field("evaluate", "submitted", "stage", "set", {"value": "evaluating"}),
        score("serious", "submitted", "add", 40, all_of(rule("event.form.budget", ">=", 50_000))),
        add_tags("tag-quote", "submitted", ["Quote", "QUOTE", "sales"]),
        action("convert", "submitted", "convert_to_lead", {"status": "open", "source": "quote form"}, likely),
        action(
            "enterprise-owner",
            "submitted",
            "assign_owner",
            {"pool": list(USERS[:3]), "overwrite": "always"},
            enterprise,
        ),
        action("invite", "submitted", "add_to_list", {"lists": [EVENTS]}, all_of(rule("event.form.news", "=", "yes"))),
        field("note-title", "submitted", "title", "append", {"value": "asked for a quote"}),
        action("tell-sales", "submitted", "fire_webhook", {"url": f"{hooks}/quote"}, likely),
        action("count", "submitted", "execute_lambda", {"function": "hello", "provider": "local"}, enterprise),
    ]


def _mail() -> list[Json]:
    return [
        score("opened", "opened", "add", 1, frequency={"first": 5}),
        score("clicked", "clicked", "add", 5),
        field("count-visit", "clicked", "visits", "increment", {"value": 1}),
        add_tags("tag-clicker", "clicked", ["mail clicker"], all_of(rule("event.message_id", "beginsWith", "march-"))),
        action("leave", "unsubscribed", "remove_from_list", {"lists": [NEWSLETTER, EVENTS]}),
        score("leave-score", "unsubscribed", "subtract", 15, bounds={"min": 0}),
        add_tags("tag-bounced", "bounced", ["bounced"]),
        score("bounced-score", "bounced", "set", 0),
        field("complained", "complained", "stage", "clear"),
    ]


def record_list(run: str) -> list[Json]:
    """Return the run's share of the one list of record triggers. Ids and criteria name the run: others go on beside it."""

    def ours(action_id: str, trigger: str, *rules: Json) -> dict[str, Any]:
        return {
            "action_id": f"{run}-{action_id}",
            "trigger": trigger,
            "criteria": all_of(rule("original.tags", "anyOf", [run]), *rules),
        }

    crossed = (rule("event.after.score", ">=", 100), rule("event.before.score", "<", 100))
    return [
        add_tags(tags=["big fish"], **ours("big-fish", "created", rule("original.budget", ">=", 100_000))),
        add_tags(tags=["moved"], **ours("moved", "updated", rule("original.industry", "changed"))),
        score(op="add", amount=4, **ours("became", "updated", rule("original.stage", "changedTo", "Evaluating"))),
        score(op="add", amount=5, **ours("hot", "tag_added", rule("event.tags", "anyOf", ["hot"]))),
        remove_tags(tags=["ping"], **ours("ping", "tag_added", rule("event.tags", "anyOf", ["ping"]))),
        add_tags(tags=["ping"], **ours("pong", "tag_removed", rule("event.tags", "anyOf", ["ping"]))),
        score(op="add", amount=2, **ours("thaw", "tag_removed", rule("event.tags", "anyOf", ["cold"]))),
        add_tags(tags=["subscriber"], **ours("joined", "list_joined", rule("event.lists", "anyOf", [NEWSLETTER]))),
        remove_tags(tags=["subscriber"], **ours("left", "list_left", rule("event.lists", "anyOf", [NEWSLETTER]))),
        add_tags(tags=["vip"], **ours("vip", "score_changed", *crossed)),
        add_tags(tags=["assigned"], **ours("assigned", "owner_changed", rule("event.depth", "<", 3))),
        score(op="add", amount=50, **ours("converted", "converted")),
    ]
