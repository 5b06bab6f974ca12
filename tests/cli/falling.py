"""Work that takes its process along, as a hostile file might. (Importable: other processes load it by name.)"""

import os
from pathlib import Path


def told(file: Path) -> str:
    if file.name == "kill.eml":
        os._exit(9)
    return file.name


def fall(file: Path) -> str:
    return "fell"
