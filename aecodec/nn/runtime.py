"""What runs networks: ONNX Runtime, or torch where that is faster or has to be."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from aecodec.errors import AecodecError
from aecodec.nn.arrays import AnyArray
from aecodec.nn.onnx_graph import Graph

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_IMPORT = 2.0  # seconds that importing torch takes

RUNTIMES = ("auto", "onnx", "torch")
DEVICES = ("auto", "cpu", "cuda")


def choose_runtime(device: str, runtime: str = "auto") -> str:
    """The runtime for a device: "onnx", or the name of the device where torch is to run.

    "auto" is ONNX Runtime on CPUs: it does without torch, whose import takes longer than a
    picture, and in float32 it is the faster of the two. But where a program has imported torch
    already, and the CPU has bfloat16 instructions, which only torch uses, it is torch; and on GPUs
    it is torch.

    Args:
        device: "auto" (a GPU if there is one, and torch can use it), "cpu" or "cuda".
        runtime: "auto", "onnx" or "torch".

    Raises:
        AecodecError: there is no such device or runtime here.
    """
    if device not in DEVICES:
        raise AecodecError(f"unknown device {device!r}; use auto, cpu or cuda")
    if runtime not in RUNTIMES:
        raise AecodecError(f"unknown runtime {runtime!r}; use auto, onnx or torch")
    if runtime == "onnx":
        if device == "cuda":
            raise AecodecError("ONNX Runtime is for CPUs here; use torch for a GPU")
        return "onnx"
    if runtime == "torch" or device == "cuda" or (device == "auto" and may_have_gpu()):
        torch_device = _torch_device(device)
        if runtime == "torch" or torch_device != "cpu":
            return torch_device
    return "cpu" if torch_is_faster() else "onnx"


def torch_is_faster() -> bool:
    """Whether torch is imported already, and the CPU has bfloat16."""
    if not sys.modules.get("torch"):
        return False
    from aecodec.nn.device import has_bfloat16

    return has_bfloat16()


def may_have_gpu() -> bool:
    """Whether there may be a GPU that torch can use; asking torch takes its import."""
    if sys.modules.get("torch"):
        return True
    if sys.platform == "linux":
        return os.path.exists("/dev/nvidiactl") or os.path.exists("/dev/dxg")
    return sys.platform == "win32" and os.path.exists(r"C:\Windows\System32\nvcuda.dll")


def import_torch_if_it_pays(seconds: float) -> None:
    """Before a model is made: have torch imported where it will save more time than that takes.

    Args:
        seconds: what bfloat16 will save, on one thread.
    """
    if seconds > _IMPORT * threads() and find_spec("torch") and _says_bfloat16():
        import_module("torch")


def _says_bfloat16() -> bool:
    """What Linux says of the processor; elsewhere, only torch would know."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def _torch_device(device: str) -> str:
    from aecodec.errors import needs_extra

    try:
        from aecodec.nn.device import choose_device
    except ModuleNotFoundError:
        if device == "auto":  # a GPU that cannot be used
            return "cpu"
        raise needs_extra("torch", "train") from None
    return choose_device(device).type


class OnnxNetworks:
    """Networks of one weight file, each made ready when it is first run; threads may share them.

    Args:
        graphs: of the networks, by name.
        tensors: those of the weight file, by name.
    """

    def __init__(self, graphs: Mapping[str, Graph], tensors: Mapping[str, AnyArray]) -> None:
        self._graphs, self._tensors = graphs, tensors
        self._lock, self._process, self._threads = Lock(), os.getpid(), 0
        self._sessions: dict[tuple[str, int], InferenceSession] = {}

    def inputs(self, name: str) -> list[str]:
        """What a network takes."""
        return self._graphs[name].inputs

    def run(
        self,
        name: str,
        inputs: Mapping[str, AnyArray],
        fixed: Mapping[str, AnyArray] | None = None,
        setting: int = 0,
    ) -> list[Any]:
        """The outputs of a network.

        Args:
            name: of it.
            inputs: all but those of `fixed`.
            fixed: inputs that are the same whenever `setting` is. What ONNX Runtime prepares of
                them is kept for the last `_SETTINGS` settings of a network.
            setting: which.

        Raises:
            AecodecError: its tensors are of other shapes.
        """
        fixed = fixed or {}
        session = self._session(name, fixed, setting)
        given = {name: inputs[name] for name in self.inputs(name) if name not in fixed}
        try:
            found: list[Any] = session.run(None, given)
        except Exception as error:  # its own kinds derive from no other
            if "allocate" in str(error):
                raise MemoryError from None
            raise _do_not_fit(name) from error
        return found

    def _session(self, name: str, fixed: Mapping[str, AnyArray], setting: int) -> InferenceSession:
        with self._lock:
            if self._process != os.getpid():
                # A forked process has none of its parent's threads, and would wait for them for
                # ever, at their end too.
                _OF_PARENTS.append(self._sessions)
                self._sessions, self._process = {}, os.getpid()
            if self._threads != (count := threads()):
                self._sessions, self._threads = {}, count
            session = self._sessions.pop((name, setting), None)
            if not session:
                others = [key for key in self._sessions if key[0] == name]
                if len(others) == _SETTINGS:
                    del self._sessions[others[0]]
                try:
                    session = _session(self._graphs[name], self._tensors, fixed)
                except Exception as error:
                    raise _do_not_fit(name) from error
            self._sessions[name, setting] = session  # last, as it was used last
            return session


_SETTINGS = 8
_OF_PARENTS: list[Any] = []


def _do_not_fit(name: str) -> AecodecError:
    return AecodecError(
        f"not a weight file of this version (the tensors of its {name} are not those of one)"
    )


def _session(
    graph: Graph, tensors: Mapping[str, AnyArray], fixed: Mapping[str, AnyArray]
) -> InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    options.intra_op_num_threads = threads()
    # It would keep as much as the largest picture took, twice over, in each network.
    options.enable_cpu_mem_arena = False
    # Threads that wait in a loop take the processor from those who work.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    given = {name: tensors[name] for name in sorted(graph.weights)} | dict(fixed)
    values = [
        onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array))
        for array in given.values()
    ]
    options.add_external_initializers(list(given), values)
    model = graph.model(fixed=fixed)
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def threads() -> int:
    """How many threads a network runs on: torch's where it is imported, else as torch would."""
    set_in_torch = getattr(sys.modules.get("torch"), "get_num_threads", None)
    if set_in_torch:
        return int(set_in_torch())
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    return available_cores()


def use_threads(count: int) -> None:
    """Have this process's networks run on so many threads, in torch, too."""
    os.environ["OMP_NUM_THREADS"] = str(count)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(count)


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def machine_memory() -> int:
    """Bytes of this machine; many where it cannot be asked."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return 1 << 40


def keep_freed_memory() -> None:
    """Have glibc keep freed memory: faulting pages in again takes a quarter of a step of training
    on a CPU, and a tenth of looking at pictures.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(-3, 32 << 20)  # M_MMAP_THRESHOLD, the largest it takes
        mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD


def at_quality(table: AnyArray, quality: int) -> AnyArray:
    """A table's vector, float32, at a quality of 1 to 100.

    Args:
        table: of all qualities, integers (100, C), or of evenly spaced ones, floats (anchors, C).
    """
    if table.dtype.kind in "iu":
        return table[quality - 1].astype(np.float32)
    position = (quality - 1) / 99 * (len(table) - 1)
    low = min(int(position), len(table) - 2)
    below, above = table[low].astype(np.float32), table[low + 1].astype(np.float32)
    found: AnyArray = below + np.float32(position - low) * (above - below)
    return found
