"""Which changes of a contract break those who hold to the old one.

A log is read again years later and clients are not asked before a deployment: whatever the old JSON Schema accepted, the
new one must accept too, and what records promised to contain they go on to contain. Adding optional properties, values
of an enumeration and alternatives is allowed; readers ignore what they do not know.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

_LOWER: Final = ("minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties")
_UPPER: Final = ("maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties")
_SAME: Final = ("pattern", "format", "multipleOf", "uniqueItems")


def breaks(old: Schema, new: Schema, *, record: bool) -> list[str]:
    """Return what the change breaks, each as a place and a sentence; none: it is compatible.

    `record`: readers rely on required properties; of a client's input they only ask.
    """
    return _Comparison(old, new, record=record).of(old, new, "")


class _Comparison:
    """One comparison of two documents: their definitions, and the pairs compared already, which may refer to themselves."""

    def __init__(self, old: Schema, new: Schema, *, record: bool) -> None:
        self._old: Schema = old.get("$defs", {})
        self._new: Schema = new.get("$defs", {})
        self._record = record
        self._compared: dict[tuple[str, str], list[str]] = {}

    def of(self, old: Any, new: Any, at: str) -> list[str]:
        """Compare two schemas that stand at the same place."""
        pair = (_name(old), _name(new))
        if not all(pair):
            return list(self._differences(_resolved(old, self._old), _resolved(new, self._new), at))
        if pair not in self._compared:
            self._compared[pair] = []  # what refers to itself is compatible when the rest is
            self._compared[pair] = list(self._differences(_resolved(old, self._old), _resolved(new, self._new), at))
        return self._compared[pair]

    def _differences(self, old: Schema, new: Schema, at: str) -> Iterator[str]:
        olds, news = _alternatives(old), _alternatives(new)
        if len(olds) > 1 or len(news) > 1:
            for alternative in olds:
                yield from self._among(alternative, news, at)
            return
        yield from _value_differences(old, new, at)
        yield from self._object_differences(old, new, at)
        if "items" in new:
            yield from self.of(old.get("items", {}), new["items"], f"{at}/items")

    def _among(self, old: Any, news: list[Any], at: str) -> Iterator[str]:
        differences = [self.of(old, new, at) for new in news]
        if all(differences):
            closest = min(differences, key=len)
            yield from closest if len(news) == 1 else (f"{at}: no alternative accepts {_described(old)}", *closest)

    def _object_differences(self, old: Schema, new: Schema, at: str) -> Iterator[str]:
        olds, news = old.get("properties", {}), new.get("properties", {})
        for name, schema in olds.items():
            if name in news:
                yield from self.of(schema, news[name], f"{at}/{name}")
            else:
                yield f"{at}/{name}: removed"
        was, now = set(old.get("required", ())), set(new.get("required", ()))
        yield from (f"{at}/{name}: has become required" for name in sorted(now - was))
        if self._record:
            yield from (f"{at}/{name}: is no longer certain" for name in sorted((was - now) & news.keys()))
        others, more = old.get("additionalProperties", True), new.get("additionalProperties", True)
        if others is not False and more is False:
            yield f"{at}: further properties are no longer accepted"
        elif others is not False and more is not True:
            yield from self.of({} if others is True else others, more, f"{at}/*")
        if "propertyNames" in new:
            yield from self.of(old.get("propertyNames", {}), new["propertyNames"], f"{at}/*")


def _name(schema: Any) -> str:
    return str(schema.get("$ref", ""))


def _resolved(schema: Any, definitions: Schema) -> Schema:
    while "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    resolved: Schema = schema
    return resolved


def _alternatives(schema: Schema) -> list[Any]:
    return list(schema.get("anyOf") or schema.get("oneOf") or [schema])


def _described(schema: Any) -> str:
    return str(schema.get("$ref", "").rpartition("/")[2] or schema.get("type") or "anything")


def _value_differences(old: Schema, new: Schema, at: str) -> Iterator[str]:
    was, now = old.get("type"), new.get("type")
    if now is not None and was != now and (was, now) != ("integer", "number"):
        yield f"{at}: was of type {was or 'any'}, is of type {now}"
    if (allowed := _values(new)) is not None:
        lost = [value for value in _values(old) or () if value not in allowed]
        if _values(old) is None:
            yield f"{at}: is limited to {allowed}"
        elif lost:
            yield f"{at}: no longer accepts {lost}"
    yield from (
        f"{at}: {bound} is tighter" for bound in _LOWER if bound in new and not old.get(bound, _NONE) >= new[bound]
    )
    yield from (
        f"{at}: {bound} is tighter" for bound in _UPPER if bound in new and not old.get(bound, -_NONE) <= new[bound]
    )
    yield from (f"{at}: {name} is another" for name in _SAME if name in new and old.get(name) != new[name])


_NONE: Final = float("-inf")


def _values(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    values: list[Any] | None = schema.get("enum")
    return values
