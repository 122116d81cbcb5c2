"""`aecodec bench`: measure the codec against others on this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from aecodec.storage.atomic import refuse_to_overwrite, write_atomically

from .options import DenoiserWeights, Device, Force, codec_weights, examples, optional
from .output import say

app = typer.Typer(no_args_is_help=True, help="Measure aecodec against others.")

_Data = Annotated[
    Path, typer.Option(metavar="DIR", exists=True, file_okay=False, help="Folder of photos.")
]
_Out = Annotated[
    Path,
    typer.Option(
        "--out", "--output", "-o", metavar="DIR", file_okay=False, help="Folder for the results."
    ),
]
_Limit = Annotated[int | None, optional("N", "Only the first N photos.", "all", min=1)]
_Html = Annotated[Path | None, optional("FILE", "And all on one web page.")]


def _check_outputs(out: Path, names: Sequence[str], page: Path | None, force: bool) -> None:
    """Before the work, not after it."""
    for name in names:
        refuse_to_overwrite(out / name, force)
    if page:
        from aecodec.evaluation.report import check_packages

        refuse_to_overwrite(page, force)
        check_packages()


def _finish(
    tables: Path, page: Path | None, force: bool, figures: Callable[[], Sequence[Any]] = list
) -> None:
    """Print the tables; write the page if there is to be one."""
    markdown = tables.read_text(encoding="utf-8")
    print(markdown)
    if page:
        from aecodec.evaluation.report import report_page

        write_atomically(page, report_page(markdown, figures()), overwrite=force)
        say(f"report: {page}")


@app.command(epilog="[bold]Example[/]\n  aecodec bench rd --data kodak --out results")
def rd(
    data: _Data,
    out: _Out,
    html: _Html = None,
    weights: Annotated[str | None, codec_weights("all that ship")] = None,
    limit: _Limit = None,
    device: Device = "auto",
    force: Force = False,
) -> None:
    """Rate and distortion of aecodec, JPEG, WebP, AVIF... on your photos.

    Writes rd.json, tables (rd.md) and plots. Prints the tables.
    """
    from aecodec.evaluation.metrics import METRICS

    plots = [f"rd_{metric}.{kind}" for metric in METRICS for kind in ("png", "svg")]
    _check_outputs(out, ["rd.json", "rd.md", *plots], html, force)
    from aecodec.evaluation.rd import measure
    from aecodec.evaluation.report import rd_figures

    result = measure.run_rd(
        data,
        out,
        device=device,
        weights=weights,
        limit=limit,
        progress=lambda n, of, name: say(f"{n} of {of}: {name}"),
    )
    _finish(out / "rd.md", html, force, lambda: rd_figures(result["figures"]))


@app.command(
    epilog=examples(
        "aecodec bench denoise --data photos --out results",
        "aecodec bench denoise --pairs --data real_noise --out results",
    )
)
def denoise(
    data: _Data,
    out: _Out,
    pairs: Annotated[
        bool, typer.Option("--pairs", help="Files NAME_noisy.* and NAME_clean.*: noise as it is.")
    ] = False,
    without: Annotated[
        list[str] | None,
        optional("NAME", "Leave one of the others out, as BM3D, which takes minutes a megapixel."),
    ] = None,
    weights: DenoiserWeights = None,
    limit: _Limit = None,
    html: _Html = None,
    device: Device = "auto",
    force: Force = False,
) -> None:
    """Noise removed by aecodec, BM3D, OpenCV, scikit-image... from your photos.

    Writes denoise.json, tables (denoise.md), a plot and a contact sheet. Prints the tables.
    With --pairs these are pairs.json, pairs.md and pairs_sheet.png.
    """
    names = ["denoise.json", "denoise.md", "denoise.png", "denoise.svg", "denoise_sheet.png"]
    if pairs:
        names = ["pairs.json", "pairs.md", "pairs_sheet.png"]
    _check_outputs(out, names, html, force)
    from aecodec.weights import find_weights

    options: dict[str, Any] = {
        "device": device,
        "weights": find_weights(weights) if weights else None,
        "limit": limit,
        "without": without or [],
        "progress": lambda n, of, name: say(f"{n} of {of}: {name}"),
    }
    if pairs:
        from aecodec.evaluation.denoising.pairs import run_pairs

        run_pairs(data, out, **options)
        _finish(out / "pairs.md", html, force)
        return
    from aecodec.evaluation.denoising import measure
    from aecodec.evaluation.report import denoise_figures

    result = measure.run_denoise(data, out, **options)
    _finish(out / "denoise.md", html, force, lambda: denoise_figures(result["figures"]))


@app.command(epilog="[bold]Example[/]\n  aecodec bench speed")
def speed(
    out: _Out = Path("results"), html: _Html = None, device: Device = "cpu", force: Force = False
) -> None:
    """Encoding and decoding times of aecodec, CompressAI's models, JPEG...

    Writes speed.json and speed.md. Prints the table.
    """
    _check_outputs(out, ["speed.json", "speed.md"], html, force)
    from aecodec.evaluation.speed import measure

    measure.run_speed(out, device=device, progress=say)
    _finish(out / "speed.md", html, force)
