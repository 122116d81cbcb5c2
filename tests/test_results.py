"""docs/results.md, the README's table and the tables beside the figures are those figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from aecodec.evaluation.denoising.table import VERSIONS as DENOISE_VERSIONS
from aecodec.evaluation.denoising.table import denoise_markdown
from aecodec.evaluation.rd.table import VERSIONS as RD_VERSIONS
from aecodec.evaluation.rd.table import rd_markdown
from aecodec.evaluation.results import read_result, with_provenance
from aecodec.evaluation.speed.table import VERSIONS as SPEED_VERSIONS
from aecodec.evaluation.speed.table import speed_markdown
from benchmarks.write_docs import PAGE, README, RESULTS, result_files, results_page, with_table

AGAIN = "run: python benchmarks/write_docs.py"
TABLES = {
    "rd": (rd_markdown, RD_VERSIONS),
    "denoise": (denoise_markdown, DENOISE_VERSIONS),
    "speed": (speed_markdown, SPEED_VERSIONS),
}


def test_the_page_and_the_readme_are_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == results_page(RESULTS), AGAIN
    readme = README.read_text("utf-8")
    assert readme == with_table(readme, RESULTS), AGAIN


@pytest.mark.parametrize(
    "file",
    [file for file in result_files(RESULTS) if file.stem in TABLES],
    ids=lambda file: f"{file.parent.name}/{file.stem}",
)
def test_tables_are_of_the_figures_beside_them(file: Path) -> None:
    result = read_result(file)
    tables, versions = TABLES[file.stem]
    expected = with_provenance(tables(result["figures"]), result, versions)
    assert file.with_suffix(".md").read_text("utf-8") == expected


def test_every_result_says_where_it_comes_from_or_that_it_is_not_recorded() -> None:
    for file in result_files(RESULTS):
        if file.stem != "autoencoders":  # of which each section says so
            assert {"name", "command", "commit", "date", "machine"} < set(read_result(file)), file
        text = file.with_suffix(".md").read_text("utf-8")
        assert "commit not recorded" in text or "; commit " in text, file


def test_marks_must_be_there() -> None:
    with pytest.raises(ValueError, match="lacks"):
        with_table("# aecodec\n", RESULTS)
