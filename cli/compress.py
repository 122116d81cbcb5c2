"""`aecodec compress`, `decompress` and `info`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from aecodec.codec import SUFFIX
from aecodec.workflows.batch.plan import plan
from aecodec.workflows.compress import (
    DEFAULT_QUALITY,
    check_target,
    compressor,
    decompressor,
    prepare_for,
)
from aecodec.workflows.sizes import parse_size
from aecodec.workflows.standard_input import STANDARD

from .batch import run_batch, run_here
from .images import image_suffix
from .options import (
    AsJson,
    CodecWeights,
    Device,
    DryRun,
    Engine,
    Force,
    Format,
    Jobs,
    OutputOrPipe,
    Quiet,
    RayAddress,
    SkipExisting,
    Threads,
    examples,
    inputs,
    optional,
    weights_option,
)
from .output import How, print_json
from .pipes import is_piped, run_piped

app = typer.Typer()
_PANEL = "Compression"
_TARGETS = "What to aim for (at most one)"


# ---- compress --------------------------------------------------------------------------


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a number") from None
    if not 0 < value < float("inf"):  # refuses nan too
        raise typer.BadParameter(f"{text} is not a positive number")
    return value


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _part(text: str) -> str:
    from aecodec.images import STRIPPABLE

    if text not in STRIPPABLE:
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(map(repr, STRIPPABLE))}.")
    return text


def _target(parser: Callable[[str], Any], metavar: str, help: str) -> Any:
    return typer.Option(parser=parser, metavar=metavar, help=help, rich_help_panel=_TARGETS)


@app.command(
    rich_help_panel=_PANEL,
    epilog=examples(
        "aecodec compress photo.png",
        "aecodec compress photo.png -o small.aec --max-size 50kB",
        "aecodec compress photos -o archive --quality 70",
        "aecodec compress - < photo.png > photo.aec",
        "aecodec compress noisy.png --denoise auto",
    ),
)
def compress(
    inputs: Annotated[
        list[str], inputs("INPUT", "Images, and folders of images; - is standard input.")
    ],
    output: OutputOrPipe = None,
    quality: Annotated[
        int | None,
        optional(
            "N",
            "Quality from 1 (smallest) to 100 (best).",
            str(DEFAULT_QUALITY),
            "--quality",
            "-q",
            min=1,
            max=100,
            rich_help_panel=_TARGETS,
        ),
    ] = None,
    bpp: Annotated[
        float | None, _target(_positive, "BITS", "Best quality within so many bits per pixel.")
    ] = None,
    psnr: Annotated[
        float | None, _target(_positive, "DB", "Smallest file of at least this PSNR in dB.")
    ] = None,
    ssimulacra2: Annotated[
        float | None,
        _target(
            _positive,
            "N",
            "Smallest file of at least this SSIMULACRA 2: 90 can hardly be told apart.",
        ),
    ] = None,
    max_size: Annotated[
        int | None,
        _target(_size, "SIZE", "Best quality within a file size: 200kB, 1.5MB, 200KiB, 2000."),
    ] = None,
    lossless: Annotated[
        bool, typer.Option("--lossless", help="Keep every pixel exactly.", rich_help_panel=_TARGETS)
    ] = False,
    effort: Annotated[
        Literal["fast", "default", "max"],
        typer.Option(help="Time spent encoding; max takes some 200 times as long as default."),
    ] = "default",
    denoise: Annotated[
        Literal["off", "auto"],
        typer.Option(help="Remove noise first, which costs most of the bits of a noisy photo."),
    ] = "off",
    denoise_weights: Annotated[
        str | None, weights_option("denoiser", "denoise-cpu", "denoise", "--denoise-weights")
    ] = None,
    strip: Annotated[
        list[str] | None,
        optional(
            "all|exif|xmp|icc|location",
            "Leave out metadata: all, a part, or only where the picture was taken. "
            "May be given several times.",
            parser=_part,
        ),
    ] = None,
    skip_existing: SkipExisting = False,
    dry_run: DryRun = False,
    tune: Annotated[
        Literal["balanced", "psnr"] | None,
        typer.Option(
            help="Weights for the eye (SSIMULACRA 2, MS-SSIM and PSNR in balance), or for PSNR "
            "(which takes three times as long).",
            show_default="balanced",
        ),
    ] = None,
    weights: CodecWeights = None,
    device: Device = "auto",
    jobs: Jobs = None,
    threads: Threads = None,
    engine: Engine = "local",
    ray_address: RayAddress = None,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Compress images to .aec files.

    The tree of a folder is mirrored. Existing files are kept unless --force is given.
    """
    wanted = {"quality": quality, "bpp": bpp, "psnr": psnr, "ssimulacra2": ssimulacra2}
    target = check_target(
        {**wanted, "max_bytes": max_size, "lossless": lossless or None},
        lambda name: "--max-size" if name == "max_bytes" else f"--{name}",
    )
    if lossless and (effort != "default" or weights or tune):
        raise typer.BadParameter("--effort, --tune and --weights do not matter to --lossless")
    if tune and weights:
        raise typer.BadParameter("give --tune or --weights, not both")
    weights = f"codec-{tune}" if tune else weights
    if denoise_weights and denoise != "auto":
        raise typer.BadParameter("only with --denoise auto", param_hint="--denoise-weights")
    from aecodec.images import IMAGE_SUFFIXES

    load = partial(
        compressor,
        target=target,
        effort=effort,
        denoise=denoise == "auto",
        denoise_weights=denoise_weights,
        strip=strip,
        weights=weights,
        device=device,
    )
    run_batch(
        "compress",
        inputs,
        output,
        load,
        How(force, as_json, quiet, jobs, threads, engine, ray_address, skip_existing, dry_run),
        suffixes=IMAGE_SUFFIXES,
        suffix=SUFFIX,
        prepare=prepare_for,
    )


# ---- decompress ------------------------------------------------------------------------


@app.command(
    rich_help_panel=_PANEL,
    epilog=examples(
        "aecodec decompress photo.aec -o restored.png",
        "aecodec decompress photo.aec -o restored.jpg",
        "aecodec decompress archive -o restored --format webp",
    ),
)
def decompress(
    inputs: Annotated[
        list[Path], inputs("FILE.aec", "Files, and folders of .aec files; - is standard input.")
    ],
    output: OutputOrPipe = None,
    format: Format = None,
    crop: Annotated[
        str | None,
        optional("X,Y,W,H", "Only this part: left, top, width and height in pixels.", "all"),
    ] = None,
    decoder: Annotated[
        Literal["default", "fast"],
        typer.Option(help="fast takes less time, and is a little further from the original."),
    ] = "default",
    weights: CodecWeights = None,
    device: Device = "auto",
    jobs: Jobs = None,
    threads: Threads = None,
    skip_existing: SkipExisting = False,
    dry_run: DryRun = False,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Decompress .aec files to images.

    Files written with any weights that ship need no --weights.
    The tree of a folder is mirrored. Existing files are kept unless --force is given.
    """
    how = How(force, as_json, quiet, jobs, threads, skip_existing=skip_existing, dry_run=dry_run)
    suffix = image_suffix(format, inputs, output)
    load = partial(
        decompressor,
        suffix.removeprefix("."),
        box=_box(crop),
        decoder=decoder,
        weights=weights,
        device=device,
    )
    if is_piped(inputs, output):
        run_piped(inputs, output, load, how)
        return
    planned = plan(
        inputs, output, suffixes={SUFFIX}, suffix=suffix, force=force, skip_existing=skip_existing
    )
    run_here(planned, load, how, prepare_for)


def _box(crop: str | None) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom of X,Y,W,H."""
    if crop is None:
        return None
    try:
        left, top, width, height = map(int, crop.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"{crop!r} is not X,Y,W,H in whole pixels", param_hint="--crop"
        ) from None
    if min(left, top) < 0 or min(width, height) < 1:
        raise typer.BadParameter(f"{crop} is no part of a picture", param_hint="--crop")
    return left, top, left + width, top + height


# ---- info ------------------------------------------------------------------------------


@app.command(rich_help_panel=_PANEL)
def info(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.aec", help="The file to look into; - is standard input.")
    ],
    as_json: AsJson = False,
) -> None:
    """Show what an .aec file says about itself, without decoding it.

    All checksums are verified. Of each tile it tells whether its pixels are exact, in few colours
    (fewer than they had), partly so (which share of cells of 32x32 pixels) or learned. --json
    prints one object with all of it: "lossless", "model" (the name of shipped weights, or null),
    "tiles", each with its place, its size and the shares "exact" and "few_colours" from 0 to 1,
    and "chunks".
    """
    from aecodec.codec.container import read_bytes
    from aecodec.codec.describe import describe
    from aecodec.errors import AecodecError, named

    try:
        about = describe(read_bytes(sys.stdin.buffer if str(file) == STANDARD else file))
    except AecodecError as error:
        raise type(error)(named(file, str(error))) from None
    if as_json:
        print_json({"file": str(file), **about})
        return
    print(file)
    if about.pop("lossless"):
        about |= {"quality": "lossless", "weights": "none needed", "model": "none needed"}
    tiles, chunks = about.pop("tiles"), about.pop("chunks")
    for name, value in about.items():
        print(f"  {name:<12} {_shown(value)}")
    for number, tile in enumerate(tiles, 1):
        place = f"{tile['width']}x{tile['height']} at {tile['x']},{tile['y']}"
        print(f"  tile {number:<7} {place}  {_kept(tile)}")
    for number, chunk in enumerate(chunks, 1):
        rest = [f"{name} {_shown(value)}" for name, value in chunk.items() if name != "type"]
        print(f"  chunk {number:<5}  {chunk['type']}  {'  '.join(rest)}")


def _kept(tile: dict[str, Any]) -> str:
    """What of a tile is as it was, or in fewer colours."""
    for key, words in (("exact", "exact"), ("few_colours", "in few colours")):
        if share := tile[key]:
            return words if share == 1 else f"partly {words} ({share:.1%} of its cells)"
    return "learned"


def _shown(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
