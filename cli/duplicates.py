"""`aecodec duplicates` and `compare`."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aecodec.errors import explain
from aecodec.storage.atomic import refuse_to_overwrite
from aecodec.storage.folders import keep_inputs

from .hash_common import PANEL, Backend, Html, Index, bits_option, match_card, write_html
from .options import AsJson, Device, Force, HashWeights, Quiet, inputs
from .output import noting, print_json, progress_bar, say, tell

if TYPE_CHECKING:
    from aecodec.hashing.duplicates import Group, Match
    from aecodec.hashing.gallery import Section
    from aecodec.hashing.index import ImageIndex

_MaxDistance = Annotated[
    int | None,
    typer.Option(min=0, metavar="N", help="Bits that may differ.", show_default="from --fpr"),
]
_Fpr = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        metavar="RATE",
        help="So often may two different photos count as the same.",
        show_default="1e-4",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command(rich_help_panel=PANEL, epilog=_DUPLICATES_EXAMPLES)(duplicates)
    app.command(rich_help_panel=PANEL)(compare)


# ---- duplicates ------------------------------------------------------------------------


_DUPLICATES_EXAMPLES = (
    "[bold]Examples[/]\n"
    "  aecodec duplicates\n"
    "  aecodec duplicates ~/Pictures/phone --keep-dir ~/Pictures/album\n"
    "  aecodec duplicates --fpr 1e-5 --html duplicates.html"
)


def duplicates(
    folders: Annotated[
        list[Path] | None, inputs("[DIR]", "Only images below these, which must be indexed.")
    ] = None,
    max_distance: _MaxDistance = None,
    fpr: _Fpr = None,
    keep_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="REF",
            help="Images below REF are originals, never duplicates.",
            show_default=False,
        ),
    ] = None,
    index: Index = None,
    backend: Backend = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of lines.")] = False,
    html: Html = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Group indexed images that are the same but for an alteration.

    Nothing is deleted. In each group the first image is the one to keep: of REF, else the
    one of most pixels.
    """
    from aecodec.workflows.search import ImageIndex, largest_distance, match_facts

    if as_json and as_csv:
        raise typer.BadParameter("--json and --csv exclude each other; give one of them")
    with ImageIndex(index, backend=backend) as opened, noting():
        refuse_to_overwrite(html, force)
        keep_inputs(html, opened.path)
        threshold, words = largest_distance(
            lambda: opened.calibration, opened.bits, max_distance, fpr
        )
        with progress_bar(quiet) as progress:
            groups = opened.duplicates(
                threshold, *(folders or ()), keep=keep_dir, progress=progress
            )
        extra = sum(len(group.duplicates) for group in groups)
        size = sum(group.reclaimable for group in groups)
        summary = f"{len(groups)} groups, {extra} duplicates of {size:,} bytes; {words}"
        if html:
            write_html(
                html, "Duplicates", summary, _duplicate_sections(opened, groups), force, quiet
            )
    if as_json:
        found = [
            {"keep": match_facts(_kept(group)), "duplicates": [*map(match_facts, group.duplicates)]}
            for group in groups
        ]
        print_json({"max_distance": threshold, "threshold": words, "groups": found})
    elif as_csv:
        _print_csv(groups)
    else:
        for group in groups:
            tell(f"keep  {group.keep.path}")
            for match in group.duplicates:
                tell(f"  {match.distance:>3}  {match.entry.path}")
    if not quiet:
        say(summary)


def _kept(group: Group) -> Match:
    from aecodec.hashing.duplicates import Match

    return Match(group.keep, 0)


def _print_csv(groups: Sequence[Group]) -> None:
    from aecodec.workflows.search import match_facts

    writer = csv.writer(sys.stdout)
    writer.writerow(["group", "keep", "distance", "path", "width", "height", "bytes"])
    for number, group in enumerate(groups, 1):
        for match in [_kept(group), *group.duplicates]:
            facts = match_facts(match)
            keep = "yes" if match.entry is group.keep else "no"
            values = [facts[name] for name in ("distance", "path", "width", "height", "bytes")]
            writer.writerow([number, keep, *values])


def _duplicate_sections(opened: ImageIndex, groups: Sequence[Group]) -> list[Section]:
    from aecodec.hashing.gallery import Section

    sections = []
    for number, group in enumerate(groups, 1):
        ids = [group.keep.id, *(match.entry.id for match in group.duplicates)]
        thumbnails = opened.thumbnails(ids)
        kept = match_card(_kept(group), thumbnails.get(group.keep.id), "keep")
        rest = [match_card(match, thumbnails.get(match.entry.id)) for match in group.duplicates]
        sections.append(Section(f"Group {number}: {len(ids)} images", [kept, *rest]))
    return sections


# ---- compare ---------------------------------------------------------------------------


def compare(
    a: Annotated[Path, typer.Argument(metavar="A", show_default=False)],
    b: Annotated[Path, typer.Argument(metavar="B", show_default=False)],
    weights: HashWeights = None,
    bits: Annotated[int | None, bits_option("the longest")] = None,
    max_distance: _MaxDistance = None,
    fpr: _Fpr = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Tell whether two images are the same but for an alteration.

    Exit code 0: the same, 1: different, 2: they could not be compared.
    """
    from aecodec.errors import AecodecError
    from aecodec.workflows.search import compare as compare_images

    try:
        found = compare_images(
            a,
            b,
            weights=weights,
            bits=bits,
            max_distance=max_distance,
            fpr=fpr,
            device=device,
        )
        verdict = "same" if found.same else "different"
        if as_json:
            facts = {
                "distance": found.distance,
                "bits": found.bits,
                "max_distance": found.max_distance,
                "verdict": verdict,
            }
            print_json({"a": str(a), "b": str(b), **facts})
        else:
            differ = f"{found.distance} of {found.bits} bits differ"
            print(f"{verdict}: {differ} (the same if {found.threshold})")
        sys.stdout.flush()
    except (AecodecError, OSError, MemoryError) as error:  # 1 would mean "different"
        say(f"error: {explain(error)}")
        raise typer.Exit(2) from None
    if not found.same:
        raise typer.Exit(1)
