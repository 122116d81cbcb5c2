/** What goes wrong with a file; the messages are for people. */

/** The file is damaged, cut short, or no .aec file. */
export class CorruptFileError extends Error {
  name = "CorruptFileError";
}

/** The file is of a later version of the format. */
export class UnsupportedVersionError extends Error {
  name = "UnsupportedVersionError";
}

/** The model that the file was written with is not beside the page. */
export class MissingModelError extends Error {
  name = "MissingModelError";
}
