"""Prints `docs/meanings.md`: `python -m mailrules.catalogue > docs/meanings.md`."""

import sys

from mailrules.catalogue import as_markdown, load

sys.stdout.write(as_markdown(load()))
