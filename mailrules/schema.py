"""JSON Schema for editors.

``python -m mailrules.schema > docs/pack.schema.json`` writes the schema of a pack, ``python -m mailrules.schema site
> docs/site.schema.json`` the schema of the site file.
"""

import json
import sys

from mailrules.engine.pack import Pack
from mailrules.site import Site


def schema(of: str = "pack") -> str:
    """Return the JSON Schema of a ``pack`` or of the ``site`` file."""
    model = Site if of == "site" else Pack
    return json.dumps(model.model_json_schema(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema(*sys.argv[1:2]))
