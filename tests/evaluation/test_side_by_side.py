import numpy as np
import pytest
from PIL import Image

from aecodec.evaluation.classic_codecs import Jpeg
from aecodec.evaluation.side_by_side import caption, side_by_side, worst_window

CAPTIONS = [("Original", ""), ("JPEG", "1 bpp"), ("aecodec", "1 bpp")]


def test_the_sheet_holds_pictures_crops_and_captions(photo: Image.Image) -> None:
    sheet = side_by_side(photo, [photo, photo], CAPTIONS)
    assert sheet.mode == "RGB"
    assert sheet.width == 3 * 360 + 4 * 12
    # The pictures scaled to 360 wide, crops of 120x80, two lines of text and gaps.
    assert sheet.height == 264 + 240 + 2 * 22 + 4 * 12
    assert np.asarray(sheet)[-60:].min() < 128, "no captions"


def test_columns_show_their_own_picture(photo: Image.Image) -> None:
    poor = Jpeg().decode(Jpeg().encode(photo, 5))
    sheet = np.asarray(side_by_side(photo, [poor, photo], CAPTIONS))
    columns = np.split(sheet[:500, 12:], 3, axis=1)
    assert (columns[0] == columns[2]).mean() > 0.99
    assert (columns[0] == columns[1]).mean() < 0.7


def test_worst_window_finds_the_error_of_both() -> None:
    original = Image.new("RGB", (90, 70), "grey")
    first, second = original.copy(), original.copy()
    first.paste("black", (50, 40, 60, 50))
    second.paste("white", (55, 42, 62, 52))
    left, top, right, bottom = worst_window(original, [first, second], (30, 20))
    assert (right - left, bottom - top) == (30, 20)
    assert left <= 50
    assert right >= 62
    assert top <= 40
    assert bottom >= 52


def test_a_picture_smaller_than_the_crop() -> None:
    tiny = Image.new("RGB", (16, 8), "red")
    assert side_by_side(tiny, [tiny, tiny], CAPTIONS).width == 3 * 372 + 12


def test_caption_and_refusals(photo: Image.Image) -> None:
    data = Jpeg().encode(photo, 50)
    lines = caption("JPEG", data, photo, Jpeg().decode(data))
    assert lines[0] == f"JPEG: {len(data):,} bytes"
    assert lines[1].startswith(f"{8 * len(data) / (240 * 176):.3f} bpp, ")
    with pytest.raises(ValueError, match="one size"):
        side_by_side(photo, [photo.rotate(90, expand=True), photo], CAPTIONS)
    with pytest.raises(ValueError, match="caption for each"):
        side_by_side(photo, [photo, photo], CAPTIONS[:2])
