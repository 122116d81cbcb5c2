"""Which cells of a tile are kept exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecodec.codec import tile as tiles
from aecodec.codec.codec import Codec
from aecodec.codec.few_colours import pack_cheapest
from aecodec.codec.tile import Tile
from aecodec.images.cells import CELL, alone
from aecodec.training.drawn import draw
from tests.conftest import psnr

PAGE = Path(__file__).parents[2] / "docs" / "ui_compress.webp"


def test_a_control_among_text_is_not_smeared(codec: Codec) -> None:
    """The knob of a slider, soft and alone in its cell, beside a photograph: 31.4 dB before."""
    page = Image.open(PAGE).convert("RGB").crop((96, 192, 864, 640))
    decoded = codec.decompress(codec.compress(page, quality=20)).convert("RGB")
    knob = (7 * CELL, 3 * CELL, 8 * CELL, 4 * CELL)
    assert psnr(page.crop(knob), decoded.crop(knob)) > 36


def test_a_cell_is_alone_among_others_or_beside_one_like_it() -> None:
    cells = np.zeros((6, 7), bool)
    cells[1, 1] = cells[0, 5] = cells[4, 2] = cells[4, 3] = True
    cells[2:5, 5:7] = True  # six of them
    assert alone(cells).sum() == 4
    assert not alone(cells)[2:5, 5:].any()
    assert not alone(np.ones((2, 2), bool)).any()
    assert alone(np.ones((1, 1), bool)).all()


def test_a_whole_tile_is_packed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def pack(*args: object) -> object:
        calls.append(args)
        return pack_cheapest(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(tiles, "pack_cheapest", pack)
    image = draw(100, "chart", (160, 128)).convert("RGB")
    tile = Tile(0, (0, 0, *image.size), image, 50)
    tile.keep_all(1.0)  # exact, they take more bits: fewer colours are not tried
    assert not tile.exact.reduced
    tile.keep_all()
    kept = tile.exact
    tile.leave()
    tile.keep_all()
    assert kept.reduced
    assert tile.exact == kept
    assert tile.cells.all()
    assert len(calls) == 2
