"""The arguments of scripts that measure something."""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path


def arguments(
    about: str | None,
    data: str | None = "folder of photos",
    out: str | None = "folder for the results",
) -> ArgumentParser:
    """A parser that has --data and --out already, as most scripts need them.

    Args:
        about: the script's docstring, which its help shows as it is.
        data, out: what these options are for, both paths that must be given; None: not an option.
    """
    parser = ArgumentParser(description=about, formatter_class=RawDescriptionHelpFormatter)
    for name, purpose in (("--data", data), ("--out", out)):
        if purpose:
            parser.add_argument(name, type=Path, required=True, help=purpose)
    return parser
