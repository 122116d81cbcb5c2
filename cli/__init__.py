"""The `aecodec` command, a file per family of commands.

Nothing here imports torch, numpy or Pillow before a command needs it, so that
`aecodec --help` and shell completion answer at once.
"""
