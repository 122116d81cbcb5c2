"""`python -m aecodec_cli`, the same as `aecodec`."""

import sys


def main() -> int:
    """As `app.main`; Ctrl-C while that is still being imported is quiet, too."""
    try:
        from .app import main as run

        return run()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
