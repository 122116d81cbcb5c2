"""`aecodec denoise` and `corrupt`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from aecodec.workflows.batch.plan import plan
from aecodec.workflows.denoise import check_levels, corrupter, denoiser, prepare_for

from .batch import local_paths, run_batch, run_here
from .images import image_suffix
from .options import (
    AsJson,
    DenoiserWeights,
    Device,
    Engine,
    Force,
    Jobs,
    Output,
    OutputOrPipe,
    Quiet,
    RayAddress,
    Threads,
    examples,
    inputs,
    optional,
)
from .output import How

app = typer.Typer()
_PANEL = "Denoising"


# ---- denoise ---------------------------------------------------------------------------


@app.command(
    rich_help_panel=_PANEL,
    epilog=examples(
        "aecodec denoise photo.png",
        "aecodec denoise photo.png -o clean.png --sigma 25",
        "aecodec denoise photos -o clean --strength 0.7",
    ),
)
def denoise(
    inputs: Annotated[
        list[str], inputs("INPUT", "Images, and folders of images; - is standard input.")
    ],
    output: OutputOrPipe = None,
    sigma: Annotated[
        float | None,
        optional(
            "N",
            "Standard deviation of the noise, on the scale of 0 to 255.",
            "estimated",
            min=0,
            max=255,
        ),
    ] = None,
    noise: Annotated[
        Literal["auto", "gaussian", "salt-and-pepper", "masking"],
        typer.Option(help="Kind of noise; auto recognises it."),
    ] = "auto",
    strength: Annotated[
        float,
        typer.Option(min=0, max=2, metavar="0-2", help="Less than 1 keeps grain, more smooths."),
    ] = 1.0,
    weights: DenoiserWeights = None,
    device: Device = "auto",
    jobs: Jobs = None,
    threads: Threads = None,
    engine: Engine = "local",
    ray_address: RayAddress = None,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Remove noise from images.

    Writes NAME-denoised.png next to each input, or NAME.png into the folder -o; -o FILE
    chooses another format. Existing files are kept unless --force is given.
    """
    from aecodec.images import IMAGE_SUFFIXES

    if engine == "ray":
        name, format = ".png", "png"
    else:
        name, format = _names(local_paths(inputs, ray_address), output, "-denoised")
    load = partial(
        denoiser,
        format=format,
        sigma=sigma,
        noise=noise,
        strength=strength,
        weights=weights,
        device=device,
    )
    run_batch(
        "denoise",
        inputs,
        output,
        load,
        How(force, as_json, quiet, jobs, threads, engine, ray_address),
        suffixes=IMAGE_SUFFIXES,
        suffix=name,
        prepare=prepare_for,
    )


# ---- corrupt ---------------------------------------------------------------------------


def _level(help: str) -> Any:
    return optional("N", help)


@app.command(
    rich_help_panel=_PANEL,
    epilog=examples(
        "aecodec corrupt photo.png -o noisy.png --noise gaussian --sigma 25 --seed 0",
        "aecodec corrupt photo.png -o noisy.png --noise camera --iso 6400",
        "aecodec corrupt photos -o noisy --noise salt-and-pepper --fraction 0.3",
    ),
)
def corrupt(
    inputs: Annotated[list[Path], inputs("INPUT", "Images, and folders of images.")],
    output: Output = None,
    noise: Annotated[
        Literal[
            "gaussian",
            "camera",
            "poisson-gaussian",
            "speckle",
            "salt-and-pepper",
            "masking",
            "jpeg",
        ],
        typer.Option(help="What to do to the images."),
    ] = "gaussian",
    sigma: Annotated[
        float | None, _level("gaussian (25): standard deviation, of 255; poisson-gaussian (0).")
    ] = None,
    iso: Annotated[
        float | None, _level("camera (3200): of an APS-C sensor; full frame has half the noise.")
    ] = None,
    photons: Annotated[float | None, _level("poisson-gaussian (100): photons at white.")] = None,
    deviation: Annotated[
        float | None, _level("speckle (0.2): relative standard deviation.")
    ] = None,
    fraction: Annotated[
        float | None, _level("salt-and-pepper (0.1) and masking (0.5): share that is replaced.")
    ] = None,
    quality: Annotated[int | None, _level("jpeg (30) and camera (95): 1 to 100.")] = None,
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, max=2**63 - 1, help="The same seed, the same noise.")
    ] = 0,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write noisy copies of images, for experiments.

    Writes NAME-noisy.png next to each input, or NAME.png into the folder -o; -o FILE
    chooses another format. Existing files are kept unless --force is given.
    """
    given = {
        "sigma": sigma,
        "iso": iso,
        "photons": photons,
        "deviation": deviation,
        "fraction": fraction,
        "quality": quality,
    }
    levels = check_levels(noise, {name: v for name, v in given.items() if v is not None})
    from aecodec.images import IMAGE_SUFFIXES

    name, format = _names(inputs, output, "-noisy")
    jobs = plan(inputs, output, suffixes=IMAGE_SUFFIXES, suffix=name, force=force)
    load = partial(corrupter, format=format, noise=noise, levels=levels, seed=seed)
    run_here(jobs, load, How(force, as_json, quiet))


# ---- both ------------------------------------------------------------------------------


def _names(inputs: list[Path], output: str | None, ending: str) -> tuple[str, str]:
    """From images to images: how outputs' names end, and their format, of -o FILE, or PNG."""
    suffix = image_suffix(None, inputs, output)
    return (suffix if output else ending + suffix), suffix.removeprefix(".")
