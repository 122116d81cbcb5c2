"""Make torchvision importable where its compiled operators do not fit torch.

The registry's Linux builds of torchvision are linked against CUDA. Beside a CPU
build of torch their operators cannot load, `import torchvision` raises, and with
it everything that imports torchvision in passing (Lightning, torchmetrics,
CompressAI). None of those needs the operators; declaring those whose absence
raises is enough.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

_declared: list[Any] = []  # a torch library lives as long as this reference


def make_importable() -> None:
    """Import torchvision; if its own build could not, declare its operators first."""
    import torch

    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        for name in [n for n in sys.modules if n.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor dets, Tensor scores, float threshold) -> Tensor")
        _declared.append(library)
        importlib.import_module("torchvision")
