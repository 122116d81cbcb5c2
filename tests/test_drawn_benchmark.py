"""`benchmarks.drawn`: its measures, on pictures whose figures are known."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aecodec.codec.codec import Codec
from aecodec.evaluation.classic_codecs import AvifPsnr
from aecodec.evaluation.metrics import psnr
from aecodec.training.bank import TRAINED_FROM
from aecodec.training.drawn import KINDS, draw
from benchmarks import drawn
from benchmarks.suspicion import exactness, photo_table, suspicion


def test_pictures_are_of_every_kind_and_of_seeds_that_no_training_draws() -> None:
    pictures = list(drawn.drawn_pictures(len(KINDS)))
    assert [picture.kind for picture in pictures] == list(KINDS)
    seeds = [int(picture.name.removeprefix("seed ")) for picture in pictures]
    assert min(seeds) >= drawn.FIRST_SEED
    assert max(seeds) < TRAINED_FROM
    found = {(p.kind, p.name): p.image for p in drawn.found_pictures(drawn.ROOT)}
    assert {name for kind, name in found if kind == "scikit-image"} >= {"page", "horse", "logo"}
    assert ("project", "docs/side_by_side.png") in found
    assert ("screenshots", "docs/ui_search.webp") in found
    assert np.unique(np.asarray(found["scikit-image", "horse"])).tolist() == [0, 255]


def test_the_worst_block_is_where_the_error_is() -> None:
    original = Image.new("RGB", (70, 40), "white")
    decoded = original.copy()
    decoded.paste((245, 255, 255), (64, 32, 70, 40))  # all of the last block, which is smaller
    blocks = drawn.block_psnr(original, decoded)
    assert blocks.shape == (2, 3)
    assert np.isinf(np.delete(blocks.ravel(), 5)).all()
    assert blocks[1, 2] == pytest.approx(10 * math.log10(255**2 / (100 / 3)))


def test_failures_are_counted_against_the_requirements() -> None:
    fine = {"quality": 50, "psnr": 28.0, "worst_block": 15.0, "bytes": 205, "webp_bytes": 100}
    assert drawn.failures(fine) == []
    assert drawn.failures({**fine, "quality": 90}) == ["psnr"]
    assert drawn.failures({**fine, "worst_block": 14.9, "bytes": 206}) == ["block", "bytes"]


@pytest.mark.skipif(not AvifPsnr().works(), reason="Pillow writes no AVIF here")
def test_bytes_of_avif_at_a_psnr(cat: Image.Image) -> None:
    avif, image = AvifPsnr(), cat.crop((120, 60, 248, 156))
    file = avif.encode(image, 60)
    decibels = psnr(image, avif.decode(file))
    curve = drawn.AvifCurve(image, AvifPsnr())
    assert curve.bytes_at(decibels) == pytest.approx(len(file))
    assert curve.bytes_at(decibels - 0.1) < len(file) < curve.bytes_at(decibels + 0.1)
    least = len(avif.encode(image, drawn.AVIF_QUALITIES[0]))
    assert curve.bytes_at(5.0) == pytest.approx(least)
    assert curve.bytes_at(math.inf) is None


def measure(codec: Codec, picture: drawn.Picture) -> list[dict[str, Any]]:
    return drawn.measure(codec, picture, in_full=picture.kind == "photo", with_avif=False)


def test_a_row_a_quality_and_their_means(codec: Codec, cat: Image.Image) -> None:
    stripes = draw(drawn.FIRST_SEED, "stripes", (96, 64))
    photo = cat.crop((120, 60, 216, 140))
    pictures = [drawn.Picture("stripes", "seed 1", stripes), drawn.Picture("photo", "cat", photo)]
    rows = [row for picture in pictures for row in measure(codec, picture)]
    assert [row["quality"] for row in rows] == [20, 50, 90] * 2
    assert [row["exact"] for row in rows] == ["wholly"] * 3 + [""] * 3
    assert rows[0]["psnr"] == math.inf
    assert rows[0]["failures"] == []
    assert rows[3]["worst_block"] <= rows[3]["psnr"] < rows[5]["psnr"]
    found = drawn.groups([row for row in rows if row["quality"] == 50])
    assert list(found) == ["all drawn", "stripes", "photo"]
    cells = {kind: drawn.summarise(some) for kind, some in found.items()}
    assert cells["stripes"]["wholly_exact"] == 1
    assert cells["photo"]["least_psnr"] == rows[4]["psnr"]
    assert cells["photo"]["to_webp"] == rows[4]["bytes"] / rows[4]["webp_bytes"] < 1
    assert cells["photo"]["bytes"] == rows[4]["bytes"]
    missed = drawn.summarise([{**rows[4], "failures": ["block"]}, rows[4]])["missed"]
    assert missed == {"psnr": 0, "block": 1, "bytes": 0}
    text = drawn.tables({"summary": {"50": cells}})
    assert "| stripes | 1 |" in text
    assert "| exact | exact | exact |" in text
    assert cells["stripes"]["ssimulacra2"] is None
    assert cells["photo"]["ssimulacra2"] == rows[4]["ssimulacra2"] > 40
    name = f"seed {drawn.FIRST_SEED}"
    sheet = drawn.worst_sheet(codec, [{**row, "picture": name} for row in rows[:3]])
    assert min(sheet.size) >= drawn.CROP


def test_photographs_are_not_suspected_and_a_drawn_page_is(
    codec: Codec, cat: Image.Image, tmp_path: Path
) -> None:
    page = tmp_path / "page.png"
    draw(drawn.FIRST_SEED, "page", (256, 192)).save(page)
    cat.save(tmp_path / "cat.png")
    photos = suspicion(codec, [tmp_path / "cat.png"], [50])
    assert (photos["50"]["suspected"], photos["50"]["exact"]) == (0, 0)
    assert photos["50"]["time_ratio"] > 0
    both = suspicion(codec, [tmp_path / "cat.png", page], [50])
    assert both["50"]["suspected"] == 1
    assert "1 of 2" in photo_table(both)
    assert exactness(codec.compress(cat, 50, lossless=True)) == "wholly"
