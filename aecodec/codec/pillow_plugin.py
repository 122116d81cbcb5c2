"""Pillow plugin: `Image.open("x.aec")` and `image.save("x.aec", quality=50)`.

Pillow opens, and so empties, the file before it calls a plugin: a save that fails loses the old
one, in this format as in all. To keep it, call `aecodec.compress` first and write its bytes then.
"""

from __future__ import annotations

import math
import operator
import os
from typing import IO, Any

from PIL import Image, ImageFile, UnidentifiedImageError

from aecodec.codec import SUFFIX, container
from aecodec.codec.preview import REDUCED
from aecodec.errors import AecodecError, named
from aecodec.images import image_info

FORMAT = "AEC"
_KEPT = ("icc_profile", "exif", "xmp", "dpi", "comment", "text")
_OPTIONS = ("quality", "effort", "lossless")


def _accept(prefix: bytes) -> bool:
    return prefix[: len(container.MAGIC)] == container.MAGIC


class AecImageFile(ImageFile.ImageFile):
    """Reads the header on open; decodes the pixels on first use, as Pillow's own formats do.

    Before that, `draft` and `thumbnail` ask for a small picture, and `crop` for a part, at less
    than the cost of the whole.
    """

    format = FORMAT
    format_description = "aecodec learned image compression"

    def _open(self) -> None:
        assert self.fp is not None
        try:
            self._data = container.read_bytes(self.fp)
            header, chunks = container.read_file(self._data)
            self.info.update(image_info(container.unpack_metadata(chunks)))
        except AecodecError as error:
            # Not SyntaxError: no other plugin is to be tried, and Pillow would forget the reason.
            raise UnidentifiedImageError(
                named(os.fsdecode(self.filename) or "image", str(error))
            ) from None
        self._size = self._whole = (header.width, header.height)
        self._mode = container.MODES[header.mode]
        self._scale = 1
        self.info["quality"] = header.quality
        self.tile = []

    def draft(
        self, mode: str | None, size: tuple[int, int] | None
    ) -> tuple[str, tuple[int, int, float, float]] | None:
        """Have the picture an eighth or a sixteenth of each side, if that is no less than asked."""
        if not self._data or not size:
            return None
        width, height = self._whole
        fits = [s for s in REDUCED if -(-width // s) >= size[0] and -(-height // s) >= size[1]]
        self._scale = scale = max(fits, default=1)
        self._size = (-(-width // scale), -(-height // scale))
        return self.mode, (0, 0, width / scale, height / scale)

    def thumbnail(
        self,
        size: tuple[float, float],
        resample: Image.Resampling = Image.Resampling.BICUBIC,
        reducing_gap: float | None = 2.0,
    ) -> None:
        """As Pillow's, but from a preview where that is as large as the thumbnail.

        Pillow would ask `draft` for twice the size, which pixels need not have that are means, and
        for no less on the shorter side.

        Raises:
            ValueError: a side of nothing.
        """
        if min(size) <= 0:
            raise ValueError(
                f"a thumbnail of {size[0]}x{size[1]} has no pixels; give sides of 1 or more"
            )
        ratio = max(whole / wanted for whole, wanted in zip(self._whole, size, strict=True))
        if self._data and reducing_gap is not None and ratio >= min(REDUCED):
            width, height = (math.ceil(whole / ratio) for whole in self._whole)
            size, reducing_gap = (min(width, size[0]), min(height, size[1])), 1.0
        super().thumbnail(size, resample, reducing_gap)

    def crop(self, box: tuple[float, float, float, float] | None = None) -> Image.Image:
        """A part, for which only what it touches is decoded."""
        if box is not None and self._data and self._scale == 1:
            left, top, right, bottom = (operator.index(round(side)) for side in box)
            inside = 0 <= left < right <= self.width and 0 <= top < bottom <= self.height
            if inside and (right - left, bottom - top) != self.size:
                from aecodec.codec.codec import default_codec

                self._close_file()
                image = default_codec().decompress(self._data, box=(left, top, right, bottom))
                image.info = self.info.copy()
                return image
        return super().crop(box)

    def load(self) -> Any:
        if self._data:
            from aecodec.codec.codec import default_codec

            codec, whole = default_codec(), self._scale == 1
            image = (
                codec.decompress(self._data) if whole else codec.preview(self._data, self._scale)
            )
            self.im = image.im
            self._data = b""
            self._close_file()
        return super().load()

    def _close_file(self) -> None:
        """Its bytes are in memory, and Windows replaces no file that is open."""
        if self._exclusive_fp and self.fp:
            self.fp.close()
            self.fp = None


def _save(image: Image.Image, file: IO[bytes], filename: str | bytes) -> None:
    """`Image.save` with quality, effort, lossless, icc_profile, exif, xmp, dpi, comment, text."""
    from aecodec.codec.codec import default_codec

    options = image.encoderinfo
    image = image.copy()
    for key in _KEPT:
        if value := options.get(key):
            image.info[key] = value.tobytes() if isinstance(value, Image.Exif) else value
    given = {key: options[key] for key in _OPTIONS if key in options}
    file.write(default_codec().compress(image, **given))


def register_pillow() -> None:
    """Teach Pillow the .aec format; safe to call more than once."""
    Image.register_open(FORMAT, AecImageFile, _accept)
    Image.register_save(FORMAT, _save)
    Image.register_extension(FORMAT, SUFFIX)
    Image.register_mime(FORMAT, "image/x-aec")
