"""`aecodec index`, `search`, `duplicates`, `compare` and `hash`."""

from __future__ import annotations

import csv
import json
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .aec_hash import aec_reader
from .batch import explain, named
from .files import write_atomically
from .options import AsJson, Force, inputs, say

if TYPE_CHECKING:
    from aecodec.hashing.adding import Reader
    from aecodec.hashing.calibration import Calibration, Threshold
    from aecodec.hashing.duplicates import Group, Match
    from aecodec.hashing.gallery import Section
    from aecodec.hashing.hasher import Hasher
    from aecodec.hashing.index import ImageIndex

_LENGTHS = (64, 128, 256)
_DEFAULT_BITS = 64

_Index = Annotated[
    Path | None,
    typer.Option(
        "--index",
        metavar="PATH",
        help="The index file.",
        show_default="in your data folder",
    ),
]
_Model = Annotated[
    str | None,
    typer.Option(metavar="photo|cifar10|FILE", help="Hash model.", show_default="photo"),
]
_Quiet = Annotated[bool, typer.Option("--quiet", help="No progress bar and no summary.")]
_Html = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write a gallery with thumbnails.", show_default=False),
]
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


def _bits(text: str | int) -> int:
    if str(text) not in map(str, _LENGTHS):
        raise typer.BadParameter(f"{text!r} is none of {', '.join(map(str, _LENGTHS))}")
    return int(text)


def _bits_option(default: str) -> Any:
    return typer.Option(
        parser=_bits, metavar="64|128|256", help="Code length.", show_default=default
    )


def add_to(app: typer.Typer) -> None:
    """Add this family's commands to the application."""
    app.command(epilog=_INDEX_EXAMPLES)(index)
    app.command(epilog=_SEARCH_EXAMPLES)(search)
    app.command(epilog=_DUPLICATES_EXAMPLES)(duplicates)
    app.command()(compare)
    app.command("hash")(hash_images)


@contextmanager
def _noting() -> Iterator[None]:
    """What the index has to say, such as that its cache was rebuilt, goes to stderr."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            yield
        finally:
            for warning in caught:
                if "torch" not in Path(warning.filename).parts:
                    say(f"note: {warning.message}")


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Something to tell (done, total), which shows a bar if there is someone to watch it."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=Console(stderr=True), transient=True, redirect_stdout=False
    ) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


# ---- index -----------------------------------------------------------------------------


_INDEX_EXAMPLES = (
    "[bold]Examples[/]\n"
    "  aecodec index ~/Pictures\n"
    "  aecodec index ~/Pictures --prune\n"
    "  aecodec index photos scans --index work.sqlite3 --bits 64"
)


def index(
    folders: Annotated[list[Path], inputs("DIR", "Folders of images, and images.")],
    index: _Index = None,
    model: _Model = None,
    bits: Annotated[int | None, _bits_option("that of the index, or the longest")] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Threads that read and decode.",
            show_default="one for each core, at most 8",
        ),
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Forget images of these folders that are gone.")
    ] = False,
    quiet: _Quiet = False,
) -> None:
    """Index images by their hashes, to search and to find duplicates.

    Only new and changed files are read. It may be interrupted at any moment and run again.
    """
    from aecodec.hashing.index import ImageIndex

    with ImageIndex(index, model=model, bits=bits) as opened, _noting():
        readers: dict[str, Reader] = {".aec": aec_reader(lambda: opened.hasher)}
        with _progress(quiet) as progress:
            report = opened.add(
                *folders, workers=workers, prune=prune, readers=readers, progress=progress
            )
        counts = {name: n for name, n in vars(report).items() if name != "failed" and n}
        parts = [f"{count:,} {name}" for name, count in counts.items()]
        if not quiet:
            print(f"{opened.path}: {len(opened):,} images ({', '.join(parts) or 'nothing new'})")
    for path, reason in report.failed:
        say(f"error: {path}: {reason}")
    if report.failed:
        raise typer.Exit(1)


# ---- search ----------------------------------------------------------------------------


_SEARCH_EXAMPLES = (
    "[bold]Examples[/]\n"
    "  aecodec search query.jpg\n"
    "  aecodec search query.jpg -k 50 --html found.html\n"
    "  aecodec search a.jpg b.jpg --radius 10 --json"
)


def search(
    queries: Annotated[list[Path], inputs("QUERY", "Images to look for.")],
    k: Annotated[
        int | None,
        typer.Option("-k", min=1, metavar="N", help="At most so many.", show_default="10"),
    ] = None,
    radius: Annotated[
        int | None,
        typer.Option(min=0, metavar="R", help="All within so many bits.", show_default="no limit"),
    ] = None,
    index: _Index = None,
    html: _Html = None,
    as_json: AsJson = False,
    force: Force = False,
    quiet: _Quiet = False,
) -> None:
    """Find the indexed images that look most like others."""
    from aecodec.hashing.index import ImageIndex

    k = 10 if k is None and radius is None else k
    found: list[tuple[Path, list[Match]]] = []
    failed = False
    with ImageIndex(index) as opened, _noting():
        _refuse_to_overwrite(html, force)
        len(opened), opened.hasher  # what is wrong with them is said once, not for each query
        for query in queries:
            try:
                found.append((query, _search_one(opened, query, k, radius)))
            except Exception as error:
                say(f"error: {named(query, explain(error))}")
                failed = True
        if html:
            _write_html(html, "Look-alikes", "", _search_sections(opened, found), force, quiet)
    if as_json:
        report = [{"query": str(q), "matches": [_match_json(m) for m in ms]} for q, ms in found]
        print(json.dumps(report, indent=2))
    elif not html:
        for query, matches in found:
            print(f"{query}: {len(matches)} found")
            for match in matches:
                print(f"  {match.distance:>3}  {match.entry.path}")
    if failed:
        raise typer.Exit(1)


def _search_one(opened: ImageIndex, query: Path, k: int | None, radius: int | None) -> list[Match]:
    if query.suffix.lower() == ".aec":
        code = _code(opened.hasher, query)
        return opened.search_code(code, k, radius)
    return opened.search(query, k, radius)


def _code(hasher: Hasher, path: Path) -> bytes:
    """The longest code of an image or .aec file."""
    from aecodec.hashing.adding import StoredCode
    from aecodec.hashing.picture import read_small

    read = aec_reader(lambda: hasher) if path.suffix.lower() == ".aec" else read_small
    small = read(path)
    if isinstance(small, StoredCode):
        return small.code
    return hasher.codes([small.square(hasher.side)]).tobytes()


def _match_json(match: Match) -> dict[str, Any]:
    entry = match.entry
    return {
        "path": entry.path,
        "distance": match.distance,
        "width": entry.width,
        "height": entry.height,
        "bytes": entry.size,
    }


def _search_sections(
    opened: ImageIndex, found: Sequence[tuple[Path, list[Match]]]
) -> list[Section]:
    from aecodec.hashing.gallery import Card, Section
    from aecodec.hashing.picture import read_small

    sections = []
    for query, matches in found:
        own = None if query.suffix.lower() == ".aec" else read_small(query).thumbnail()
        first = Card(str(query), "query", "", own, first=True)
        thumbnails = opened.thumbnails([match.entry.id for match in matches])
        cards = [_card(match, thumbnails.get(match.entry.id)) for match in matches]
        sections.append(Section(str(query), [first, *cards]))
    return sections


def _card(match: Match, webp: bytes | None, label: str | None = None) -> Any:
    from aecodec.hashing.gallery import Card

    entry = match.entry
    details = f"{entry.width}x{entry.height}, {entry.size:,} bytes"
    text = label or f"{match.distance} bits"
    return Card(entry.path, text, details, webp, first=label is not None)


def _refuse_to_overwrite(path: Path | None, force: bool) -> None:
    """Before the work, not after it."""
    if path and path.exists() and not force:
        raise FileExistsError(f"{path} exists; use --force to overwrite it")


def _write_html(
    path: Path, title: str, summary: str, sections: list[Section], force: bool, quiet: bool
) -> None:
    from aecodec.hashing.gallery import page

    write_atomically(path, page(title, summary, sections), overwrite=force)
    if not quiet:
        say(f"gallery: {path}")


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
    index: _Index = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of lines.")] = False,
    html: _Html = None,
    force: Force = False,
    quiet: _Quiet = False,
) -> None:
    """Group indexed images that are the same but for an alteration.

    Nothing is deleted. In each group the first image is the one to keep: of REF, else the
    one of most pixels.
    """
    from aecodec.hashing.index import ImageIndex

    if as_json and as_csv:
        raise typer.BadParameter("--json and --csv exclude each other; give one of them")
    with ImageIndex(index) as opened, _noting():
        _refuse_to_overwrite(html, force)
        threshold, words = _threshold(lambda: opened.calibration, opened.bits, max_distance, fpr)
        with _progress(quiet) as progress:
            groups = opened.duplicates(
                threshold, *(folders or ()), keep=keep_dir, progress=progress
            )
        extra = sum(len(group.duplicates) for group in groups)
        size = sum(group.reclaimable for group in groups)
        summary = f"{len(groups)} groups, {extra} duplicates of {size:,} bytes; {words}"
        if html:
            _write_html(
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
                            "keep": _match_json(_kept(group)),
                            "duplicates": [*map(_match_json, group.duplicates)],
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
            print(f"keep  {group.keep.path}")
            for match in group.duplicates:
                print(f"  {match.distance:>3}  {match.entry.path}")
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
            facts = _match_json(match)
            keep = "yes" if match.entry is group.keep else "no"
            values = [facts[name] for name in ("distance", "path", "width", "height", "bytes")]
            writer.writerow([number, keep, *values])


def _duplicate_sections(opened: ImageIndex, groups: Sequence[Group]) -> list[Section]:
    from aecodec.hashing.gallery import Section

    sections = []
    for number, group in enumerate(groups, 1):
        ids = [group.keep.id, *(match.entry.id for match in group.duplicates)]
        thumbnails = opened.thumbnails(ids)
        kept = _card(_kept(group), thumbnails.get(group.keep.id), "keep")
        rest = [_card(match, thumbnails.get(match.entry.id)) for match in group.duplicates]
        sections.append(Section(f"Group {number}: {len(ids)} images", [kept, *rest]))
    return sections


# ---- compare, hash ---------------------------------------------------------------------


def compare(
    a: Annotated[Path, typer.Argument(metavar="A", show_default=False)],
    b: Annotated[Path, typer.Argument(metavar="B", show_default=False)],
    model: _Model = None,
    bits: Annotated[int | None, _bits_option("the longest")] = None,
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
    except (AecodecError, OSError, MemoryError) as error:  # 1 would mean "different"
        say(f"error: {explain(error)}")
        raise typer.Exit(2) from None
    same = distance <= limit
    verdict = "same" if same else "different"
    if as_json:
        facts = {"distance": distance, "bits": length, "max_distance": limit, "verdict": verdict}
        print(json.dumps({"a": str(a), "b": str(b), **facts}, indent=2))
    else:
        print(f"{verdict}: {distance} of {length} bits differ (the same if {words})")
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

    hasher = _load_hasher(model, bits)
    length = bits or hasher.lengths[-1]

    def calibration() -> Calibration:
        if hasher.calibration is None:
            raise AecodecError("this model was not calibrated; give --max-distance")
        return hasher.calibration

    limit, words = _threshold(calibration, length, max_distance, fpr)
    codes = [_code(hasher, path)[: length // 8] for path in (a, b)]
    return hamming(*codes), limit, length, words


def _load_hasher(model: str | None, bits: int | None) -> Hasher:
    from aecodec.errors import AecodecError
    from aecodec.hashing.hasher import Hasher
    from aecodec.hashing.weights import DEFAULT_MODEL

    hasher = Hasher(model or DEFAULT_MODEL)
    if bits is not None and bits not in hasher.lengths:
        known = ", ".join(map(str, hasher.lengths))
        raise AecodecError(f"this model has codes of {known} bits, not {bits}")
    return hasher


def hash_images(
    images: Annotated[list[Path], inputs("IMAGE", "Images and .aec files.")],
    bits: Annotated[int, _bits_option(str(_DEFAULT_BITS))] = _DEFAULT_BITS,
    model: _Model = None,
    as_json: AsJson = False,
) -> None:
    """Print the hashes of images in hexadecimal."""
    hasher = _load_hasher(model, bits)
    report, failed = [], False
    for path in images:
        try:
            code = _code(hasher, path)[: bits // 8].hex()
        except Exception as error:
            say(f"error: {named(path, explain(error))}")
            failed = True
            continue
        report.append({"path": str(path), "hash": code})
        if not as_json:
            print(f"{code}  {path}")
    if as_json:
        print(json.dumps(report, indent=2))
    if failed:
        raise typer.Exit(1)
