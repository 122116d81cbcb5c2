"""What `pip install .` installs: tests run on a checkout, where nothing can be missing."""

from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_package_is_in_the_wheel() -> None:
    # The list is read as text: Python 3.10 has no tomllib.
    listed = (ROOT / "pyproject.toml").read_text().partition("packages = [")[2].partition("]")[0]
    found = {
        ".".join(file.parent.relative_to(ROOT).parts)
        for room in ("aecodec", "cli")
        for pattern in ("__init__.py", "*.yaml")  # recipes: setuptools counts their folder, too
        for file in (ROOT / room).rglob(pattern)
    }
    names = {line.strip(' ",').replace("aecodec_cli", "cli") for line in listed.split()}
    assert names == found
