"""``python -m service``: the same as ``sodan``."""

import sys

from service.cli import main

sys.exit(main())
