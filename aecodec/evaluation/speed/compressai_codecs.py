"""CompressAI's codecs for timing: its networks and entropy coder, untrained weights.

Trained weights would have to be downloaded. Time hardly depends on the values of the
weights, with one exception: the entropy coder's, through the number and size of the
symbols. Untrained networks map a photo to symbols that are nearly all zero under
scales that do not fit. So the latents are scaled to `SCALE`, and the hyper decoder is
told to predict `SCALE`, which makes files of roughly the size that the trained models
make at quality 4. Pictures decoded from them are noise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from aecodec.errors import needs_extra
from aecodec.torchvision_repair import make_importable

if TYPE_CHECKING:
    from torch import Tensor

QUALITY = 4
# (name, quality): up to 4 or 5 the networks are small; at 8 mbt2018-mean has 320 latents.
MODELS = (
    ("bmshj2018-factorized", QUALITY),
    ("bmshj2018-hyperprior", QUALITY),
    ("mbt2018-mean", QUALITY),
    ("mbt2018-mean", 8),
)
SCALE = 0.33  # standard deviation of the latents: about 0.5 bpp at 192 channels


def _tensor(image: Image.Image) -> Tensor:
    """(1, 3, H, W) in [0, 1]."""
    import torch

    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255


class CompressAiCodec:
    """One model of CompressAI's zoo, from an image to its entropy-coded strings and back.

    Args:
        name: of a model in the zoo.
        image: what the latents are scaled on; its sides are multiples of 64.
        quality: of the zoo, which decides the size of the network.

    Raises:
        AecodecError: CompressAI is not installed.
    """

    def __init__(self, name: str, image: Image.Image, quality: int = QUALITY) -> None:
        import torch

        make_importable()  # importing CompressAI imports torchvision
        try:
            from compressai.zoo import image_models
        except ImportError as error:
            raise needs_extra("a CompressAI codec", "bench") from error
        self.name = name if quality == QUALITY else f"{name}, quality {quality}"
        torch.manual_seed(0)
        self._net: Any = image_models[name](quality, pretrained=False).eval()
        self._fit_symbols(_tensor(image))
        self._net.update()

    def _fit_symbols(self, x: Tensor) -> None:
        import torch

        with torch.inference_mode():
            y = self._net.g_a(x)
        with torch.no_grad():
            last = self._net.g_a[-1]
            factor = SCALE / y.std(dim=(0, 2, 3))
            last.weight *= factor[:, None, None, None]
            last.bias.copy_((last.bias - y.mean(dim=(0, 2, 3))) * factor)
            if hasattr(self._net, "h_s"):
                self._predict_scale(channels=len(factor))
        self._narrow_bottleneck()

    def _predict_scale(self, channels: int) -> None:
        """Let the hyper decoder predict `SCALE`, and zero for the means if it has any."""
        last = [module for module in self._net.h_s if hasattr(module, "bias")][-1]
        last.weight.zero_()
        last.bias.zero_()
        last.bias[:channels] = SCALE

    def _narrow_bottleneck(self) -> None:
        """Replace the factorised prior, which starts 20 symbols wide, by one about 1 wide."""
        from compressai.entropy_models import EntropyBottleneck

        bottleneck = EntropyBottleneck(self._net.entropy_bottleneck.channels, init_scale=0.2)
        bottleneck.quantiles.data *= 50  # tables for -10..10: no symbol needs an escape code
        for bias in bottleneck.biases:
            bias.data.zero_()  # random at the start: a prior beside the symbols
        self._net.entropy_bottleneck = bottleneck.eval()

    def encode(self, image: Image.Image) -> Any:
        import torch

        with torch.inference_mode():
            return self._net.compress(_tensor(image))

    def size(self, compressed: Any) -> int:
        """Bytes of all strings."""
        return sum(len(string) for strings in compressed["strings"] for string in strings)

    def decode(self, compressed: Any) -> Image.Image:
        import torch

        with torch.inference_mode():
            x = self._net.decompress(compressed["strings"], compressed["shape"])["x_hat"][0]
            return Image.fromarray((x * 255).round().byte().permute(1, 2, 0).numpy())
