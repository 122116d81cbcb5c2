"""Pillow plugin: `Image.open("x.aec")` and `image.save("x.aec", quality=50)`."""

from __future__ import annotations

from typing import IO, Any

from PIL import Image, ImageFile

from aecodec.codec import container
from aecodec.errors import AecodecError

FORMAT = "AEC"


def _accept(prefix: bytes) -> bool:
    return prefix[: len(container.MAGIC)] == container.MAGIC


class AecImageFile(ImageFile.ImageFile):
    """Reads the header on open; decodes the pixels on first use, as Pillow's own formats do."""

    format = FORMAT
    format_description = "aecodec learned image compression"

    def _open(self) -> None:
        assert self.fp is not None
        self._data = self.fp.read()
        try:
            header, chunks = container.read_file(self._data)
            self.info.update(container.unpack_metadata(chunks))
        except AecodecError as error:
            raise SyntaxError(str(error)) from None  # Pillow's word for "not readable"
        self._size = (header.width, header.height)
        self._mode = container.MODES[header.mode]
        self.info["quality"] = header.quality
        self.tile = []

    def load(self) -> Any:
        if self._data:
            from aecodec.codec.codec import default_codec

            image = default_codec().decompress(self._data)
            self.im = image.im
            self._data = b""
            if self._exclusive_fp and self.fp:  # Windows replaces no file that is open
                self.fp.close()
                self.fp = None
        return super().load()


def _save(image: Image.Image, file: IO[bytes], filename: str | bytes) -> None:
    from aecodec.codec.codec import default_codec

    options = image.encoderinfo
    image = image.copy()
    for key in container.METADATA.values():
        if value := options.get(key):
            image.info[key] = value.tobytes() if isinstance(value, Image.Exif) else value
    data = default_codec().compress(
        image, quality=options.get("quality", 50), effort=options.get("effort", "default")
    )
    file.write(data)


def register_pillow() -> None:
    """Teach Pillow the .aec format; safe to call more than once."""
    Image.register_open(FORMAT, AecImageFile, _accept)
    Image.register_save(FORMAT, _save)
    Image.register_extension(FORMAT, ".aec")
    Image.register_mime(FORMAT, "image/x-aec")
