from __future__ import annotations

import pytest
from PIL import Image

from aecodec.codec.codec import Codec
from aecodec.evaluation.classic_codecs import Jpeg
from aecodec.evaluation.equal_bytes import (
    Version,
    at_equal_bytes,
    psnr_curves,
    table_rows,
    usual_codecs,
)
from aecodec.evaluation.metrics import psnr


def test_others_spend_no_fewer_bytes_and_hardly_more(cat: Image.Image, codec: Codec) -> None:
    data = codec.compress(cat, 50)
    versions = at_equal_bytes(cat, len(data), usual_codecs())
    assert [*versions] == [other.name for other in usual_codecs()]
    for other in versions.values():
        assert len(data) <= len(other.data) < 1.15 * len(data)
        assert (other.image.mode, other.image.size) == ("RGB", cat.size)
    ours = {"aecodec": Version(data, codec.decompress(data))}
    name, size, bpp, first, second = table_rows(cat, ours | versions, ("psnr", "ms_ssim"))[0]
    assert (name, size) == ("aecodec", f"{len(data):,}")
    assert float(bpp) == pytest.approx(8 * len(data) / (451 * 300), abs=5e-4)
    assert float(first) == pytest.approx(psnr(cat, ours["aecodec"].image), abs=5e-3)
    assert 0.9 < float(second) < 1


def test_grey_and_deep_images_are_compared_as_8_bit_rgb(cat: Image.Image) -> None:
    deep = cat.convert("L").convert("I").point(lambda value: 257 * value).convert("I;16")
    (jpeg,) = at_equal_bytes(deep, 9000, [Jpeg()]).values()
    assert psnr(deep, jpeg.image) > 30


def test_the_curves_of_one_image_are_of_all_codecs(small: Image.Image) -> None:
    lines = psnr_curves(small, "cpu")["data"]
    assert {"aecodec", "aecodec, tuned for PSNR", "JPEG", "WebP"} <= {
        line["name"] for line in lines
    }
    for line in lines:
        assert line["x"] == sorted(line["x"])
        assert line["y"][0] < line["y"][-1]
