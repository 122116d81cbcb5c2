"""Write docs/results.md and the README's table from the result files of the benchmarks.

python benchmarks/write_docs.py
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from aecodec.evaluation.rd.table import VERSIONS, bd_markdown, short_table
from aecodec.evaluation.results import read_result, with_provenance

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE, README = ROOT / "docs" / "results.md", ROOT / "README.md"
BEGIN, END = "<!-- results: kodak/rd -->\n", "<!-- end of results -->\n"

# Benchmarks in the order of the page; others come last.
_ORDER = (
    "rd",
    "color_video_vdp",
    "speed",
    "footprint",
    "browser_speed",
    "effort",
    "drawn",
    "denoise",
    "pairs",
    "denoise_savings",
    "near_duplicates",
    "verified_duplicates",
    "unlike_folders",
    "duplicates_command",
    "duplicates_speed",
    "cifar10_hashing",
    "index_scale",
    "index_speed",
    "throughput",
    "large",
    "fuzz",
    "autoencoders",
)


def result_files(folder: Path) -> list[Path]:
    """The result files that have tables, in the order of the page; ablations are studies."""

    def place(file: Path) -> tuple[int, bool, str]:
        known = _ORDER.index(file.stem) if file.stem in _ORDER else len(_ORDER)
        return known, file.parent.name != "kodak", str(file)

    files = [f for f in folder.rglob("*.json") if "ablation" not in f.parts]
    return sorted((f for f in files if f.with_suffix(".md").exists()), key=place)


def results_page(folder: Path) -> str:
    """All tables; of rate and distortion without the points."""
    parts = [
        "# Results\n\nWritten by `python benchmarks/write_docs.py` from the files in"
        " [benchmarks/results](../benchmarks/results), each written by the command that it names."
        " Do not edit.\n"
    ]
    for file in result_files(folder):
        parts.append(_section(file, folder))
    return "\n".join(parts)


def _section(file: Path, folder: Path) -> str:
    target = f"../benchmarks/results/{file.relative_to(folder).as_posix()}"
    text, more = file.with_suffix(".md").read_text("utf-8"), f"[All figures]({target})"
    if file.stem == "rd":
        result = read_result(file)
        text = with_provenance(bd_markdown(result["figures"]), result, VERSIONS)
        more += f", [points]({target.removesuffix('json')}md)"
        plots = sorted(file.parent.glob("rd_*.png"), key=lambda plot: plot.name != "rd_psnr.png")
        for plot in plots:
            more += f"\n\n![{plot.stem}]({target.rpartition('/')[0]}/{plot.name})"
    lowered = re.sub(r"^#", "##", text.rstrip("\n"), flags=re.MULTILINE)
    return f"{lowered}\n\n{more}\n"


def with_table(readme: str, folder: Path) -> str:
    """The README with the table between its marks replaced.

    Raises:
        ValueError: a mark is missing.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the README lacks {BEGIN.strip()} or {END.strip()}")
    figures = json.loads((folder / "kodak" / "rd.json").read_text("utf-8"))["figures"]
    return f"{before}{begin}\n{short_table(figures)}\n{end}{after}"


def main() -> None:
    PAGE.write_text(results_page(RESULTS), "utf-8")
    README.write_text(with_table(README.read_text("utf-8"), RESULTS), "utf-8")


if __name__ == "__main__":
    main()
