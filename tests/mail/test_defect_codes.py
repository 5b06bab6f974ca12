"""docs/reading.md explains every defect code of the parser, and no other."""

import re
from pathlib import Path

from service.cases.facts.sender import DEFECTS

ROOT = Path(__file__).resolve().parents[2]
FAMILIES = (
    "header|from|dmarc|date|message|charset|transfer|mime|files|text|body|line-ends|tnef|rtf|encrypted|empty|unreadable"
    "|not"
)
CODE = re.compile(rf'"((?:{FAMILIES})(?:-[a-z0-9-]+)?)"')


def reported() -> set[str]:
    """Return the codes in the source: literals on lines that mention defects."""
    found: set[str] = set(DEFECTS.values())
    for path in (ROOT / "service" / "mail").glob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if "defect" in line or "NOT_FULLY_READ =" in line or "charset-" in line or "transfer-" in line:
                found |= set(CODE.findall(line))
    return found


def explained() -> set[str]:
    table = (ROOT / "docs" / "reading.md").read_text(encoding="utf-8").partition("## Defects")[2]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return {code for row in rows for code in re.findall(r"`([a-z0-9-]+)`", row)}


def test_each_code_is_explained() -> None:
    assert reported() - {"charset"} == explained()
