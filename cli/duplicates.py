"""`aecodec duplicates` and `compare`."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aecodec.files import refuse_to_overwrite

from .batch import explain, named
from .hash_common import (
    PANEL,
    Backend,
    Html,
    Index,
    Model,
    Quiet,
    bits_option,
    code_of,
    load_hasher,
    match_card,
    match_json,
    progress_bar,
    write_html,
)
from .inputs import keep_inputs
from .options import AsJson, Force, inputs, noting, say, tell

if TYPE_CHECKING:
    from aecodec.hashing.calibration import Calibration, Threshold
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
    from aecodec.hashing.index import ImageIndex

    if as_json and as_csv:
        raise typer.BadParameter("--json and --csv exclude each other; give one of them")
    with ImageIndex(index, backend=backend) as opened, noting():
        refuse_to_overwrite(html, force)
        keep_inputs(html, opened.path)
        threshold, words = _threshold(lambda: opened.calibration, opened.bits, max_distance, fpr)
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
        print(
            json.dumps(
                {
                    "max_distance": threshold,
                    "threshold": words,
                    "groups": [
                        {
                            "keep": match_json(_kept(group)),
                            "duplicates": [*map(match_json, group.duplicates)],
                        }
                        for group in groups
                    ],
                },
                indent=2,
            )
        )
    elif as_csv:
        _print_csv(groups)
    else:
        for group in groups:
            tell(f"keep  {group.keep.path}")
            for match in group.duplicates:
                tell(f"  {match.distance:>3}  {match.entry.path}")
    if not quiet:
        say(summary)


def _threshold(
    calibration: Callable[[], Calibration], bits: int, max_distance: int | None, fpr: float | None
) -> tuple[int, str]:
    """Bits that may differ, and what is known of that, in words."""
    from aecodec.errors import AecodecError
    from aecodec.hashing.calibration import DEFAULT_FPR

    if max_distance is not None and fpr is not None:
        raise typer.BadParameter("--max-distance and --fpr exclude each other; give one of them")
    if max_distance is not None:
        try:
            return max_distance, _words(calibration().at(bits, max_distance), bits)
        except AecodecError:  # not calibrated, but the distance is given
            return max_distance, f"at most {max_distance} of {bits} bits differ"
    fpr = DEFAULT_FPR if fpr is None else fpr
    threshold = calibration().threshold(bits, fpr)
    if threshold.distance < 0:
        raise AecodecError(
            f"no distance of {bits} bits is as rare as {fpr:g} among different photos;"
            " give a larger --fpr, or --max-distance"
        )
    return threshold.distance, _words(threshold, bits)


def _words(threshold: Threshold, bits: int) -> str:
    return (
        f"at most {threshold.distance} of {bits} bits differ, as measured for {threshold.fpr:.2g}"
        f" of {threshold.pairs:,} pairs of different photos and {threshold.tpr:.1%} of altered copies"
    )


def _kept(group: Group) -> Match:
    from aecodec.hashing.duplicates import Match

    return Match(group.keep, 0)


def _print_csv(groups: Sequence[Group]) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(["group", "keep", "distance", "path", "width", "height", "bytes"])
    for number, group in enumerate(groups, 1):
        for match in [_kept(group), *group.duplicates]:
            facts = match_json(match)
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
    model: Model = None,
    bits: Annotated[int | None, bits_option("the longest")] = None,
    max_distance: _MaxDistance = None,
    fpr: _Fpr = None,
    as_json: AsJson = False,
) -> None:
    """Tell whether two images are the same but for an alteration.

    Exit code 0: the same, 1: different, 2: they could not be compared.
    """
    from aecodec.errors import AecodecError

    try:
        distance, limit, length, words = _compare(a, b, model, bits, max_distance, fpr)
        same = distance <= limit
        verdict = "same" if same else "different"
        facts = {"distance": distance, "bits": length, "max_distance": limit, "verdict": verdict}
        if as_json:
            text = json.dumps({"a": str(a), "b": str(b), **facts}, indent=2)
        else:
            text = f"{verdict}: {distance} of {length} bits differ (the same if {words})"
        print(text, flush=True)
    except (AecodecError, OSError, MemoryError) as error:  # 1 would mean "different"
        say(f"error: {explain(error)}")
        raise typer.Exit(2) from None
    if not same:
        raise typer.Exit(1)


def _compare(
    a: Path,
    b: Path,
    model: str | None,
    bits: int | None,
    max_distance: int | None,
    fpr: float | None,
) -> tuple[int, int, int, str]:
    """(distance, largest distance of the same, code length, what that means)."""
    from aecodec.errors import AecodecError
    from aecodec.hashing.hasher import hamming

    hasher = load_hasher(model, bits)
    length = bits or hasher.lengths[-1]

    def calibration() -> Calibration:
        if hasher.calibration is None:
            raise AecodecError("this model was not calibrated; give --max-distance")
        return hasher.calibration

    limit, words = _threshold(calibration, length, max_distance, fpr)
    codes = []
    for path in (a, b):
        try:
            codes.append(code_of(hasher, path)[: length // 8])
        except AecodecError as error:
            raise type(error)(named(path, str(error))) from None
    return hamming(*codes), limit, length, words
