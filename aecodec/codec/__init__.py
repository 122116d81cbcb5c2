"""The learned codec and its files."""

SUFFIX = ".aec"  # of the files
