"""`aecodec denoise` and `corrupt`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from .batch import Job, Product, Work, plan, run, takes_file_name
from .images import image_file, image_suffix
from .options import AsJson, Device, Engine, Force, Output, RayAddress, inputs, local_paths, places

if TYPE_CHECKING:
    from PIL import Image

    from aecodec.denoising.denoiser import Denoiser

# Of each process, the options that it takes, and their values if not given.
PROCESSES: dict[str, dict[str, float]] = {
    "gaussian": {"sigma": 25.0},
    "poisson-gaussian": {"photons": 100.0, "sigma": 0.0},
    "speckle": {"deviation": 0.2},
    "salt-and-pepper": {"fraction": 0.1},
    "masking": {"fraction": 0.5},
    "jpeg": {"quality": 30},
}


_PANEL = "Denoising"


def add_to(app: typer.Typer) -> None:
    """Add this family's commands to the application."""
    app.command(rich_help_panel=_PANEL, epilog=_DENOISE_EXAMPLES)(denoise)
    app.command(rich_help_panel=_PANEL, epilog=_CORRUPT_EXAMPLES)(corrupt)


# ---- denoise ---------------------------------------------------------------------------


_DENOISE_EXAMPLES = (
    "[bold]Examples[/]\n"
    "  aecodec denoise photo.png\n"
    "  aecodec denoise photo.png -o clean.png --sigma 25\n"
    "  aecodec denoise photos -o clean --strength 0.7"
)


def weights_option(name: str) -> Any:
    """The option for a weight file of the denoiser."""
    return typer.Option(
        name,
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="A denoiser trained with 'aecodec train denoise'.",
        show_default="the one that ships",
    )


def denoise(
    inputs: Annotated[list[str], places("INPUT", "Images, and folders of images.")],
    output: Output = None,
    sigma: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=255,
            metavar="N",
            help="Standard deviation of the noise, on the scale of 0 to 255.",
            show_default="estimated",
        ),
    ] = None,
    auto: Annotated[bool, typer.Option("--auto", help="Estimate sigma; the default.")] = False,
    noise: Annotated[
        Literal["auto", "gaussian", "salt-and-pepper", "masking"],
        typer.Option(help="Kind of noise; auto recognises it."),
    ] = "auto",
    strength: Annotated[
        float,
        typer.Option(min=0, max=2, metavar="0-2", help="Less than 1 keeps grain, more smooths."),
    ] = 1.0,
    weights: Annotated[Path | None, weights_option("--weights")] = None,
    device: Device = "auto",
    engine: Engine = "local",
    ray_address: RayAddress = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Remove noise from images.

    Writes NAME-denoised.png next to each input, or NAME.png into the folder -o; -o FILE
    chooses another format. Existing files are kept unless --force is given.
    """
    if auto and sigma is not None:
        raise typer.BadParameter("--sigma and --auto exclude each other; give one of them")
    load = partial(
        _denoising, sigma=sigma, noise=noise, strength=strength, weights=weights, device=device
    )
    if engine == "ray":
        from aecodec.images import IMAGE_SUFFIXES

        from .ray_batch import run_on_ray

        run_on_ray(
            "denoise",
            inputs,
            output,
            partial(load, format="png"),
            suffixes=IMAGE_SUFFIXES,
            suffix=".png",
            address=ray_address,
            gpus=device != "cpu",
            force=force,
            as_json=as_json,
        )
        return
    jobs, format = _plan(local_paths(inputs, ray_address), output, "-denoised", force)
    run(jobs, partial(load, format=format), force=force, as_json=as_json)


def _denoising(
    sigma: float | None,
    noise: str,
    strength: float,
    weights: Path | None,
    device: str,
    format: str,
) -> Work:
    from aecodec.denoising.denoiser import Denoiser

    denoiser = Denoiser(device, weights)
    return lambda source: _denoise_one(denoiser, source, sigma, noise, strength, format)


def _denoise_one(
    denoiser: Denoiser,
    source: Path,
    sigma: float | None,
    noise: str,
    strength: float,
    format: str,
) -> Product:
    from aecodec.images import Picture, open_image

    picture = Picture.from_image(open_image(source))
    clean, found = denoiser.denoise_picture(picture, sigma, noise, strength)
    facts = {"noise": found.kind, "sigma": round(found.sigma, 2), "strength": strength}
    return _product(clean.to_image(), format, facts, f"{found.kind} noise, sigma {found.sigma:.1f}")


# ---- before compressing ----------------------------------------------------------------


DenoiserWeights = Annotated[Path | None, weights_option("--denoise-weights")]
Cleaner: TypeAlias = "Callable[[Image.Image], tuple[Image.Image, dict[str, Any]]]"


def cleaner(device: str, weights: Path | None) -> Cleaner:
    """A function from an image to the clean one and the noise that was found."""
    from aecodec.denoising.denoiser import Denoiser
    from aecodec.images import Picture

    denoiser = Denoiser(device, weights)

    def clean(image: Image.Image) -> tuple[Image.Image, dict[str, Any]]:
        picture, found = denoiser.denoise_picture(Picture.from_image(image), None, "auto", 1.0)
        return picture.to_image(), {"noise": found.kind, "sigma": round(found.sigma, 2)}

    return clean


# ---- corrupt ---------------------------------------------------------------------------


_CORRUPT_EXAMPLES = (
    "[bold]Examples[/]\n"
    "  aecodec corrupt photo.png -o noisy.png --noise gaussian --sigma 25 --seed 0\n"
    "  aecodec corrupt photos -o noisy --noise salt-and-pepper --fraction 0.3"
)


def _level(help: str) -> Any:
    return typer.Option(metavar="N", help=help, show_default=False)


def corrupt(
    inputs: Annotated[list[Path], inputs("INPUT", "Images, and folders of images.")],
    output: Output = None,
    noise: Annotated[
        Literal["gaussian", "poisson-gaussian", "speckle", "salt-and-pepper", "masking", "jpeg"],
        typer.Option(help="What to do to the images."),
    ] = "gaussian",
    sigma: Annotated[
        float | None, _level("gaussian (25): standard deviation, of 255; poisson-gaussian (0).")
    ] = None,
    photons: Annotated[float | None, _level("poisson-gaussian (100): photons at white.")] = None,
    deviation: Annotated[
        float | None, _level("speckle (0.2): relative standard deviation.")
    ] = None,
    fraction: Annotated[
        float | None, _level("salt-and-pepper (0.1) and masking (0.5): share that is replaced.")
    ] = None,
    quality: Annotated[int | None, _level("jpeg (30): 1 to 95.")] = None,
    seed: Annotated[
        int,
        typer.Option(metavar="N", min=0, max=2**63 - 1, help="The same seed, the same noise."),
    ] = 0,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Write noisy copies of images, for experiments.

    Writes NAME-noisy.png next to each input, or NAME.png into the folder -o; -o FILE
    chooses another format. Existing files are kept unless --force is given.
    """
    given = {
        "sigma": sigma,
        "photons": photons,
        "deviation": deviation,
        "fraction": fraction,
        "quality": quality,
    }
    levels = _levels(noise, {name: value for name, value in given.items() if value is not None})
    jobs, format = _plan(inputs, output, "-noisy", force)
    run(
        jobs,
        lambda: partial(_corrupt_one, noise=noise, levels=levels, seed=seed, format=format),
        force=force,
        as_json=as_json,
    )


def _levels(noise: str, given: dict[str, float]) -> dict[str, float]:
    """The levels of a process, those given checked, the others filled in."""
    for name in given:
        if name not in PROCESSES[noise]:
            takes = " and ".join(f"--{option}" for option in PROCESSES[noise])
            raise typer.BadParameter(f"--{name} is not for {noise}, which takes {takes}")
    levels = {**PROCESSES[noise], **given}
    try:
        import torch

        _apply(torch.zeros(1, 1, 8, 8), torch.Generator(), noise=noise, levels=levels)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    return levels


def _corrupt_one(
    source: Path, noise: str, levels: dict[str, float], seed: int, format: str
) -> Product:
    from aecodec.denoising.corrupt import corrupt
    from aecodec.images import open_image

    noisy = corrupt(open_image(source), partial(_apply, noise=noise, levels=levels), seed)
    summary = ", ".join(f"{name} {value:g}" for name, value in levels.items())
    return _product(noisy, format, {"noise": noise, **levels, "seed": seed}, f"{noise}, {summary}")


def _apply(x: Any, generator: Any, *, noise: str, levels: dict[str, float]) -> Any:
    from aecodec.denoising import noise as processes

    if noise == "gaussian":
        return processes.gaussian(x, levels["sigma"], generator)
    if noise == "poisson-gaussian":
        return processes.poisson_gaussian(x, levels["photons"], levels["sigma"], generator)
    if noise == "speckle":
        return processes.speckle(x, levels["deviation"], generator)
    if noise == "salt-and-pepper":
        return processes.salt_and_pepper(x, levels["fraction"], generator)
    if noise == "masking":
        return processes.masking(x, levels["fraction"], generator, shared_dim=-3)
    return processes.jpeg(x, int(levels["quality"]))


# ---- both ------------------------------------------------------------------------------


def _plan(
    inputs: list[Path], output: str | None, ending: str, force: bool
) -> tuple[list[Job], str]:
    """Jobs from images to images, and the format to write: that of -o FILE, or PNG."""
    from aecodec.images import IMAGE_SUFFIXES

    named_by = Path(output) if output and takes_file_name(inputs, output) else None
    suffix = image_suffix(None, named_by)
    name = suffix if output else ending + suffix
    jobs = plan(inputs, output, suffixes=IMAGE_SUFFIXES, suffix=name, force=force)
    return jobs, suffix.removeprefix(".")


def _product(image: Image.Image, format: str, facts: dict[str, Any], summary: str) -> Product:
    size = {"width": image.width, "height": image.height, "mode": image.mode}
    data = image_file(image, format)
    return Product(data, {**facts, **size}, f"{image.width}x{image.height}  {summary}")
