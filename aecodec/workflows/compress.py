"""Images to .aec files and back: denoised if wanted, encoded, their hash inside."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aecodec.codec import SUFFIX
from aecodec.errors import UsageError, warn_caller
from aecodec.storage.atomic import refuse_to_overwrite, write_atomically
from aecodec.workflows.batch.local import Product, Work

if TYPE_CHECKING:
    from PIL import Image

    from aecodec.codec.codec import Codec
    from aecodec.workflows.denoise import Cleaner

DEFAULT_QUALITY = 50
_SAVED = 0.15e-6  # seconds a pixel that bfloat16 saves on one thread; twice as many in decoding


def compress_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str] | None = None,
    *,
    overwrite: bool = False,
    quality: int | None = None,
    bpp: float | None = None,
    psnr: float | None = None,
    ssimulacra2: float | None = None,
    max_bytes: int | None = None,
    lossless: bool = False,
    effort: str = "default",
    denoise: bool = False,
    denoise_weights: str | Path | None = None,
    strip: str | Collection[str] | None = None,
    weights: str | Path | None = None,
    device: str = "auto",
) -> dict[str, Any]:
    """Compress an image file to an .aec file, as `aecodec compress` does.

    The file has the image's hash inside, by which `ImageIndex.add` knows it without decoding.

    Args:
        source: an image file.
        target: the file to write; None: beside the source, its suffix .aec.
        overwrite: replace an existing target.
        quality: 1 (smallest) to 100 (best); 50 if nothing else is aimed for.
        bpp: best quality within so many bits per pixel.
        psnr: smallest file of at least this PSNR in dB.
        ssimulacra2: smallest file of at least this SSIMULACRA 2 (90: hardly told apart).
        max_bytes: best quality within a file size.
        lossless: keep every pixel exactly.
        effort: "fast", "default" or "max".
        denoise: remove noise first.
        strip: what to leave out of what the image says beside its pixels: "exif", "xmp", "icc",
            "location" or "all", or several of them.
        denoise_weights, weights: of denoiser and codec: names of shipped ones, or files.
        device: "auto", "cpu" or "cuda".

    Returns:
        bytes, bpp, quality, lossless, width, height and mode; with `denoise`, also "denoised":
        the noise that was found.

    Raises:
        UsageError: more than one of quality, bpp, psnr, ssimulacra2, max_bytes and lossless.
        FileExistsError: the target exists, and `overwrite` is false.
        TargetUnreachableError: no quality meets the target.
        AecodecError, OSError: the image, or weights, cannot be read.
    """
    path = Path(source)
    out = Path(target) if target is not None else path.with_suffix(SUFFIX)
    refuse_to_overwrite(out, overwrite, path)
    wanted = {"quality": quality, "bpp": bpp, "psnr": psnr, "ssimulacra2": ssimulacra2}
    work = compressor(
        check_target({**wanted, "max_bytes": max_bytes, "lossless": lossless or None}),
        effort=effort,
        denoise=denoise,
        denoise_weights=denoise_weights,
        strip=strip,
        weights=weights,
        device=device,
    )
    product = work(path)
    write_atomically(out, product.data, overwrite=overwrite)
    return product.facts


def prepare_for(sources: Sequence[Path]) -> None:
    """Choose for so many files what runs the networks, before they are loaded."""
    from aecodec.nn.runtime import import_torch_if_it_pays
    from aecodec.workflows.pixel_counts import about_pixels

    import_torch_if_it_pays(_SAVED * about_pixels(sources))


def compressor(
    target: tuple[str, Any],
    *,
    effort: str,
    denoise: bool,
    denoise_weights: str | Path | None,
    strip: str | Collection[str] | None,
    weights: str | Path | None,
    device: str,
) -> Work:
    """What compresses one image file.

    Args:
        target: of `check_target`, by the names that `compress_file` has.
        effort, denoise, denoise_weights, strip, weights, device: as of `compress_file`.
    """
    if denoise_weights and not denoise:
        raise UsageError("weights of the denoiser, but it is not asked to denoise")
    from aecodec.codec.codec import Codec
    from aecodec.workflows.denoise import cleaner
    from aecodec.workflows.search import hash_writer

    codec, code = Codec(device, weights), hash_writer(device)
    clean = cleaner(device, denoise_weights) if denoise else None
    return lambda source: _compress_one(codec, source, target, effort, clean, strip, code)


def check_target(
    given: dict[str, Any], shown: Callable[[str], str] = lambda name: name
) -> tuple[str, Any]:
    """(name, value) of the only one that is not None; quality 50 if all are.

    Args:
        given: by the names that `compress_file` has.
        shown: what users call them.

    Raises:
        UsageError: there are several.
    """
    chosen = [(name, value) for name, value in given.items() if value is not None]
    if len(chosen) > 1:
        names = " and ".join(shown(name) for name, _ in chosen)
        raise UsageError(f"{names} exclude each other; give one of them")
    return chosen[0] if chosen else ("quality", DEFAULT_QUALITY)


def _compress_one(
    codec: Codec,
    source: Path,
    target: tuple[str, Any],
    effort: str,
    clean: Cleaner | None,
    strip: str | Collection[str] | None,
    code: Callable[[Image.Image], bytes],
) -> Product:
    from aecodec.codec.describe import describe
    from aecodec.codec.rate_control import compress_to_target
    from aecodec.images import open_image, without_metadata

    image, (aim, value) = open_image(source), target
    if strip:
        image = without_metadata(image, strip)
    found: dict[str, Any] = {}
    if clean:
        image, found = clean(image)
    if aim in ("quality", "lossless"):
        data = codec.compress(image, **{aim: value}, effort=effort, stored_hash=code(image))
    else:
        wanted = {aim: value, "effort": effort, "stored_hash": code(image)}
        data = compress_to_target(codec, image, **wanted)
    if len(data) > (before := os.path.getsize(source)):
        warn_caller(f"the .aec file takes {len(data):,} bytes, more than its input's {before:,}")
    about = describe(data)
    names = ("bytes", "bpp", "quality", "lossless", "width", "height", "mode")
    facts = {name: about[name] for name in names}
    how = "lossless" if about["lossless"] else f"q{about['quality']}"
    summary = f"{about['bytes']:,} bytes  {about['bpp']:.3f} bpp  {how}"
    if found:
        facts |= {"denoised": found}
        summary += f"  {found['noise']} noise of sigma {found['sigma']:.1f} removed"
    return Product(data, facts, summary, pixels=about["width"] * about["height"])


def decompressor(
    format: str,
    *,
    box: tuple[int, int, int, int] | None = None,
    decoder: str = "default",
    weights: str | Path | None = None,
    device: str = "auto",
) -> Work:
    """What decompresses one .aec file to an image file of a format such as "png".

    Args:
        format: of the image file.
        box: left, top, right and bottom of the part that is wanted; None: all.
        decoder: as for `Codec.decompress`.
        weights, device: of the codec.
    """
    from aecodec.codec.codec import Codec

    codec = Codec(device, weights)

    def work(source: Path) -> Product:
        from aecodec.images import image_bytes

        try:
            image = codec.decompress(source, box=box, decoder=decoder)
        except ValueError as error:  # the box is not within this picture
            raise UsageError(str(error)) from None
        data = image_bytes(image, format)
        facts = {
            "bytes": len(data),
            "format": format,
            "width": image.width,
            "height": image.height,
            "mode": image.mode,
        }
        return Product(data, facts, f"{len(data):,} bytes  {image.width}x{image.height}")

    return work


def thumbnailer(format: str, size: int) -> Work:
    """What makes an image file of at most `size` pixels a side, of an image or an .aec file."""

    def work(source: Path) -> Product:
        from PIL import Image

        from aecodec.images import Picture, image_bytes, open_reduced, to_8_bits

        opened, extent = (
            _preview(source, size) if _is_aec(source) else (open_reduced(source, 2 * size)[0], None)
        )
        picture = Picture.from_image(opened)
        width, height = extent or picture.pixels.size
        kept = {key: raw for key, raw in picture.metadata.items() if key == "icc_profile"}
        image = to_8_bits(Picture(picture.pixels.copy(), picture.alpha, kept).to_image())
        info, factor = image.info, size / max(width, height)
        if factor < 1:
            wanted = (max(1, round(width * factor)), max(1, round(height * factor)))
            how = Image.Resampling.BICUBIC
            image = image.resize(wanted, how, (0, 0, width, height), reducing_gap=2.0)
            image.info = info
        facts = {"format": format, "width": image.width, "height": image.height}
        data = image_bytes(image, format)
        return Product(data, facts, f"{len(data):,} bytes  {image.width}x{image.height}")

    return work


def _is_aec(path: Path) -> bool:
    """By its content, whatever its name."""
    from aecodec.codec.container import MAGIC

    with open(path, "rb") as file:
        return path.suffix.lower() == SUFFIX or file.read(len(MAGIC)) == MAGIC


def _preview(path: Path, size: int) -> tuple[Image.Image, tuple[float, float]]:
    """The picture of an .aec file, of at least so many pixels a side if it has them.

    And what of its width and height is the picture's: the last pixels of a preview stand for
    some beyond it.
    """
    from aecodec.codec.codec import default_codec
    from aecodec.codec.container import read_bytes, read_file
    from aecodec.codec.preview import scale_for

    data = read_bytes(path)
    header, _ = read_file(data)
    scale, codec = scale_for(max(header.width, header.height), size), default_codec()
    image = codec.decompress(data) if scale == 1 else codec.preview(data, scale)
    return image, (header.width / scale, header.height / scale)
