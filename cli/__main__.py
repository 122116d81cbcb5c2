"""`python -m aecodec_cli`, the same as `aecodec`."""

import sys

from .app import main

sys.exit(main())
