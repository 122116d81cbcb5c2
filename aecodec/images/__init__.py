"""Images: Pillow images taken apart, files read and written."""

from aecodec.images.arrays import image_of_array
from aecodec.images.picture import (
    MAX_PIXELS,
    ORIENTATION,
    PROPERTIES,
    Picture,
    check_size,
    image_info,
    to_8_bits,
)
from aecodec.images.reading import (
    IMAGE_SUFFIXES,
    WRITTEN_SUFFIXES,
    find_photos,
    image_of,
    open_image,
    open_pixels,
    open_reduced,
)
from aecodec.images.strip import STRIPPABLE, without_metadata
from aecodec.images.writing import image_bytes, save_image

__all__ = [
    "IMAGE_SUFFIXES",
    "MAX_PIXELS",
    "ORIENTATION",
    "PROPERTIES",
    "STRIPPABLE",
    "WRITTEN_SUFFIXES",
    "Picture",
    "check_size",
    "find_photos",
    "image_bytes",
    "image_info",
    "image_of",
    "image_of_array",
    "open_image",
    "open_pixels",
    "open_reduced",
    "save_image",
    "to_8_bits",
    "without_metadata",
]
