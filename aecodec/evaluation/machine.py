"""What a benchmark ran on, and with how many threads."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from PIL import AvifImagePlugin, features


def _cpu_name() -> str:
    # platform.processor() is empty or just "x86_64" on most Linux systems.
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _instructions() -> str:
    """What torch uses of the processor, such as "AVX512, bfloat16": times depend on it."""
    import torch

    from aecodec.nn.device import has_bfloat16

    return torch.backends.cpu.get_cpu_capability() + (", bfloat16" if has_bfloat16() else "")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


_PACKAGES = (
    "aecodec",
    "torch",
    "onnxruntime",
    "numpy",
    "pillow",
    "pillow-jxl-plugin",
    "pillow-heif",
    "compressai",
    "faiss-cpu",
    "scikit-image",
    "opencv-python-headless",
    "bm3d",
)


def _libraries() -> dict[str, str | None]:
    """Versions of the codecs inside Pillow and its plugins."""
    found = {name: features.version(name) for name in ("libjpeg_turbo", "webp", "avif", "jpg_2000")}
    if features.check("avif"):  # libavif's encoder is another library
        coders = import_module("PIL._avif").codec_versions().split(", ")
        found |= {
            name: rest.partition(":")[2] for name, _, rest in (c.partition(" ") for c in coders)
        }
    if find_spec("pillow_heif"):
        about = import_module("pillow_heif").libheif_info()
        found |= {"libheif": about["libheif"], "HEIF encoder": about["HEIF"] or None}
    return found


def describe() -> dict[str, Any]:
    """Processor and its instructions, cores, load and versions, ready for JSON."""
    import torch

    found = {name: _version(name) for name in _PACKAGES}
    return {
        "cpu": f"{_cpu_name()} ({_instructions()})",
        "cores": os.cpu_count(),
        # Above the number of threads used here, something else was running.
        "load_average": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "versions": {"python": platform.python_version(), **found, **_libraries()},
    }


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let networks and Pillow's AVIF use `count` threads; JPEG and WebP have but one."""
    import torch

    before = torch.get_num_threads(), AvifImagePlugin.DEFAULT_MAX_THREADS
    torch.set_num_threads(count)
    AvifImagePlugin.DEFAULT_MAX_THREADS = count
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        AvifImagePlugin.DEFAULT_MAX_THREADS = before[1]
