"""OpenAPI tells of every door of ingest, and of none that is not there."""

import re
from inspect import signature
from typing import Any
from unittest.mock import AsyncMock

from jsonschema import Draft202012Validator

from services.ingest.app import application
from services.ingest.openapi import DOORS, openapi

DESCRIPTION = openapi()


def _routes() -> set[tuple[str, str]]:
    app = application(**{name: AsyncMock() for name in signature(application).parameters})
    found = set()
    for route in app.router.routes():
        path = route.resource.canonical if route.resource else ""
        found.add((route.method.lower(), path))
    return found


def test_every_door_is_a_route_and_every_route_a_door() -> None:
    """A route with a name of some in its path stands for the doors of these names."""
    told = {(door.method, door.path) for door in DOORS}
    met: set[tuple[str, str]] = set()
    for method, pattern in _routes() - {("get", "/openapi.json"), ("head", "/openapi.json")}:
        doors = {door for door in told if _fits(pattern, door[1]) and method in (door[0], "*", "head")}
        assert doors, (method, pattern)
        met |= doors
    assert met == told


def _fits(pattern: str, path: str) -> bool:
    """Tell whether a route serves a door: what both call a name is one, and a name of the route may be any word of the door."""
    named = re.escape(pattern).replace(r"\{kind\}", "[a-z]+").replace(r"\{service\}", "[a-z]+")
    return re.fullmatch(named, path) is not None


def test_schemas_are_schemas_and_references_lead_somewhere() -> None:
    schemas = DESCRIPTION["components"]["schemas"]
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    names = {reference.rpartition("/")[2] for reference in _references(DESCRIPTION)}
    assert names <= schemas.keys()
    assert {"PostedEvent", "Problem"} <= names


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for path in DESCRIPTION["paths"].values() for operation in path.values()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9_]+", name) for name in names)


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(_references(each) for each in value.values()))
    if isinstance(value, list):
        return set().union(*(_references(each) for each in value))
    return set()
