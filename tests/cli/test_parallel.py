"""Work on many files in several processes. Each process imports this module, so it imports little."""

import os
from pathlib import Path

from service.cli import parallel


def read(file: Path) -> str:
    if file.name == "kill.eml":
        os._exit(9)
    return file.name


def crashed(file: Path) -> str:
    return "crashed"


def test_a_file_that_kills_its_process_gives_one_result() -> None:
    files = [Path(f"{number:03}.eml") for number in range(parallel.MIN_FILES)]
    files[17] = Path("kill.eml")
    told = ["crashed" if file.name == "kill.eml" else file.name for file in files]
    assert list(parallel.each_file(read, crashed, files, processes=2)) == told
