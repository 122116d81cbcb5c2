"""What the commands say of folders of pictures of which no two are the same.

    python -m benchmarks.duplicates_command documents --out benchmarks/results/duplicates_command

Every folder in the one that is given is a class of its own: `aecodec index` reads it, `aecodec
duplicates` is asked as it is and with `--verify none`, and `aecodec compare` for each picture and
the next one. What is counted is what the commands print, and their exit codes.
"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from typer.testing import CliRunner

from aecodec.evaluation.arguments import arguments
from aecodec.evaluation.results import markdown_table, write_result
from aecodec_cli.app import app  # type: ignore[import-not-found]  # cli, as it is installed


def run(*words: object) -> tuple[int, str]:
    """A command's exit code, and what it printed.

    Raises:
        RuntimeError: it could not do its work.
    """
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exit_code not in (0, 1):
        raise RuntimeError(f"{words[0]}: exit code {done.exit_code}: {done.output}")
    return done.exit_code, done.stdout


def duplicates_in(index: Path, *options: str) -> int:
    """How many pictures are called duplicates of others."""
    _, printed = run("duplicates", "--index", index, "--json", "--quiet", *options)
    return sum(len(group["duplicates"]) for group in json.loads(printed)["groups"])


def in_folder(folder: Path, most: int) -> dict[str, Any]:
    """What the commands say of it; at most so many pairs are compared."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    pairs = [*zip(files, files[1:], strict=False)][:most]
    with TemporaryDirectory() as scratch:
        index = Path(scratch) / "index.sqlite3"
        run("index", folder, "--index", index, "--quiet")
        called, by_codes = duplicates_in(index), duplicates_in(index, "--verify", "none")
    same = [(a.name, b.name) for a, b in pairs if run("compare", a, b)[0] == 0]
    return {
        "pictures": len(files),
        "duplicates": called,
        "by_codes": by_codes,
        "compared": len(pairs),
        "same": same,
    }


def table(figures: dict[str, dict[str, Any]]) -> str:
    rows = [
        [
            name,
            *(str(row[key]) for key in ("pictures", "by_codes", "duplicates", "compared")),
            str(len(row["same"])),
        ]
        for name, row in figures.items()
    ]
    worst = max(row["duplicates"] for row in figures.values())
    columns = ["", "pictures", "`--verify none`", "`duplicates`", "compared", "`compare`: same"]
    return (
        "# Commands on folders of unlike pictures\n\nHow many pictures `aecodec duplicates` calls"
        " duplicates of others in a folder of each class, of which no two pictures are the same,"
        " and for how many pairs `aecodec compare` ends with exit code 0. The worst class has"
        f" {worst}.\n\n" + markdown_table(columns, rows)
    )


def main() -> None:
    parser = arguments(__doc__, data=None)
    parser.add_argument("folder", type=Path, help="folder with a folder for each class")
    parser.add_argument("--compared", type=int, default=40, help="pairs of each class, at most")
    args = parser.parse_args()
    figures = {}
    for folder in sorted(path for path in args.folder.iterdir() if path.is_dir()):
        figures[folder.name] = in_folder(folder, args.compared)
        print(folder.name, figures[folder.name], flush=True)
    text = table(figures)
    write_result(args.out / "duplicates_command.json", figures, text)
    print(text)


if __name__ == "__main__":
    main()
