"""`aecodec bench`: measure the codec against others on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .denoise import weights_option
from .options import Device, say

app = typer.Typer(no_args_is_help=True, help="Measure aecodec against others.")

_Data = Annotated[
    Path, typer.Option(metavar="DIR", exists=True, file_okay=False, help="Folder of photos.")
]
_Out = Annotated[Path, typer.Option(metavar="DIR", file_okay=False, help="Folder for the results.")]


@app.command(epilog="[bold]Example[/]\n  aecodec bench rd --data kodak --out results")
def rd(
    data: _Data,
    out: _Out,
    device: Device = "auto",
) -> None:
    """Rate and distortion of aecodec, JPEG, WebP, AVIF... on your photos.

    Writes rd.json, tables (rd.md) and plots. Prints the tables.
    """
    from aecodec.evaluation.rd import run_rd

    run_rd(data, out, device=device, progress=lambda n, of, name: say(f"{n} of {of}: {name}"))
    print((out / "rd.md").read_text(encoding="utf-8"))


@app.command(epilog="[bold]Example[/]\n  aecodec bench denoise --data photos --out results")
def denoise(
    data: _Data,
    out: _Out,
    weights: Annotated[Path | None, weights_option("--weights")] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Only the first N photos.", show_default="all"),
    ] = None,
    device: Device = "auto",
) -> None:
    """Noise removed by aecodec, BM3D, OpenCV, scikit-image... from your photos.

    Writes denoise.json, tables (denoise.md), a plot and a contact sheet. Prints the tables.
    """
    from aecodec.evaluation.denoise import run_denoise

    run_denoise(
        data,
        out,
        device=device,
        weights=weights,
        limit=limit,
        progress=lambda n, of, name: say(f"{n} of {of}: {name}"),
    )
    print((out / "denoise.md").read_text(encoding="utf-8"))


@app.command(epilog="[bold]Example[/]\n  aecodec bench speed --out results")
def speed(out: _Out, device: Device = "cpu") -> None:
    """Encoding and decoding times of aecodec, CompressAI's models, JPEG...

    Writes speed.json and speed.md. Prints the table.
    """
    from aecodec.evaluation.speed import run_speed

    run_speed(out, device=device, progress=say)
    print((out / "speed.md").read_text(encoding="utf-8"))
