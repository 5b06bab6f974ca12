"""Packs and the files they were read from."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from mailrules.engine.pack import Pack, VendorPack
from mailrules.site import Site


@dataclass(frozen=True)
class Source:
    """A pack and its file."""

    file: Path
    text: str
    pack: VendorPack

    def line(self, rule: str) -> int:
        """Return the number of the line that contains the id of this rule; 1 if there is none."""
        match = re.search(
            rf"^[ \t]*(?:-[ \t]*)?\{{?[ \t]*id:[ \t]*['\"]?{re.escape(rule)}['\"]?[ \t]*(?:$|[,}}#])", self.text, re.M
        )
        return self.text.count("\n", 0, match.start()) + 1 if match else 1


@dataclass(frozen=True)
class Library:
    """All loaded packs, shipped vendors first, and the site file."""

    sources: tuple[Source, ...]
    site: Site = field(default_factory=Site)

    @property
    def own(self) -> list[tuple[Pack, Source]]:
        """The organisation's packs."""
        return [(source.pack, source) for source in self.sources if isinstance(source.pack, Pack)]
