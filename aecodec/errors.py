"""Everything that aecodec raises on purpose, warnings, and errors as one line for a person."""

from __future__ import annotations

import errno
import sys
import warnings
from importlib.util import find_spec


class AecodecError(Exception):
    """Base of all errors that are worth showing to a person in one line."""


class CorruptFileError(AecodecError):
    """The file is damaged, cut short, or not an .aec file."""


class UnsupportedImageError(AecodecError):
    """The image cannot be read or is of a kind that aecodec does not take."""


class UnsupportedVersionError(AecodecError):
    """The .aec file needs a newer aecodec."""


class WeightsMismatchError(AecodecError):
    """The file was written with other weights than the ones at hand."""


class TargetUnreachableError(AecodecError):
    """No quality meets the asked-for rate, distortion or size."""


class RecipeError(AecodecError):
    """A training recipe or run folder does not fit."""


class UsageError(AecodecError):
    """Arguments that exclude each other, or that this call cannot take."""


def needs_extra(what: str, extra: str) -> AecodecError:
    """What to say where an optional package is not there.

    Args:
        what: needs it: a command, a function, or a file's kind.
        extra: of this package, that brings it.
    """
    return AecodecError(f"{what} needs the extra {extra!r}: pip install 'aecodec[{extra}]'")


def require(what: str, extra: str, *packages: str) -> None:
    """See that the packages of an extra are there, before they are imported.

    Raises:
        AecodecError: one is not.
    """
    if any(find_spec(package) is None for package in packages):
        raise needs_extra(what, extra)


def warn_caller(note: str) -> None:
    """A UserWarning that names the line by which aecodec was called, however deep it is in it."""
    depth, frame = 1, sys._getframe()
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == "aecodec":
        depth, frame = depth + 1, frame.f_back
    warnings.warn(note, stacklevel=depth)


def explain(error: BaseException) -> str:
    """One line for a person: what happened to which file and what to do about it.

    Raises:
        BaseException: the error itself, if it is none that a user could bring about.
    """
    if isinstance(error, MemoryError) or is_out_of_memory(error):
        return "not enough memory"
    if isinstance(error, AecodecError):
        return on_one_line(str(error))
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        if package in _EXTRAS:
            return str(needs_extra("this", _EXTRAS[package]))
    if not isinstance(error, OSError):
        raise error
    if error.errno is None or error.strerror is None:
        return on_one_line(str(error))
    reason = error.strerror[:1].lower() + error.strerror[1:]
    file = f"{error.filename}: " if error.filename else ""
    return on_one_line(f"{file}{reason}{_ADVICE.get(error.errno, '')}")


# Packages that a plain installation lacks, and the extra that has them.
_EXTRAS = {
    "compressai": "bench",
    "lightning": "train",
    "matplotlib": "train",
    "polars": "autoencoders",
    "pytorch_msssim": "bench",
    "scipy": "train",
    "sklearn": "autoencoders",
    "torch": "train",
    "yaml": "train",
}

_ADVICE = {
    errno.EACCES: "; check the permissions",
    errno.EPERM: "; check the permissions",
    errno.EROFS: "; choose another place",
    errno.ENOSPC: "; make room, or choose another place",
    errno.EDQUOT: "; make room, or choose another place",
}


def is_out_of_memory(error: BaseException) -> bool:
    """Torch says so by a RuntimeError; its GPU kind is a subclass, without torch unknown here."""
    text = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "out of memory" in text or "allocate memory" in text or "size calculation overflow" in text
    )


def named(source: object, message: str) -> str:
    """The message, led by the file's name unless it has it already."""
    start = f"{on_one_line(str(source))}: "
    return message if message.startswith(start) else start + message


def on_one_line(text: str) -> str:
    """File names and the messages of parsers may have line breaks."""
    return "\\n".join(text.splitlines())
