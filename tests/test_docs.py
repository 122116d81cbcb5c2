"""README, guides and the rest of docs/: links resolve, commands exist, lengths are kept."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from aecodec_cli.app import app

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
GUIDES = sorted((ROOT / "docs" / "guide").glob("*.md"))
PAGES = sorted([README, ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
COMMANDS = [page for page in PAGES if "lab" not in page.parts]  # diaries have commands of their day


def identifier(page: Path) -> str:
    return str(page.relative_to(ROOT))


def code_blocks(text: str, language: str = "") -> Iterator[str]:
    for block in re.finditer(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        if block[1] == language:
            yield block[2]


def commands(text: str) -> Iterator[list[str]]:
    """The words of each line of a code block, or of an indented one, that calls aecodec."""
    lines = [line for block in code_blocks(text) for line in block.splitlines()]
    lines += [line.strip() for line in text.splitlines() if line.startswith("    aecodec ")]
    for line in lines:
        for part in re.split(r"\s&&\s|\s\|\s|;", re.sub(r"\s#\s.*", "", line)):
            words = shlex.split(part)
            if words and words[0] == "aecodec":
                yield words


def check_command(words: list[str]) -> None:
    """Parse as the command line would, without running anything.

    Raises:
        AssertionError: there is no such command, option or value.
    """
    command: Any = typer.main.get_command(app)
    rest = words[1:]
    while getattr(command, "commands", None) and rest and not rest[0].startswith("-"):
        assert rest[0] in command.commands, f"no command {rest[0]!r}: {shlex.join(words)}"
        command, rest = command.commands[rest[0]], rest[1:]
    if {"--help", "--version"} & set(rest):
        return
    try:
        command.make_context(command.name, rest)
    except Exception as error:  # Click's or Typer's own, depending on Typer's version
        told = error.format_message() if hasattr(error, "format_message") else repr(error)
        folder = re.search("(?:dir|Directory) '(.+)' does not exist", told)
        if not folder:
            pytest.fail(f"{shlex.join(words)}: {told}")
        Path(folder[1]).mkdir(parents=True)  # an example's, which the command wants to be there
        check_command(words)


@pytest.mark.parametrize("page", COMMANDS, ids=identifier)
def test_commands_can_be_called(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if page.name == "cli.md":
        pytest.skip("its usage lines are patterns; tests/cli/test_reference.py sees to it")
    for words in commands(page.read_text("utf-8")):
        check_command(words)


def test_a_wrong_option_is_noticed() -> None:
    for line in ("aecodec compress a.png --qualty 5", "aecodec ae fit no-kind x -o y", "aecodec x"):
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            check_command(shlex.split(line))


@pytest.mark.parametrize("page", COMMANDS, ids=identifier)
def test_python_compiles(page: Path) -> None:
    for block in code_blocks(page.read_text("utf-8"), "python"):
        compile(block, str(page), "exec")


@pytest.mark.parametrize("page", PAGES, ids=identifier)
def test_relative_links_resolve(page: Path) -> None:
    text = re.sub(r"```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\(([^()\s]+)\)", text)
    missing = []
    for target in targets:
        file = target.partition("#")[0]
        if file and "://" not in file and not (page.parent / file).exists():
            missing.append(target)
    assert not missing


def test_paths_that_code_names_in_docs_exist() -> None:
    folders = [ROOT / name for name in ("aecodec", "benchmarks", "cli", "docs", "tests")]
    files = [ROOT / "Makefile", *(f for folder in folders for f in folder.rglob("*.*"))]
    own = [file for file in files if file.is_file() and "node_modules" not in file.parts]
    missing = {
        (str(file.relative_to(ROOT)), name)
        for file in own
        if file.suffix in (".py", ".yaml", ".json", ".md", "") and file.stat().st_size < 1_000_000
        for name in re.findall(r"\bdocs/[\w/]+\.(?:md|py|png|webp)\b", file.read_text("utf-8"))
        if not (ROOT / name).exists()
    }
    assert not missing


def test_places_that_contributors_are_sent_to_exist() -> None:
    text = (ROOT / "docs" / "CONTRIBUTING.md").read_text("utf-8")
    places = re.findall(r"`((?:aecodec|benchmarks|cli|docs|tests)/[\w/.]*)`", text)
    assert len(places) > 30
    assert [place for place in places if not (ROOT / place).exists()] == []


def test_the_readme_is_short() -> None:
    assert len(README.read_text("utf-8").split()) <= 750


@pytest.mark.parametrize("page", GUIDES, ids=identifier)
def test_guides_are_short(page: Path) -> None:
    assert 400 <= len(page.read_text("utf-8").split()) <= 700
