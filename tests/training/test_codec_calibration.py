from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import load_file

from aecodec.codec.entropy import PRECISION
from aecodec.codec.hyper_prior import FIRST, SCALES
from aecodec.codec.weights import inference_model
from aecodec.training.codec_calibration import assumed_tables, calibrated_tables
from aecodec.training.data import centre_crops
from aecodec.training.export import table_tensors
from aecodec.training.recipe import CodecRecipe, load_recipe
from aecodec.weights import weight_file
from tests.pictures import photograph
from tests.training.conftest import pixels_of


def crop_of(image: Image.Image) -> torch.Tensor:
    pixels = ((pixels_of(image) + 0.5) * 255).round().to(torch.uint8)
    return centre_crops([pixels[0].permute(1, 2, 0)], 256)[0]


def arrays(tensors: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def test_fitted_tables_make_other_pictures_smaller(cat: Image.Image) -> None:
    config = load_recipe("codec-psnr", CodecRecipe).model
    tensors = load_file(weight_file("codec-psnr"))
    assumed = assumed_tables()
    model = inference_model(config, tensors | arrays(table_tensors(assumed)), "cpu")
    fitted = calibrated_tables(model, [crop_of(cat), crop_of(photograph("astronaut"))])
    assert [len(table) for table in fitted] == [len(table) for table in assumed]
    for table in fitted:
        assert sum(table) == 1 << PRECISION
        assert min(table) > 0
    for table in fitted[: FIRST + SCALES]:  # the others have means of their own
        assert table[:-1] == table[-2::-1]
    refitted = inference_model(config, tensors | arrays(table_tensors(fitted)), "cpu")
    x = pixels_of(photograph("coffee").crop((0, 0, 512, 384)))
    sizes = [0, 0]
    for quality in (10, 50, 90):
        y = model.analyse(x.numpy(), quality)
        payloads = [m.encode_latents(y, quality, rdoq=True) for m in (model, refitted)]
        sizes = [size + len(payload) for size, payload in zip(sizes, payloads, strict=True)]
        before, after = (
            m.decode_latents(payload, 24, 32, quality)
            for m, payload in zip((model, refitted), payloads, strict=True)
        )
        assert np.array_equal(before, after)
    assert sizes[1] < 0.997 * sizes[0]
