"""Work on many files in several processes. Each process imports this module, so it imports little."""

import os
from pathlib import Path

from service.cli import parallel


def read(file: Path, crashed: bool = False) -> str:
    if file.name == "kill.eml" and not crashed:
        os._exit(9)
    return "crashed" if crashed else file.name


def test_a_file_that_kills_its_process_gives_one_result() -> None:
    files = [Path(f"{number:03}.eml") for number in range(parallel.MIN_FILES)]
    files[17] = Path("kill.eml")
    expected = ["crashed" if file.name == "kill.eml" else file.name for file in files]
    assert list(parallel.each_file(read, files, processes=2)) == expected
