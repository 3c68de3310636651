from pathlib import Path

import pytest

from tests.benchmarks import report
from tests.benchmarks.figures import Bar, Figure, Limit

CONDITIONS = {
    "date": "2026-11-25",
    "commit": "abc",
    "repeats": 3,
    "scale": 1.0,
    "mix": "record",
    "machine": {"load_before": 0.1},
}
PAGE = "# Page\n<!-- bench:speed -->\nold\n<!-- /bench:speed -->\nafter\n"


@pytest.fixture
def figure() -> Figure:
    figure = Figure(
        "speed",
        "Speed",
        ("items/s", "cores"),
        bars=(Bar("of the floor", "ours", "floor", "items/s", 0.5),),
        limits=(Limit("cores", "ours", "cores", 0.4),),
    )
    for ours, floor in ((10, 20), (40, 50), (60, 100)):
        figure.add("ours", items_s=ours, cores=0.5)
        figure.add("floor", items_s=floor)
    return figure


def test_a_bar_is_the_median_of_the_ratios_and_not_the_ratio_of_the_medians(figure: Figure) -> None:
    assert figure.ratio(figure.bars[0]) == 0.6
    assert list(report.bars(figure)) == [
        "of the floor: 0.60 (at least 0.5: kept)",
        "cores: 0.50 (at most 0.4: MISSED)",
    ]


def test_a_result_becomes_the_pages_table_and_the_rest_of_the_page_stays(figure: Figure, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    report.write(tmp_path / "results", [figure], CONDITIONS)

    assert report.render(tmp_path / "results", page) == ["speed"]
    assert report.render(tmp_path / "results", page) == ["speed"]
    lines = page.read_text().splitlines()
    assert lines[0] == "# Page"
    assert lines[-1] == "after"
    assert "| ours | 40.0 | 0.50 |" in lines
    assert "| floor | 50.0 |  |" in lines
    assert "old" not in lines


def test_a_result_without_a_place_in_the_page_is_told(figure: Figure, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Page\n")
    report.write(tmp_path / "results", [figure], CONDITIONS)
    with pytest.raises(LookupError, match="speed"):
        report.render(tmp_path / "results", page)


def test_a_column_that_a_figure_has_not_is_a_mistake(figure: Figure) -> None:
    with pytest.raises(KeyError, match="heat"):
        figure.add("ours", heat=1)
