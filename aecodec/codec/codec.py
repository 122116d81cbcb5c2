"""Image in, bytes out, and back."""

from __future__ import annotations

import io
import operator
import os
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Literal, overload

import numpy as np
import numpy.typing as npt
from PIL import Image

from aecodec.codec import tiling, wiener
from aecodec.codec import weights as weight_files
from aecodec.codec.choice import Coded, choose, keep_exactly
from aecodec.codec.container import (
    LATENT_STRIDE,
    MAX_METADATA,
    METADATA,
    MODES,
    NO_WEIGHTS,
    Box,
    Chunk,
    ChunkType,
    Header,
    is_too_thin,
    pack_levels,
    pack_metadata,
    read_bytes,
    read_file,
    tile_boxes,
    unpack_metadata,
    write_file,
)
from aecodec.codec.decoding import (
    Learned,
    decode_pixels,
    decode_reduced,
    decode_tiles,
    inner_pixels,
    latent_size,
    reduce_image,
)
from aecodec.codec.exact import repacked
from aecodec.codec.fitting import Samples, fitted_to_all
from aecodec.codec.inference import InferenceModel
from aecodec.codec.masking import masking
from aecodec.codec.plain_files import check_grey_png
from aecodec.codec.preview import REDUCED
from aecodec.errors import CorruptFileError, UnsupportedImageError, needs_extra, warn_caller
from aecodec.images import Picture, image_of
from aecodec.nn.memory import give_back_now_and_then
from aecodec.nn.pixels import Levels, full_range, read_area
from aecodec.nn.runtime import choose_runtime
from aecodec.weights import find_weights

EFFORTS = ("fast", "default", "max")
DECODERS = ("default", "fast")
Source = bytes | bytearray | memoryview | str | os.PathLike[str] | IO[bytes]
"""An .aec file: its bytes, its path, or it opened in binary mode."""


class Codec:
    """A codec with its weights loaded, for repeated use.

    Args:
        device: "auto" (a GPU if there is one), "cpu" or "cuda".
        weights: a weight file, or the name of one that ships; "codec-balanced" by default.
        runtime: "auto" (`aecodec.nn.runtime.choose_runtime`), "onnx" or "torch". Files of one
            decode with the other, to the same pixels but for the last bits of floats.

    Raises:
        AecodecError: no such device or runtime, or not a weight file.
    """

    def __init__(
        self, device: str = "auto", weights: str | Path | None = None, runtime: str = "auto"
    ) -> None:
        self._arguments = (device, weights, runtime)
        self.runtime = choose_runtime(device, runtime)
        self._path = find_weights(weights or weight_files.DEFAULT_MODEL)
        self.model, self.digest = weight_files.load(self._path, self.runtime)

    def __reduce__(self) -> tuple[type[Codec], tuple[str, str | Path | None, str]]:
        """Copies and pickles load the weights where they are made: those may be on a GPU."""
        return type(self), self._arguments

    def compress(
        self,
        image: Image.Image
        | npt.NDArray[np.uint8 | np.uint16]
        | str
        | os.PathLike[str]
        | bytes
        | IO[bytes],
        quality: int = 50,
        *,
        effort: str = "default",
        lossless: bool = False,
        stored_hash: bytes | None = None,
    ) -> bytes:
        """Compress an image to the bytes of an .aec file.

        Parts that look drawn, not photographed, are kept exactly, or in fewer colours, where that
        is better, or where the network would damage them.

        Args:
            image: any mode and size that `aecodec.images.Picture.from_image` takes; pixels as
                `aecodec.images.image_of_array` does; the path or the bytes of an image file, or
                one opened in binary mode. The levels of 16-bit grey from its lowest to its highest
                are what quality is about.
            quality: 1 (smallest) to 100 (best).
            effort: "fast" has a leaner analysis, where the weights have one, and no filter that is
                fitted to the image; "max" refines the latents of this very image (minutes per
                megapixel on a CPU); decoding is the same for all.
                With weights for MS-SSIM or balanced ones, one with a side under 161 is not
                refined.
            lossless: keep every pixel exactly; quality and effort do not matter.
            stored_hash: bytes to keep in the file for those who index it; they mean nothing here.

        Raises:
            UnsupportedImageError: empty, too large, an unusual mode, or no image file.
            OSError: the image file cannot be read.
            ValueError: quality or effort out of range.
        """
        quality = _checked_quality(quality)
        if effort not in EFFORTS:
            raise ValueError(f"effort must be one of {', '.join(EFFORTS)}, not {effort!r}")
        picture = Picture.from_image(image_of(image))
        size = picture.pixels.size
        if is_too_thin(*size, learned=not lossless):
            advice = "" if is_too_thin(*size, learned=False) else "; it can be kept lossless"
            raise UnsupportedImageError(f"{size[0]}x{size[1]} is too long and thin{advice}")
        boxes, levels = tile_boxes(*size, tiling.TILE), _levels(picture.pixels)
        if effort == "max" and not lossless:
            self._torch_model()  # at once, if it cannot be
        to_all = effort == "max" or (effort == "default" and self.model.config.distortion == "mse")
        sampled = effort == "default" and not to_all and not lossless
        samples = Samples.of(self.model, picture.pixels, quality) if sampled else None
        if lossless:
            coded = keep_exactly(picture.pixels, boxes)
        else:
            coded = choose(
                picture.pixels,
                quality,
                boxes,
                lambda pixels: self._tiles(
                    pixels, quality, "fast" if effort == "fast" else "default", levels, samples
                ),
                lambda payloads, box: decode_tiles(
                    self.model,
                    Learned(payloads, picture.pixels.mode, size, quality, tiling.TILE, levels),
                    box,
                ),
            )
            if effort == "max" and any(coded.learned):  # once it is known what is left to it
                coded = coded._replace(learned=self._tiles(coded.rest, quality, effort, levels))
        sizes = [(right - left, bottom - top) for left, top, right, bottom in boxes]
        webp_effort = "default" if lossless else effort
        coded = coded._replace(exact=[repacked(one, sizes, webp_effort) for one in coded.exact])
        weights = None
        if coded.rest.mode == "RGB" and any(coded.learned):
            if samples is not None and not coded.exact:  # of a page they say little
                weights = samples.best(coded.learned, coded.rest)
            elif to_all:
                weights = fitted_to_all(self.model, coded, quality, tiling.TILE)
        give_back_now_and_then()
        return self._pack(picture, coded, quality, stored_hash, levels, weights)

    @overload
    def decompress(
        self,
        source: Source,
        *,
        box: Box | None = None,
        as_array: Literal[False] = False,
        decoder: str = "default",
    ) -> Image.Image: ...

    @overload
    def decompress(
        self,
        source: Source,
        *,
        box: Box | None = None,
        as_array: Literal[True],
        decoder: str = "default",
    ) -> npt.NDArray[np.uint8 | np.uint16]: ...

    def decompress(
        self,
        source: Source,
        *,
        box: Box | None = None,
        as_array: bool = False,
        decoder: str = "default",
    ) -> Image.Image | npt.NDArray[np.uint8 | np.uint16]:
        """Decode an .aec file to a Pillow image, metadata in its `info`.

        The file was written with these weights, or with others that ship.

        Args:
            source: its bytes, its path, or it opened in binary mode.
            box: left, top, right and bottom in pixels, within the picture: decode this part only,
                in time and memory of the tiles that it touches. The pixels are those of the whole.
            as_array: give pixels alone, uint8 or (16-bit grey) uint16, (H, W) or
                (H, W, channels).
            decoder: "default", or "fast": pixels a little further from the original in less time,
                where the weights have such a decoder. Exact cells are exact with either.

        Raises:
            AecodecError: the file's weights have no fast decoder.
            CorruptFileError: damaged or foreign; the message names the chunk.
            UnsupportedVersionError: a newer format.
            WeightsMismatchError: written with other weights.
            ValueError: the box is not within the picture, or an unknown decoder.
            OSError: the file cannot be read.
        """
        if decoder not in DECODERS:
            raise ValueError(f"decoder must be one of {', '.join(DECODERS)}, not {decoder!r}")
        header, chunks = read_file(_bytes_of(source))
        box = _checked_box(box, header)
        alpha, metadata = _side_chunks(header, chunks)

        def model() -> InferenceModel:
            found = self._model_of(header)
            return found.with_fast_synthesis() if decoder == "fast" else found

        pixels = decode_pixels(header, chunks, model, box)
        if alpha is not None and box is not None:
            alpha = alpha.crop(box)
        image = Picture(pixels, alpha, metadata).to_image()
        give_back_now_and_then()
        return np.array(image) if as_array else image

    def preview(self, source: Source, scale: int = 8) -> Image.Image:
        """A picture of an eighth or a sixteenth of each side, in a fraction of the time.

        Made of the latents by a linear map, without the network that makes pixels, where these
        weights have that map; else by decoding. Sides are rounded up.

        Args:
            source: as for `decompress`.
            scale: 8 or 16.

        Raises:
            ValueError: another scale.
            AecodecError: as `decompress`.
        """
        if scale not in REDUCED:
            raise ValueError(f"scale must be 8 or 16, not {scale!r}")
        header, chunks = read_file(_bytes_of(source))
        alpha, metadata = _side_chunks(header, chunks)
        pixels = decode_reduced(header, chunks, lambda: self._model_of(header), scale)
        if alpha is not None:
            alpha = reduce_image(alpha, scale)
        give_back_now_and_then()
        return Picture(pixels, alpha, metadata).to_image()

    def _pack(
        self,
        picture: Picture,
        coded: Coded,
        quality: int,
        stored_hash: bytes | None,
        levels: Levels | None,
        weights: wiener.Weights | None,
    ) -> bytes:
        chunks = [Chunk(ChunkType.TILE, payload) for payload in coded.learned]
        for payload, reduced in zip(coded.exact, coded.reduced, strict=True):
            chunks.append(Chunk(ChunkType.FEW_COLOURS if reduced else ChunkType.EXACT, payload))
        if levels is not None and any(coded.learned):
            chunks.append(Chunk(ChunkType.LEVELS, pack_levels(*levels)))
        if weights is not None:
            chunks.append(Chunk(ChunkType.FILTER, wiener.pack(weights)))
        if picture.alpha is not None:
            chunks.append(Chunk(ChunkType.ALPHA, _pack_alpha(picture.alpha)))
        for kind, key in METADATA.items():
            raw = picture.metadata.get(key, b"")
            if len(raw) > MAX_METADATA:
                warn_caller(f"{key} of {len(raw):,} bytes is left out")
            elif raw:
                chunks.append(Chunk(ChunkType(kind), pack_metadata(raw)))
        if stored_hash is not None:
            chunks.append(Chunk(ChunkType.HASH, stored_hash))
        header = Header(
            width=picture.pixels.width,
            height=picture.pixels.height,
            mode=MODES.index(picture.mode),
            quality=quality,
            tile=tiling.TILE,
            chunks=len(chunks),
            weights=self.digest if any(coded.learned) else NO_WEIGHTS,
        )
        return write_file(header, chunks)

    def _model_of(self, header: Header) -> InferenceModel:
        """The model that a file was written with."""
        if header.weights == self.digest:
            return self.model
        return weight_files.load_shipped(header.weights, self.runtime)

    def _tiles(
        self,
        pixels: Image.Image,
        quality: int,
        effort: str,
        levels: Levels | None,
        samples: Samples | None = None,
    ) -> list[bytes]:
        rows, columns = latent_size(*pixels.size)
        payloads, model = [], self._torch_model() if effort == "max" else self.model
        for window in tiling.windows(rows, columns, tiling.TILE, model.margin):
            x = read_area(pixels, window.outer, LATENT_STRIDE, levels=levels)
            x -= np.float32(0.5)
            fast = effort == "fast"
            y = model.analyse(x, quality, fast)
            inside = inner_pixels(window)
            inner = x[:, :, inside[0], inside[1]]
            # Other weights lose by it what only a filter makes up for.
            hides = model.config.distortion == "mse" or samples is not None
            masked = masking(inner, model.config.distortion) if hides and not fast else None
            payload, decoded = model.coded(window.inside.of(y), quality, rdoq=True, masking=masked)
            if effort == "max":
                from aecodec.codec.refine import refined_payload

                payload = refined_payload(model, x, y, window, quality, payload, masked)
            if samples is not None:
                samples.add(payload, decoded, inner)
            payloads.append(payload)
        return payloads

    def _torch_model(self) -> InferenceModel:
        """The model that gradients go through."""
        if self.runtime != "onnx":
            return self.model
        if find_spec("torch") is None:
            raise needs_extra("effort 'max'", "train")
        return weight_files.load(self._path, "cpu")[0]


@lru_cache(maxsize=1)
def default_codec() -> Codec:
    """The one codec of callers that choose neither device nor weights."""
    return Codec()


def _checked_quality(quality: int) -> int:
    """An integer from 1 to 100, of numpy's kinds too; True is none."""
    try:
        number = 0 if isinstance(quality, (bool, np.bool_)) else operator.index(quality)
    except TypeError:
        number = 0
    if not 1 <= number <= 100:
        raise ValueError(f"quality must be an integer from 1 to 100, not {quality!r}")
    return number


def _checked_box(box: Box | None, header: Header) -> Box | None:
    if box is None:
        return None
    left, top, right, bottom = map(operator.index, box)
    if not (0 <= left < right <= header.width and 0 <= top < bottom <= header.height):
        raise ValueError(
            f"the box {(left, top, right, bottom)} is not within {header.width}x{header.height}"
        )
    return left, top, right, bottom


def _bytes_of(source: Source) -> bytes:
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    return read_bytes(source)


def _levels(pixels: Image.Image) -> Levels | None:
    """The lowest and highest level of 16-bit grey; None: all that there are."""
    if pixels.mode != "I;16":
        return None
    low, high = (int(level) for level in pixels.getextrema())  # type: ignore[arg-type]
    levels = min(low, 65534), max(high, low + 1)
    return None if levels == full_range(pixels.mode) else levels


def _pack_alpha(alpha: Image.Image) -> bytes:
    """One byte for a constant alpha, else a PNG: alpha is kept exactly."""
    low, high = alpha.getextrema()
    if low == high:
        return bytes([int(low)])  # type: ignore[arg-type]
    buffer = io.BytesIO()
    alpha.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def _unpack_alpha(payload: bytes, size: tuple[int, int]) -> Image.Image:
    if len(payload) == 1:
        return Image.new("L", size, payload[0])
    check_grey_png(payload, size, 8, "alpha")
    try:
        alpha = Image.open(io.BytesIO(payload), formats=["PNG"])
        alpha.load()
    except Exception:  # Pillow raises many kinds, whose messages name objects of Python
        raise CorruptFileError("alpha: its PNG cannot be decoded") from None
    return alpha


def _side_chunks(
    header: Header, chunks: list[Chunk]
) -> tuple[Image.Image | None, dict[str, bytes]]:
    """Alpha (if the mode has one) and metadata."""
    alphas = [c.payload for c in chunks if c.type == ChunkType.ALPHA]
    if len(alphas) != MODES[header.mode].endswith("A"):
        raise CorruptFileError("alpha: missing or unexpected")
    size = (header.width, header.height)
    return (_unpack_alpha(alphas[0], size) if alphas else None), unpack_metadata(chunks)
