"""The tab "View": .aec files, decoded by the browser itself."""

from __future__ import annotations

import mimetypes
from functools import lru_cache
from typing import TYPE_CHECKING

import gradio as gr
from starlette.responses import Response
from starlette.routing import Route

from aecodec.weights import shipped_codecs
from aecodec.workflows.viewer import viewer_files

if TYPE_CHECKING:
    from starlette.requests import Request

PATH = "viewer"
_HTML = (
    f'<iframe src="{PATH}/viewer.html" title="Viewer" loading="lazy"'
    ' style="width: 100%; height: 85vh; border: 0"></iframe>'
)
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}


@lru_cache
def _files() -> dict[str, bytes]:
    """What `aecodec viewer` writes."""
    return dict(viewer_files(shipped_codecs()))


def _answer(request: Request) -> Response:
    name = request.path_params["name"]
    data = _files().get(name)
    if data is None:
        return Response(f"{name}: not part of the viewer", 404)
    suffix = name[name.rfind(".") :]
    return Response(data, media_type=_TYPES.get(suffix) or mimetypes.guess_type(name)[0])


def route() -> Route:
    """What serves the viewer's files, made when the first is asked for."""
    return Route(f"/{PATH}/{{name:path}}", _answer)


def tab() -> None:
    """Build it, inside the page that is being built."""
    gr.HTML(_HTML)
