"""imageio plugin: `imageio.v3.imread("x.aec")` and `imwrite("x.aec", array, quality=50)`.

After `aecodec.register_imageio()`, or with `plugin=AecPlugin`: imageio has a fixed list of plugins,
and looks for no entry points of other packages. Without either, its `imwrite` writes a TIFF file
under such a name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from imageio.config import known_extensions, known_plugins
from imageio.config.extensions import FileExtension
from imageio.config.plugins import PluginConfig
from imageio.core.request import URI_BYTES, InitializationError, IOMode, Request
from imageio.core.v3_plugin_api import ImageProperties, PluginV3

from aecodec.codec import SUFFIX, container
from aecodec.images import image_info

NAME = "AEC"
_EITHER = (None, 0, ..., -1)  # which of one image


class AecPlugin(PluginV3):
    """Reads and writes one image.

    Raises:
        InitializationError: not an .aec file, which other plugins may know.
        AecodecError: an .aec file that is damaged or newer.
    """

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        self._data = b""
        if request.mode.io_mode == IOMode.write:
            if request.extension != SUFFIX:
                raise InitializationError(f"only files that end in {SUFFIX} are written")
            return
        if not request.firstbytes.startswith(container.MAGIC):
            raise InitializationError("not an .aec file")
        self._data = container.read_bytes(request.get_file())
        header, chunks = container.read_file(self._data)
        self._metadata = image_info(container.unpack_metadata(chunks))
        self._metadata["quality"] = header.quality
        mode = container.MODES[header.mode]
        channels = () if mode in ("L", "I;16") else (len(mode),)
        self._shape = (header.height, header.width, *channels)
        self._dtype = np.dtype(np.uint16 if mode == "I;16" else np.uint8)

    def read(self, *, index: Any = None) -> npt.NDArray[np.uint8 | np.uint16]:
        """The pixels, as `aecodec.decompress` gives them."""
        _check(index)
        from aecodec.codec.codec import default_codec

        return default_codec().decompress(self._data, as_array=True)

    def iter(self) -> Iterator[npt.NDArray[np.uint8 | np.uint16]]:
        yield self.read()

    def write(self, ndimage: Any, *, quality: int = 50, **options: Any) -> bytes | None:
        """Compress an array, or a list of one; options as of `aecodec.compress`."""
        from aecodec.codec.codec import default_codec

        if isinstance(ndimage, (list, tuple)):
            if len(ndimage) != 1:
                raise ValueError("an .aec file holds one image")
            (ndimage,) = ndimage
        data = default_codec().compress(np.asarray(ndimage), quality, **options)
        file = self.request.get_file()
        file.write(data)
        return data if self.request._uri_type == URI_BYTES else None

    def properties(self, index: Any = None) -> ImageProperties:
        _check(index)
        return ImageProperties(shape=self._shape, dtype=self._dtype, is_batch=False)

    def metadata(self, index: Any = None, exclude_applied: bool = True) -> dict[str, Any]:
        """ICC profile, EXIF, XMP, resolution and the like, and "quality"."""
        _check(index)
        return dict(self._metadata)


def _check(index: Any) -> None:
    if index not in _EITHER:
        raise IndexError(f"there is no image {index!r} in an .aec file, which holds one")


def register_imageio() -> None:
    """Teach imageio the .aec format; safe to call more than once."""
    known_plugins[NAME] = PluginConfig(
        name=NAME, class_name="AecPlugin", module_name=__name__, install_name="aecodec"
    )
    known_extensions[SUFFIX] = [
        FileExtension(name="aecodec learned image compression", extension=SUFFIX, priority=[NAME])
    ]
