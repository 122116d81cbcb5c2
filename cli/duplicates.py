"""`aecodec duplicates` and `compare`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from aecodec.errors import explain
from aecodec.progress import is_watched, progress_bar
from aecodec.storage.atomic import refuse_to_overwrite

from .hash_common import PANEL, Backend, Html, Index, bits_option, write_html
from .options import AsJson, Device, Force, HashWeights, Quiet, examples, inputs, optional
from .output import noting, print_json, say, tell

if TYPE_CHECKING:
    from aecodec.hashing.moving import Moved

app = typer.Typer()

_MaxDistance = Annotated[
    int | None, optional("N", "Bits of the codes that may differ.", "many", min=0)
]


def _fpr(default: str | bool) -> Any:
    return optional(
        "RATE",
        "The same, given by how often two different photos may have codes so near.",
        default,
        min=0,
        max=1,
    )


# ---- duplicates ------------------------------------------------------------------------


_KEPT = {
    "best": "of most pixels, then lossless",
    "largest": "of most pixels, then of most bytes",
    "oldest": "first modified",
}


@app.command(
    rich_help_panel=PANEL,
    epilog=examples(
        "aecodec duplicates --html duplicates.html",
        "aecodec duplicates ~/Pictures/phone --keep-dir ~/Pictures/album",
        "aecodec duplicates --exact --move-to twins --yes",
        "aecodec duplicates --undo twins/undo-20260131-120000.jsonl",
    ),
)
def duplicates(
    folders: Annotated[
        list[Path] | None, inputs("DIR", "Only images below these, which must be indexed.")
    ] = None,
    verify: Annotated[
        Literal["thumbnail", "pixels", "none"],
        typer.Option(
            help="Look at thumbnails, and at the files where those cannot tell; at the files only;"
            " or not at all, and go by the codes."
        ),
    ] = "thumbnail",
    exact: Annotated[
        bool, typer.Option("--exact", help="Only images of equal pixels, whatever the files.")
    ] = False,
    keep: Annotated[
        Literal["best", "largest", "oldest"],
        typer.Option(help="Which of a group to keep; the best has most pixels, then is lossless."),
    ] = "best",
    keep_dir: Annotated[
        Path | None, optional("DIR", "Images below it are originals, never duplicates.")
    ] = None,
    max_distance: _MaxDistance = None,
    fpr: Annotated[float | None, _fpr("1e-4 with --verify none")] = None,
    move_to: Annotated[
        Path | None,
        optional("DIR", "Say which duplicates would be moved into DIR; with --yes, move them."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Move them, and write an undo file into DIR.")
    ] = False,
    undo: Annotated[Path | None, optional("FILE", "Move back what is in an undo file.")] = None,
    index: Index = None,
    backend: Backend = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of lines.")] = False,
    html: Html = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Group indexed images that are the same but for an alteration.

    Nothing is ever deleted, and nothing moved without --yes. In each group the first image is
    the one to keep.
    """
    if as_json and as_csv:
        raise typer.BadParameter("--json and --csv exclude each other; give one of them")
    if yes and not move_to:
        raise typer.BadParameter("--yes is for --move-to DIR")
    if undo:
        if folders or move_to:
            raise typer.BadParameter("--undo takes neither folders nor --move-to")
        from aecodec.hashing.moving import undo_moves

        _say_moved(undo_moves(undo), quiet)
        return
    # NumPy's BLAS would wait in a loop on every core, beside the threads that look at pictures.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from aecodec.workflows.matches import group_facts, groups_csv
    from aecodec.workflows.search import ImageIndex, largest_distance

    with ImageIndex(index, backend=backend) as opened, noting():
        refuse_to_overwrite(html, force, opened.path)
        radius, words = None, "of equal pixels" if exact else "looked at"
        if max_distance is not None or fpr is not None or (verify == "none" and not exact):
            radius, known = largest_distance(
                lambda: opened.calibration, opened.bits, max_distance, fpr
            )
            words = f"{words}, if {known}"
            if verify == "none" and not exact:
                words = f"{known}; of pages, drawings and icons far more are alike"
        with progress_bar(not quiet and is_watched()) as progress:
            found = opened.duplicates(
                radius,
                *(folders or ()),
                keep=keep_dir,
                verify="exact" if exact else verify,
                prefer=keep,
                processes=None,
                progress=progress,
            )
        groups, links = found.groups, opened.links() if move_to else []
        extra = sum(len(group.duplicates) for group in groups)
        size = sum(group.reclaimable for group in groups)
        summary = (
            f"{len(groups)} groups, {extra} duplicates of {size:,} bytes; {words};"
            f" kept is the one {_KEPT[keep]}"
        )
        if html:
            from aecodec.workflows.gallery import duplicates_page

            write_html(html, duplicates_page(opened, groups, summary), force, quiet)
    if as_json:
        print_json(
            {"max_distance": radius, "threshold": words, "groups": [*map(group_facts, groups)]}
        )
    elif as_csv:
        print(groups_csv(groups), end="")
    else:
        for group in groups:
            tell(f"keep  {group.keep.path}")
            for match in group.duplicates:
                reason = f"{match.reason}: " if match.reason else ""
                tell(f"  {match.distance:>3}  {reason}{match.entry.path}")
    if found.unclear:
        say(f"note: {_unclear(found.unclear)}")
    if not quiet:
        say(summary)
    if move_to:
        paths = [match.entry.path for g in groups for match in g.duplicates]
        _move(paths, links, move_to, yes, quiet)


def _unclear(pairs: Sequence[tuple[str, str, str]]) -> str:
    path, other, why = pairs[0]
    return (
        f"{len(pairs)} pairs could not be looked at and do not count as the same, as {path} and"
        f" {other}: {why}"
    )


def _move(
    paths: Sequence[str], links: Sequence[str], folder: Path, really: bool, quiet: bool
) -> None:
    from aecodec.hashing.moving import linked_files, move_files, plan_moves

    linked = linked_files(paths, links)
    for path, link in linked.items():
        say(f"note: {path} stays, since {link} is a link to it")
    moves = plan_moves([path for path in paths if path not in linked], folder)
    if not really:
        for source, target in moves:
            say(f"would move {source} to {target}")
        say(f"nothing was moved; --yes moves these {len(moves)} files")
        return
    if not moves:
        return
    undo = folder / time.strftime("undo-%Y%m%d-%H%M%S.jsonl")
    _say_moved(move_files(moves, undo), quiet)
    say(f"to move them back: aecodec duplicates --undo {undo}")


def _say_moved(moved: Moved, quiet: bool) -> None:
    if not quiet:
        for source, target in moved.files:
            say(f"moved {source} to {target}")
    say(f"{len(moved.files)} files moved")
    for path, reason in moved.failed:
        say(f"error: {path}: {reason}")
    if moved.failed:
        raise typer.Exit(1)


# ---- compare ---------------------------------------------------------------------------


@app.command(rich_help_panel=PANEL)
def compare(
    a: Annotated[Path, inputs("A", "An image or .aec file.")],
    b: Annotated[Path, inputs("B", "Another.")],
    weights: HashWeights = None,
    bits: Annotated[int | None, bits_option("the longest")] = None,
    max_distance: _MaxDistance = None,
    fpr: Annotated[float | None, _fpr(False)] = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Tell whether two images are the same but for an alteration, by looking at both.

    Exit code 0: the same, 1: different, 2: they could not be compared.
    """
    from aecodec.errors import AecodecError
    from aecodec.workflows.search import compare as compare_images

    try:
        found = compare_images(
            a, b, weights=weights, bits=bits, max_distance=max_distance, fpr=fpr, device=device
        )
        verdict = "same" if found.same else "different"
        if as_json:
            names = ("reason", "distance", "bits", "max_distance")
            facts = {name: getattr(found, name) for name in names}
            print_json({"a": str(a), "b": str(b), "verdict": verdict, **facts})
        else:
            limit = f" (the same only if {found.threshold})" if found.threshold else ""
            differ = f"{found.distance} of {found.bits} bits differ{limit}"
            print(f"{verdict}: {found.reason}; {differ}")
        sys.stdout.flush()
    except (AecodecError, OSError, MemoryError) as error:  # 1 would mean "different"
        say(f"error: {explain(error)}")
        raise typer.Exit(2) from None
    if not found.same:
        raise typer.Exit(1)
