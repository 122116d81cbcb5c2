"""Everything that aecodec raises on purpose."""


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
