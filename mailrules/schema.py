"""JSON Schema of a pack, for editors: ``python -m mailrules.schema > docs/pack.schema.json``."""

from __future__ import annotations

import json
import sys

from mailrules.pack import Pack


def schema() -> str:
    return json.dumps(Pack.model_json_schema(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema())
