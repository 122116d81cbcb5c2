"""Image files denoised, and noisy copies of them made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from aecodec.errors import UsageError, require
from aecodec.workflows.batch.local import Product, Work

if TYPE_CHECKING:
    from PIL import Image

Cleaner: TypeAlias = "Callable[[Image.Image], tuple[Image.Image, dict[str, Any]]]"

PROCESSES: dict[str, dict[str, float]] = {
    "gaussian": {"sigma": 25.0},
    "poisson-gaussian": {"photons": 100.0, "sigma": 0.0},
    "camera": {"iso": 3200.0, "quality": 95},
    "speckle": {"deviation": 0.2},
    "salt-and-pepper": {"fraction": 0.1},
    "masking": {"fraction": 0.5},
    "jpeg": {"quality": 30},
}
"""Of each way to make noise, its levels, and their values if not given."""

_SAVED = 2.2e-6  # seconds a pixel that bfloat16 saves on one thread


def prepare_for(sources: Sequence[Path]) -> None:
    """Choose for so many files what runs the network, before it is loaded."""
    from aecodec.nn.runtime import import_torch_if_it_pays
    from aecodec.workflows.pixel_counts import about_pixels

    import_torch_if_it_pays(_SAVED * about_pixels(sources))


def denoiser(
    format: str,
    *,
    sigma: float | None = None,
    noise: str = "auto",
    strength: float = 1.0,
    weights: str | Path | None = None,
    device: str = "auto",
) -> Work:
    """What denoises one image file; arguments as of `Denoiser.denoise`, a format such as "png"."""
    from aecodec.denoising.denoiser import Denoiser

    model = Denoiser(device, weights)

    def work(source: Path) -> Product:
        from aecodec.images import Picture, open_image

        picture = Picture.from_image(open_image(source))
        clean, found = model.denoise_picture(picture, sigma, noise, strength)
        facts = {"noise": found.kind, "sigma": round(found.sigma, 2), "strength": strength}
        summary = f"{found.kind} noise, sigma {found.sigma:.1f}"
        return _product(clean.to_image(), format, facts, summary)

    return work


def cleaner(device: str, weights: str | Path | None) -> Cleaner:
    """A function from an image to the clean one and the noise that was found."""
    from aecodec.denoising.denoiser import Denoiser
    from aecodec.images import Picture

    model = Denoiser(device, weights)

    def clean(image: Image.Image) -> tuple[Image.Image, dict[str, Any]]:
        picture, found = model.denoise_picture(Picture.from_image(image), None, "auto", 1.0)
        return picture.to_image(), {"noise": found.kind, "sigma": round(found.sigma, 2)}

    return clean


def corrupter(format: str, noise: str, levels: Mapping[str, float], seed: int) -> Work:
    """What makes a noisy copy of one image file; levels as of `check_levels`."""
    from aecodec.denoising.corrupt import corrupt

    process = partial(_apply, noise=noise, levels=levels)

    def work(source: Path) -> Product:
        from aecodec.images import open_image

        noisy = corrupt(open_image(source), process, seed)
        summary = ", ".join(f"{name} {value:g}" for name, value in levels.items())
        facts = {"noise": noise, **levels, "seed": seed}
        return _product(noisy, format, facts, f"{noise}, {summary}")

    return work


def check_levels(noise: str, given: Mapping[str, float]) -> dict[str, float]:
    """The levels of a process, those given checked, the others filled in.

    Raises:
        UsageError: not a level of this process, or out of its range.
    """
    for name in given:
        if name not in PROCESSES[noise]:
            takes = " and ".join(f"--{option}" for option in PROCESSES[noise])
            raise UsageError(f"--{name} is not for {noise}, which takes {takes}")
    levels = {**PROCESSES[noise], **given}
    try:
        require("corrupt", "train", "torch")
        import torch

        _apply(torch.zeros(1, 1, 8, 8), torch.Generator(), noise=noise, levels=levels)
    except ValueError as error:
        raise UsageError(str(error)) from None
    return levels


def _apply(x: Any, generator: Any, *, noise: str, levels: Mapping[str, float]) -> Any:
    from aecodec.denoising.camera import camera
    from aecodec.nn import noise as processes

    if noise == "gaussian":
        return processes.gaussian(x, levels["sigma"], generator)
    if noise == "poisson-gaussian":
        return processes.poisson_gaussian(x, levels["photons"], levels["sigma"], generator)
    if noise == "camera":
        return camera(x, levels["iso"], int(levels["quality"]), generator)
    if noise == "speckle":
        return processes.speckle(x, levels["deviation"], generator)
    if noise == "salt-and-pepper":
        return processes.salt_and_pepper(x, levels["fraction"], generator)
    if noise == "masking":
        return processes.masking(x, levels["fraction"], generator, shared_dim=-3)
    return processes.jpeg(x, int(levels["quality"]))


def _product(image: Image.Image, format: str, facts: dict[str, Any], summary: str) -> Product:
    from aecodec.images import image_bytes

    size = {"width": image.width, "height": image.height, "mode": image.mode}
    data = image_bytes(image, format)
    return Product(data, {**facts, **size}, f"{image.width}x{image.height}  {summary}")
