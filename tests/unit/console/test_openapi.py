from collections.abc import Iterator
from typing import Any, cast

from jsonschema import Draft202012Validator

from services.chassis.api_keys import ApiKeys
from services.console.app import application
from services.console.openapi import openapi
from services.console.publications import Publications
from services.console.routes import routes
from services.console.settings import Console
from services.console.transactions import Database

CONSOLE = Console()
# Nothing here calls a handler: the table is built, not used.
TABLE = routes(cast("Database", None), cast("Publications", None), CONSOLE)
DESCRIPTION = openapi(TABLE)


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DESCRIPTION["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def test_every_call_that_is_served_is_described() -> None:
    served = {
        (route.method, route.resource.canonical)
        for route in application(TABLE, cast("ApiKeys", None), CONSOLE).router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    assert served == {(method, path) for method, path, _ in operations()} | {("GET", "/openapi.json")}


def test_every_reference_leads_to_a_schema() -> None:
    schemas = DESCRIPTION["components"]["schemas"]
    names = {reference.removeprefix("#/components/schemas/") for reference in references(DESCRIPTION)}
    assert names
    assert names <= schemas.keys()


def test_every_schema_is_json_schema() -> None:
    for schema in DESCRIPTION["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    assert len(DESCRIPTION["components"]["schemas"]) > 40


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)


def test_names_in_a_path_are_parameters() -> None:
    for _, path, operation in operations():
        named = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"}
        assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}


def test_a_call_with_a_body_says_what_a_wrong_one_is_answered() -> None:
    with_body = [operation for _, _, operation in operations() if "requestBody" in operation]
    with_json = [each for each in with_body if "application/json" in each["requestBody"]["content"]]
    assert all({"400", "401", "403", "413", "415"} <= operation["responses"].keys() for operation in with_body)
    assert all("422" in operation["responses"] for operation in with_json)
    assert (len(with_body), len(with_json)) == (28, 27)


def test_an_action_needs_no_id_of_the_client() -> None:
    schema = DESCRIPTION["components"]["schemas"]["AddTags"]
    assert set(schema["required"]) == {"name", "trigger", "type", "params"}
