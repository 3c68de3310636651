from pathlib import Path

import pytest

from services.chassis.sql_files import load_sql


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "queries.sql"


def test_each_name_leads_to_its_statement(file: Path) -> None:
    file.write_text("-- About.\n\n-- name: one\nSELECT 1\n\n-- name: two\n-- why\nSELECT 2\nFROM x\n")
    assert load_sql(file) == {"one": "SELECT 1", "two": "-- why\nSELECT 2\nFROM x"}


@pytest.mark.parametrize(
    "text", ["SELECT 1", "-- name: a\nSELECT 1\n-- name: a\nSELECT 2", "-- name: a\n\n-- name: b\nSELECT 1"]
)
def test_a_statement_without_a_name_or_a_name_without_its_own_statement_is_refused(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(ValueError, match=file.name):
        load_sql(file)
