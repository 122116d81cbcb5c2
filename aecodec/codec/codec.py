"""Image in, bytes out, and back."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from aecodec.codec import tiling
from aecodec.codec import weights as weight_files
from aecodec.codec.choice import Coded, choose, keep_exactly
from aecodec.codec.container import (
    LATENT_STRIDE,
    MAX_METADATA,
    METADATA,
    MODES,
    NO_WEIGHTS,
    Chunk,
    ChunkType,
    Header,
    is_too_thin,
    pack_metadata,
    read_file,
    tile_boxes,
    unpack_metadata,
    write_file,
)
from aecodec.codec.distortion import distortion, is_defined
from aecodec.codec.exact import put_cells, unpack_exact
from aecodec.codec.inference import InferenceModel
from aecodec.codec.refine import refine_latents
from aecodec.errors import CorruptFileError, UnsupportedImageError
from aecodec.images import Picture
from aecodec.nn.device import choose_device
from aecodec.nn.pixels import read_area, write_tile
from aecodec.weights import find_weights

EFFORTS = ("fast", "default", "max")


class Codec:
    """A codec with its weights loaded, for repeated use.

    Args:
        device: "auto" (a GPU if there is one), "cpu" or "cuda".
        weights: a weight file, or the name of one that ships; "codec-cpu" by default.

    Raises:
        AecodecError: no such device, or not a weight file.
    """

    def __init__(self, device: str = "auto", weights: str | Path | None = None) -> None:
        self.device = choose_device(device)
        self.model: InferenceModel
        path = find_weights(weights or weight_files.DEFAULT_MODEL)
        self.model, self.digest = weight_files.load(path, self.device)

    def compress(
        self,
        image: Image.Image,
        quality: int = 50,
        *,
        effort: str = "default",
        lossless: bool = False,
        stored_hash: bytes | None = None,
    ) -> bytes:
        """Compress a Pillow image to the bytes of an .aec file.

        Parts that look drawn, not photographed, are kept exactly where that is smaller, or where
        the network would damage them.

        Args:
            image: any mode and size that `aecodec.images.Picture.from_image` takes.
            quality: 1 (smallest) to 100 (best).
            effort: "fast" rounds latents to the nearest, "default" trades a little
                distortion for rate, "max" refines the latents of this very image
                (minutes per megapixel on a CPU); decoding is the same for all.
                With weights for MS-SSIM or balanced ones, one with a side under 161 is not
                refined.
            lossless: keep every pixel exactly; quality and effort do not matter.
            stored_hash: bytes to keep in the file for those who index it; they mean nothing here.

        Raises:
            UnsupportedImageError: empty, too large, or an unusual mode.
            ValueError: quality or effort out of range.
        """
        if not (isinstance(quality, int) and 1 <= quality <= 100):
            raise ValueError(f"quality must be an integer from 1 to 100, not {quality!r}")
        if effort not in EFFORTS:
            raise ValueError(f"effort must be one of {', '.join(EFFORTS)}, not {effort!r}")
        picture = Picture.from_image(image)
        if is_too_thin(*picture.pixels.size):
            raise UnsupportedImageError(f"{image.width}x{image.height} is too long and thin")
        size, boxes = picture.pixels.size, tile_boxes(*picture.pixels.size, tiling.TILE)
        if lossless:
            coded = keep_exactly(picture.pixels, boxes)
        else:
            coded = choose(
                picture.pixels,
                quality,
                boxes,
                lambda pixels: self._tiles(
                    pixels, quality, "fast" if effort == "fast" else "default"
                ),
                lambda payloads: _decode_tiles(
                    self.model, payloads, picture.pixels.mode, size, quality, tiling.TILE
                ),
            )
            if effort == "max" and any(coded.learned):  # once it is known what is left to it
                coded = coded._replace(learned=self._tiles(coded.rest, quality, effort))
        return self._pack(picture, coded, quality, stored_hash)

    def decompress(self, data: bytes) -> Image.Image:
        """Decode the bytes of an .aec file to a Pillow image, metadata in its `info`.

        The file was written with these weights, or with others that ship.

        Raises:
            CorruptFileError: damaged or foreign; the message names the chunk.
            UnsupportedVersionError: a newer format.
            WeightsMismatchError: written with other weights.
        """
        header, chunks = read_file(data)
        alpha, metadata = _side_chunks(header, chunks)
        pixels = self._decode_pixels(header, chunks)
        return Picture(pixels, alpha, metadata).to_image()

    def _pack(
        self, picture: Picture, coded: Coded, quality: int, stored_hash: bytes | None
    ) -> bytes:
        chunks = [Chunk(ChunkType.TILE, payload) for payload in coded.learned]
        chunks += [Chunk(ChunkType.EXACT, payload) for payload in coded.exact]
        if picture.alpha is not None:
            chunks.append(Chunk(ChunkType.ALPHA, _pack_alpha(picture.alpha)))
        for kind, key in METADATA.items():
            raw = picture.metadata.get(key, b"")
            if len(raw) > MAX_METADATA:
                warnings.warn(f"{key} of {len(raw):,} bytes is left out", stacklevel=3)
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

    def _decode_pixels(self, header: Header, chunks: list[Chunk]) -> Image.Image:
        """Pixels of mode "RGB", "L" or "I;16"."""
        mode, size = MODES[header.mode].removesuffix("A"), (header.width, header.height)
        boxes = tile_boxes(*size, header.tile)
        payloads = [c.payload for c in chunks if c.type == ChunkType.TILE]
        if len(payloads) != len(boxes):
            raise CorruptFileError(f"tile: {len(payloads)} of {len(boxes)} tiles are there")
        sizes = [(right - left, bottom - top) for left, top, right, bottom in boxes]
        if header.weights == NO_WEIGHTS:
            image, missing = Image.new(mode, size), set(range(len(boxes)))
        else:
            own = header.weights == self.digest
            model = self.model if own else weight_files.load_shipped(header.weights, self.device)
            image, missing = (
                _decode_tiles(model, payloads, mode, size, header.quality, header.tile),
                set(),
            )
        for chunk in chunks:
            if chunk.type == ChunkType.EXACT:
                part = unpack_exact(chunk.payload, mode, sizes)
                put_cells(image, part, boxes[part.tile][:2])
                if part.cells.all():
                    missing.discard(part.tile)
        if missing:
            raise CorruptFileError(f"exact: tile {min(missing)} is missing")
        return image

    def _tiles(self, pixels: Image.Image, quality: int, effort: str) -> list[bytes]:
        rows, columns = latent_size(pixels.width, pixels.height)
        payloads = []
        for window in tiling.windows(rows, columns, tiling.TILE, self.model.margin):
            x = read_area(pixels, window.outer, LATENT_STRIDE).sub_(0.5)
            y = self.model.analyse(x, quality)
            rdoq = effort != "fast"
            tile = window.inside.of(y)
            payload = self.model.encode_latents(tile, quality, rdoq=rdoq)
            if effort == "max" and is_defined(self.model.config.distortion, x):
                payload = self._refined(x.to(self.device), y, window, quality, payload)
            payloads.append(payload)
        return payloads

    def _refined(
        self, x: Tensor, y: Tensor, window: tiling.Window, quality: int, payload: bytes
    ) -> bytes:
        """A tile's payload, or a refined one if it costs less R + lambda D: of a small one it may not."""
        refined = refine_latents(self.model, x, y, window, quality)
        other = self.model.encode_latents(window.inside.of(refined), quality, rdoq=True)

        @torch.inference_mode()
        def cost(payload: bytes) -> float:
            latents, size = y.clone(), (window.height, window.width)
            decoded = self.model.decode_latents(payload, *size, quality)
            window.inside.of(latents).copy_(decoded)
            config, picture = self.model.config, self.model.synthesise(latents, quality)
            q = self.model.quality_tensor(quality)
            error = float(distortion(config, x, picture, q)) * x.shape[2] * x.shape[3]
            return 8 * len(payload) + config.rd_lambda(quality) * error

        return min(payload, other, key=cost)


@lru_cache(maxsize=1)
def default_codec() -> Codec:
    """The one codec of callers that choose neither device nor weights."""
    return Codec()


def latent_size(width: int, height: int) -> tuple[int, int]:
    """(rows, columns) of the latents of an image."""
    return -(-height // LATENT_STRIDE), -(-width // LATENT_STRIDE)


def _decode_tiles(
    model: InferenceModel,
    payloads: list[bytes],
    mode: str,
    size: tuple[int, int],
    quality: int,
    tile: int,
) -> Image.Image:
    """Pixels of a mode and size from the payloads of all tiles."""
    rows, columns = latent_size(*size)
    tiles = list(tiling.windows(rows, columns, tile, model.margin))
    image = Image.new(mode, size)
    for row, latents in _decode_bands(model, tiles, payloads, columns, quality):
        for window in row:
            x = model.synthesise(latents[..., window.outer.columns], quality)
            write_tile(image, window, x + 0.5, LATENT_STRIDE)
    return image


def _decode_bands(
    model: InferenceModel,
    tiles: list[tiling.Window],
    payloads: list[bytes],
    columns: int,
    quality: int,
) -> Iterator[tuple[list[tiling.Window], Tensor]]:
    """Each row of tiles with the latents of its outer windows, over the full width.

    Three rows of tiles are in memory at a time, not the whole image's latents.
    """
    rows = [list(group) for _, group in groupby(tiles, key=lambda w: w.top)]
    remaining = iter(payloads)

    def decode(row: list[tiling.Window]) -> Tensor:
        channels = model.config.latent_channels
        band = torch.empty(1, channels, row[0].height, columns, device=model.device)
        for window, payload in zip(row, remaining, strict=False):
            tile = model.decode_latents(payload, window.height, window.width, quality)
            band[..., window.inner.columns] = tile
        return band

    margin = model.margin
    current = decode(rows[0])
    before = current[:, :, :0]
    for number, row in enumerate(rows):
        after = decode(rows[number + 1]) if number + 1 < len(rows) else current[:, :, :0]
        yield row, torch.cat([before, current, after[:, :, :margin]], dim=2)
        before = torch.cat([before, current], dim=2)[:, :, -margin:].clone()
        current = after


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
    try:
        alpha = Image.open(io.BytesIO(payload), formats=["PNG"])
        if alpha.size == size and alpha.mode == "L":
            alpha.load()
            return alpha
    except Exception as error:  # Pillow raises many kinds on malformed PNGs
        raise CorruptFileError(f"alpha: {error}") from None
    raise CorruptFileError("alpha: not of the image's size")


def _side_chunks(
    header: Header, chunks: list[Chunk]
) -> tuple[Image.Image | None, dict[str, bytes]]:
    """Alpha (if the mode has one) and metadata."""
    alphas = [c.payload for c in chunks if c.type == ChunkType.ALPHA]
    if len(alphas) != MODES[header.mode].endswith("A"):
        raise CorruptFileError("alpha: missing or unexpected")
    size = (header.width, header.height)
    return (_unpack_alpha(alphas[0], size) if alphas else None), unpack_metadata(chunks)
