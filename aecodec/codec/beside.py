"""Files of tensors that lie beside a weight file and name its digest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from aecodec.errors import AecodecError
from aecodec.nn.arrays import AnyArray
from aecodec.storage.atomic import write_atomically


def save_tensors(tensors: Mapping[str, AnyArray], path: Path, digest: bytes) -> None:
    """Write tensors for the weight file of a digest."""
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    data = save(arrays, metadata={"weights": digest.hex()})
    write_atomically(path, data, overwrite=True)


def load_tensors(path: Path, digest: bytes) -> dict[str, AnyArray]:
    """The tensors of a file; none where there is no such file, or one of other weights.

    Raises:
        AecodecError: the file is damaged.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        return {}
    try:
        with safe_open(path, framework="np") as file:
            if (file.metadata() or {}).get("weights") != digest.hex():
                return {}
            return {name: file.get_tensor(name) for name in sorted(file.keys())}
    except (OSError, SafetensorError) as error:
        raise AecodecError(f"{path}: damaged ({str(error).splitlines()[0]})") from None
