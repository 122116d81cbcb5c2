from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import load_file

from aecodec.codec.weights import inference_model
from aecodec.training.hyper_prior import (
    fitted_hyper_prior,
    hyper_bits,
    hyper_prior_tensors,
    untrained_hyper_prior,
)
from aecodec.training.recipe import CodecRecipe, load_recipe
from aecodec.weights import weight_file
from tests.training.test_codec_calibration import crop_of


def test_a_fitted_network_saves_bits_and_is_what_inference_runs(cat: Image.Image) -> None:
    config = load_recipe("codec-psnr", CodecRecipe).model
    tensors = load_file(weight_file("codec-psnr"))
    model = inference_model(config, tensors, "onnx")
    crops = [crop_of(cat), crop_of(cat)]  # one to see it by, one to learn from
    untrained = untrained_hyper_prior(config, torch.from_numpy(tensors["hyper_index"]).float())
    fitted = fitted_hyper_prior(model, crops, 120)
    x, quality = crops[0].float().numpy() / 255 - 0.5, 25
    z = torch.from_numpy(model.hyper_latents(model.analyse(x, quality), quality))
    at = torch.tensor([float(quality)])
    with torch.no_grad():
        before, after = (float(hyper_bits(prior, z, at).sum()) for prior in (untrained, fitted))
        assert after < 0.97 * before
        known = torch.randint(0, 256, (1, 2 * config.hyper_channels + 4, 4, 6)).float()
        mean, index = fitted(known, at)
    own = {name: tensor.numpy() for name, tensor in hyper_prior_tensors(fitted).items()}
    exact = inference_model(config, tensors | own, "onnx").networks
    found = exact.hyper_predict(known.numpy(), quality)
    np.testing.assert_array_equal(found[0], mean.numpy())
    np.testing.assert_array_equal(found[1], index.clamp(0, 63).numpy())


def test_what_helps_no_other_picture_is_not_kept(cat: Image.Image) -> None:
    config = load_recipe("codec-psnr", CodecRecipe).model
    tensors = load_file(weight_file("codec-psnr"))
    model = inference_model(config, tensors, "onnx")
    noise = torch.randint(0, 256, (1, 3, 128, 128), generator=torch.Generator().manual_seed(0))
    fitted = fitted_hyper_prior(model, [crop_of(cat), noise.to(torch.uint8)], 30)
    assert not fitted.head.weight.any()
