"""Write a network as an ONNX graph: the few operators and messages that this package needs.

A graph is written when a model is loaded, in a millisecond or two, from the architecture alone;
its weights are the tensors of the weight file, by their names. So there is no exported file that
could be of other weights, and the `onnx` package is not needed to run a model.

The format is protocol buffers, and the numbers of their fields are those of `onnx.proto3`, which
never change.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from aecodec.nn.arrays import AnyArray

OPSET, IR_VERSION = 17, 8

Attribute = int | float | str | Sequence[int]

_TYPES = {
    "float32": 1,
    "uint8": 2,
    "int8": 3,
    "int16": 5,
    "int32": 6,
    "int64": 7,
    "float16": 10,
    "float64": 11,
}
_FLOAT, _INT, _STRING, _INTS = 1, 2, 3, 7  # kinds of attributes
_EXTERNAL = 1  # where a tensor's data are
_RUNTIMES_OWN = "com.microsoft"  # operators that the ONNX standard does not have


class Graph:
    """A network that grows operator by operator; values are known by their names.

    Args:
        tensors: those of the weight file, by name; only their shapes and types matter, unless the
            graph is to have them inside.
    """

    def __init__(self, tensors: Mapping[str, AnyArray]) -> None:
        self.tensors = tensors
        self.weights: set[str] = set()
        self.inputs: list[str] = []
        self.outputs: list[str] = []
        self._values: dict[str, bytes] = {}  # of inputs and outputs
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._nodes: list[bytes] = []
        self._runtimes_own = False
        self._initializers: list[bytes] = []

    def input(self, name: str, shape: Sequence[int | str], dtype: str = "float32") -> str:
        """An input, its variable sides named."""
        if name not in self._values:
            self.inputs.append(name)
            self._values[name] = _value_info(name, shape, dtype)
        return name

    def output(self, value: str, name: str, shape: Sequence[int | str], dtype: str) -> None:
        """Make a value an output."""
        self._node("Identity", [value], name, {})
        self.outputs.append(name)
        self._values[name] = _value_info(name, shape, dtype)

    def weight(self, name: str) -> str:
        """A tensor of the weight file in its own type; cast it for use."""
        self.weights.add(name)
        return name

    def floats(self, name: str) -> str:
        """A tensor of the weight file in float32."""
        name = self.weight(name)
        return name if self.tensors[name].dtype == np.float32 else self.cast(name, "float32")

    def constant(self, array: npt.ArrayLike, dtype: str) -> str:
        """A small constant."""
        value = np.asarray(array, dtype=dtype)
        key = dtype, value.shape, value.tobytes()
        if key not in self._constants:
            name = self._constants[key] = f"constant{len(self._constants)}"
            self._initializers.append(_tensor(name, value.shape, dtype, value.tobytes()))
        return self._constants[key]

    def add(self, operator: str, *inputs: str, **attributes: Attribute) -> str:
        """Append an operator with one output; the name of that.

        Operators with "com.microsoft." before their names are ONNX Runtime's own.
        """
        return self._node(operator, inputs, f"value{len(self._nodes)}", attributes)

    def split(self, value: str, axis: int, count: int) -> list[str]:
        """Equal parts along an axis."""
        names = [f"value{len(self._nodes)}.{part}" for part in range(count)]
        self._nodes.append(_node("Split", [value], names, {"axis": axis}))
        return names

    def cast(self, value: str, dtype: str) -> str:
        return self.add("Cast", value, to=_TYPES[dtype])

    def reshape(self, value: str, shape: Sequence[int]) -> str:
        """0 leaves a side as it is, -1 is what remains."""
        return self.add("Reshape", value, self.constant(shape, "int64"))

    def transpose(self, value: str, *axes: int) -> str:
        return self.add("Transpose", value, perm=axes)

    def model(
        self, *, weights_inside: bool = False, fixed: Mapping[str, AnyArray] | None = None
    ) -> bytes:
        """The model as ONNX.

        Args:
            weights_inside: with them; else whoever runs it gives them.
            fixed: inputs that are none, as they are always these arrays, which whoever runs it
                gives.
        """
        fixed = fixed or {}
        weights = [
            _tensor(name, array.shape, array.dtype.name, None) for name, array in fixed.items()
        ]
        for name in sorted(self.weights):
            array = self.tensors[name]
            data = np.ascontiguousarray(array).tobytes() if weights_inside else None
            weights.append(_tensor(name, array.shape, array.dtype.name, data))
        graph = b"".join(
            (
                *(_bytes(1, node) for node in self._nodes),
                _bytes(2, b"aecodec"),
                *(_bytes(5, tensor) for tensor in (*weights, *self._initializers)),
                *(_bytes(11, self._values[name]) for name in self.inputs if name not in fixed),
                *(_bytes(12, self._values[name]) for name in self.outputs),
            )
        )
        opsets = _bytes(8, _bytes(1, b"") + _varint(2, OPSET))
        if self._runtimes_own:
            opsets += _bytes(8, _bytes(1, _RUNTIMES_OWN.encode()) + _varint(2, 1))
        return _varint(1, IR_VERSION) + _bytes(2, b"aecodec") + _bytes(7, graph) + opsets

    def _node(
        self,
        operator: str,
        inputs: Iterable[str],
        output: str,
        attributes: Mapping[str, Attribute],
    ) -> str:
        self._runtimes_own |= operator.startswith(f"{_RUNTIMES_OWN}.")
        self._nodes.append(_node(operator, inputs, [output], attributes))
        return output


def _node(
    operator: str,
    inputs: Iterable[str],
    outputs: Iterable[str],
    attributes: Mapping[str, Attribute],
) -> bytes:
    domain, _, operator = operator.rpartition(".")
    return b"".join(
        (
            *(_bytes(1, name.encode()) for name in inputs),
            *(_bytes(2, name.encode()) for name in outputs),
            _bytes(4, operator.encode()),
            *(_bytes(5, _attribute(name, value)) for name, value in attributes.items()),
            *([_bytes(7, domain.encode())] if domain else []),
        )
    )


def _attribute(name: str, value: Attribute) -> bytes:
    if isinstance(value, int):
        kind, data = _INT, _varint(3, value)
    elif isinstance(value, float):
        kind, data = _FLOAT, b"\x15" + struct.pack("<f", value)  # field 2, 32 bits
    elif isinstance(value, str):
        kind, data = _STRING, _bytes(4, value.encode())
    else:
        kind, data = _INTS, b"".join(_varint(8, number) for number in value)
    return _bytes(1, name.encode()) + data + _varint(20, kind)


def _tensor(name: str, shape: Sequence[int], dtype: str, data: bytes | None) -> bytes:
    """With its data, or without, for who runs it to give."""
    parts = [_varint(1, side) for side in shape]
    parts += [_varint(2, _TYPES[dtype]), _bytes(8, name.encode())]
    if data is not None:
        parts.append(_bytes(9, data))
    else:
        location = _bytes(1, b"location") + _bytes(2, b"weights")
        parts += [_bytes(13, location), _varint(14, _EXTERNAL)]
    return b"".join(parts)


def _value_info(name: str, shape: Sequence[int | str], dtype: str) -> bytes:
    sides = b"".join(
        _bytes(1, _varint(1, side) if isinstance(side, int) else _bytes(2, side.encode()))
        for side in shape
    )
    tensor = _varint(1, _TYPES[dtype]) + _bytes(2, sides)
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, tensor))


def _varint(field: int, value: int) -> bytes:
    return _number(field << 3) + _number(value & (1 << 64) - 1)  # negative ones have 64 bits


def _bytes(field: int, data: bytes) -> bytes:
    return _number(field << 3 | 2) + _number(len(data)) + data


def _number(value: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)
