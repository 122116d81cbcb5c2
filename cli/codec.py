"""`aecodec compress`, `decompress` and `info`."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from .aec_hash import hash_writer
from .batch import Product, Work, named, plan, run, takes_file_name
from .denoise import Cleaner, DenoiserWeights, cleaner
from .images import image_file, image_suffix
from .options import (
    AsJson,
    CodecWeights,
    Device,
    Engine,
    Force,
    Output,
    RayAddress,
    inputs,
    local_paths,
    places,
)
from .sizes import parse_size

if TYPE_CHECKING:
    from PIL import Image

    from aecodec.codec.codec import Codec

SUFFIX = ".aec"
DEFAULT_QUALITY = 50
_PANEL = "Compression"
_TARGETS = "What to aim for (at most one)"


def add_to(app: typer.Typer) -> None:
    """Add this family's commands to the application."""
    app.command(rich_help_panel=_PANEL, epilog=_COMPRESS_EXAMPLES)(compress)
    app.command(rich_help_panel=_PANEL, epilog=_DECOMPRESS_EXAMPLES)(decompress)
    app.command(rich_help_panel=_PANEL)(info)


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


_COMPRESS_EXAMPLES = (
    "[bold]Examples[/]\n"
    "  aecodec compress photo.png\n"
    "  aecodec compress photo.png -o small.aec --max-size 50kB\n"
    "  aecodec compress photos -o archive --quality 70\n"
    "  aecodec compress noisy.png --denoise auto"
)


def compress(
    inputs: Annotated[list[str], places("INPUT", "Images, and folders of images.")],
    output: Output = None,
    quality: Annotated[
        int | None,
        typer.Option(
            "--quality",
            "-q",
            min=1,
            max=100,
            metavar="N",
            help="Quality from 1 (smallest) to 100 (best).",
            show_default=str(DEFAULT_QUALITY),
            rich_help_panel=_TARGETS,
        ),
    ] = None,
    bpp: Annotated[
        float | None,
        typer.Option(
            parser=_positive,
            metavar="BITS",
            help="Best quality within so many bits per pixel.",
            rich_help_panel=_TARGETS,
        ),
    ] = None,
    psnr: Annotated[
        float | None,
        typer.Option(
            parser=_positive,
            metavar="DB",
            help="Smallest file of at least this PSNR in dB.",
            rich_help_panel=_TARGETS,
        ),
    ] = None,
    max_size: Annotated[
        int | None,
        typer.Option(
            parser=_size,
            metavar="SIZE",
            help="Best quality within a file size: 200kB, 1.5MB, 200KiB, 2000.",
            rich_help_panel=_TARGETS,
        ),
    ] = None,
    effort: Annotated[
        Literal["fast", "default", "max"],
        typer.Option(help="Time spent encoding; max takes some 200 times as long as default."),
    ] = "default",
    denoise: Annotated[
        Literal["off", "auto"],
        typer.Option(help="Remove noise first, which costs most of the bits of a noisy photo."),
    ] = "off",
    denoise_weights: DenoiserWeights = None,
    weights: CodecWeights = None,
    device: Device = "auto",
    engine: Engine = "local",
    ray_address: RayAddress = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Compress images to .aec files.

    The tree of a folder is mirrored. Existing files are kept unless --force is given.
    """
    target = _one_target(
        {"--quality": quality, "--bpp": bpp, "--psnr": psnr, "--max-size": max_size}
    )
    if denoise_weights and denoise != "auto":
        raise typer.BadParameter("only with --denoise auto", param_hint="--denoise-weights")
    from aecodec.images import IMAGE_SUFFIXES

    load = partial(
        _compressor,
        target=target,
        effort=effort,
        denoise=denoise,
        denoise_weights=denoise_weights,
        # A file's path is made absolute for Ray; a name is of each machine's own file.
        weights=Path(weights) if weights and Path(weights).is_file() else weights,
        device=device,
    )
    if engine == "ray":
        from .ray_batch import run_on_ray

        run_on_ray(
            "compress",
            inputs,
            output,
            load,
            suffixes=IMAGE_SUFFIXES,
            suffix=SUFFIX,
            address=ray_address,
            gpus=device != "cpu",
            force=force,
            as_json=as_json,
        )
        return
    paths = local_paths(inputs, ray_address)
    jobs = plan(paths, output, suffixes=IMAGE_SUFFIXES, suffix=SUFFIX, force=force)
    run(jobs, load, force=force, as_json=as_json)


def _one_target(given: dict[str, Any]) -> tuple[str, Any]:
    """(option, value) of the only option given; quality is the default."""
    chosen = [(name, value) for name, value in given.items() if value is not None]
    if len(chosen) > 1:
        names = " and ".join(name for name, _ in chosen)
        raise typer.BadParameter(f"{names} exclude each other; give one of them")
    return chosen[0] if chosen else ("--quality", DEFAULT_QUALITY)


def _compressor(
    target: tuple[str, Any],
    effort: str,
    denoise: str,
    denoise_weights: Path | None,
    weights: Path | str | None,
    device: str,
) -> Work:
    from aecodec.codec.codec import Codec

    codec, code = Codec(device, weights), hash_writer(device)
    clean = cleaner(device, denoise_weights) if denoise == "auto" else None
    return lambda source: _compress_one(codec, source, target, effort, clean, code)


def _compress_one(
    codec: Codec,
    source: Path,
    target: tuple[str, Any],
    effort: str,
    clean: Cleaner | None,
    code: Callable[[Image.Image], bytes],
) -> Product:
    from aecodec.codec.container import describe
    from aecodec.codec.rate_control import compress_to_target
    from aecodec.images import open_image

    image, (option, value) = open_image(source), target
    found: dict[str, Any] = {}
    if clean:
        image, found = clean(image)
    if option == "--quality":
        data = codec.compress(image, value, effort=effort, stored_hash=code(image))
    else:
        keyword = {"--max-size": "max_bytes", "--bpp": "bpp", "--psnr": "psnr"}[option]
        wanted = {keyword: value, "effort": effort, "stored_hash": code(image)}
        data = compress_to_target(codec, image, **wanted)
    about = describe(data)
    facts = {name: about[name] for name in ("bytes", "bpp", "quality", "width", "height", "mode")}
    summary = f"{about['bytes']:,} bytes  {about['bpp']:.3f} bpp  q{about['quality']}"
    if found:
        facts |= {"denoised": found}
        summary += f"  {found['noise']} noise of sigma {found['sigma']:.1f} removed"
    return Product(data, facts, summary, pixels=about["width"] * about["height"])


# ---- decompress ------------------------------------------------------------------------


_DECOMPRESS_EXAMPLES = (
    "[bold]Examples[/]\n"
    "  aecodec decompress photo.aec -o restored.png\n"
    "  aecodec decompress photo.aec -o restored.jpg\n"
    "  aecodec decompress archive -o restored --format webp"
)


def decompress(
    inputs: Annotated[list[Path], inputs("FILE.aec", "Files, and folders of .aec files.")],
    output: Output = None,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="png|jpg|webp|...",
            help="Image format to write.",
            show_default="that of -o FILE, or png",
        ),
    ] = None,
    weights: CodecWeights = None,
    device: Device = "auto",
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Decompress .aec files to images.

    Files written with any weights that ship need no --weights.
    The tree of a folder is mirrored. Existing files are kept unless --force is given.
    """
    named_by = Path(output) if output and takes_file_name(inputs, output) else None
    suffix = image_suffix(format, named_by)
    jobs = plan(inputs, output, suffixes={SUFFIX}, suffix=suffix, force=force)

    def load() -> Work:
        from aecodec.codec.codec import Codec

        codec = Codec(device, weights)
        return lambda source: _decompress_one(codec, source, suffix.removeprefix("."))

    run(jobs, load, force=force, as_json=as_json)


def _decompress_one(codec: Codec, source: Path, format: str) -> Product:
    image = codec.decompress(source.read_bytes())
    data = image_file(image, format)
    facts = {
        "bytes": len(data),
        "format": format,
        "width": image.width,
        "height": image.height,
        "mode": image.mode,
    }
    return Product(data, facts, f"{len(data):,} bytes  {image.width}x{image.height}")


# ---- info ------------------------------------------------------------------------------


def info(
    file: Annotated[Path, typer.Argument(metavar="FILE.aec", help="The file to look into.")],
    as_json: AsJson = False,
) -> None:
    """Show what an .aec file says about itself, without decoding it.

    All checksums are verified.
    """
    from aecodec.codec.container import describe
    from aecodec.errors import AecodecError
    from aecodec.weights import shipped_name

    try:
        about = describe(file.read_bytes())
        about["model"] = shipped_name(about["weights"])
    except AecodecError as error:
        raise type(error)(named(file, str(error))) from None
    if as_json:
        print(json.dumps({"file": str(file), **about}, indent=2))
        return
    print(file)
    for name, value in about.items():
        if name != "chunks":
            print(f"  {name:<12} {_shown(value)}")
    for number, chunk in enumerate(about["chunks"], 1):
        rest = [f"{name} {_shown(value)}" for name, value in chunk.items() if name != "type"]
        print(f"  chunk {number:<5}  {chunk['type']}  {'  '.join(rest)}")


def _shown(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
