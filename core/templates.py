"""Marketers' texts with merge fields, in Liquid: checked when they are saved, rendered when a command is carried out.

    prospect.*   the record: id, email, score, owner, tags, lists, consent, lead_id, and the catalogue's fields
    owner.*      the user whom the record belongs to: id, name, email
    event.*      the interaction: uid, type, subject, time, ip, user_agent, url, bot, message_id, form.*, data.*; of record
                 triggers tags, lists, delta, by

and mails `unsubscribe_url`. A merge field that does not exist is refused at save; one that is missing at the time renders as
nothing. A template reads what it is given and nothing else: it loads no other templates, and its work is bounded. In HTML
every value is escaped, and no filter says otherwise.

Source: https://shopify.github.io/liquid/, by python-liquid.
"""

from collections.abc import Container, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from liquid import BoundTemplate, Environment
from liquid.exceptions import LiquidError

from schemas.field_catalogue import ATTRIBUTES, EVENT_ATTRIBUTES

__all__ = ["TemplateError", "check_template", "event_scope", "render", "render_html", "scopes"]

_KEPT: Final = 4096
_PROSPECT: Final = frozenset({"id", *ATTRIBUTES})
_OWNER: Final = frozenset({"id", "name", "email"})
_OF_CHANGE: Final = ("tags", "lists", "delta", "by")
_EVENT: Final = frozenset({"uid", "type", "subject", "time", "form", "data", *EVENT_ATTRIBUTES, *_OF_CHANGE})


class TemplateError(ValueError):
    """A template that cannot be rendered. Its text is Liquid's, about the template, and quotes no value."""


class _Bounded(Environment):
    """A thousand times what an honest template needs."""

    context_depth_limit = 20
    loop_iteration_limit = 10_000
    local_namespace_limit = 100_000
    output_stream_limit = 256 * 1024


def _restricted(environment: Environment) -> Environment:
    for tag in ("include", "render"):
        environment.tags.pop(tag, None)
    environment.filters.pop("safe", None)  # a value is never markup
    return environment


_ENVIRONMENT: Final = _restricted(_Bounded())
_HTML: Final = _restricted(_Bounded(autoescape=True))


@lru_cache(maxsize=_KEPT)
def _parsed(text: str, environment: Environment) -> BoundTemplate:
    try:
        return environment.from_string(text)
    except LiquidError as error:
        raise TemplateError(f"is not Liquid: {error.message}") from None


def check_template(text: str, fields: Container[str], names: Container[str] = ()) -> Iterator[str]:
    """Yield what is wrong with a template, `fields` being the catalogue's names and `names` merge fields of their own."""
    try:
        template = _parsed(text, _ENVIRONMENT)
    except TemplateError as error:
        yield str(error)
        return
    found = template.analyze()
    for name in sorted(found.filters.keys() - _ENVIRONMENT.filters.keys()):
        yield f"is not Liquid: there is no filter {name}"
    for path in sorted({tuple(map(str, used.segments)) for uses in found.globals.values() for used in uses}):
        if path[0] not in names and not _exists(path, fields):
            yield f"{'.'.join(path)} is not a merge field"


def _exists(path: tuple[str, ...], fields: Container[str]) -> bool:
    match path:
        case ("prospect", name):
            return name in _PROSPECT or name in fields
        case ("prospect", "tags" | "lists", _):
            return True
        case ("owner", name):
            return name in _OWNER
        case ("event", name, *_):
            return name in _EVENT
        case _:
            return False


def render(text: str, scope: Mapping[str, Any]) -> str:
    """Return the text with its merge fields filled in from what `scopes` gives. Raises TemplateError."""
    return _rendered(text, scope, _ENVIRONMENT)


def render_html(html: str, scope: Mapping[str, Any]) -> str:
    """Return the HTML with its merge fields filled in, escaped. Raises TemplateError."""
    return _rendered(html, scope, _HTML)


def _rendered(text: str, scope: Mapping[str, Any], environment: Environment) -> str:
    try:
        return str(_parsed(text, environment).render(**scope))
    except LiquidError as error:
        raise TemplateError(f"cannot be rendered: {type(error).__name__}") from None


def scopes(
    prospect: Mapping[str, Any], owner: Mapping[str, Any] | None, interaction: Mapping[str, Any]
) -> dict[str, Mapping[str, Any]]:
    """Return what templates read: of a prospect as snapshots hold its values, with its `id`; of its owner; of the
    interaction as commands carry it."""
    values = {**prospect.get("fields", {}), **{name: value for name, value in prospect.items() if name != "fields"}}
    lists: Mapping[str, str] = values.get("lists", {})
    values["lists"] = [list_id for list_id, status in lists.items() if status == "subscribed"]
    return {"prospect": values, "owner": owner or {}, "event": event_scope(interaction)}


def event_scope(interaction: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `event.*` reads."""
    data: Mapping[str, Any] = interaction.get("data") or {}
    direct = {name: data[name] for name in (*EVENT_ATTRIBUTES, *_OF_CHANGE, "form") if name in data}
    envelope = {name: interaction[name] for name in ("uid", "type", "subject", "time") if name in interaction}
    return {**direct, **envelope, "data": data}
