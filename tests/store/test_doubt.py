"""What is promised is on the disk: after a flush that failed it is flushed anew, and files are flushed before named."""

import os
import shutil
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from service.errors import Unavailable
from service.intake import receive
from service.store.database import Connection, Database
from service.store.spool import Envelope

WORDS = b"platypus-quokka-0123456789"


def _fail(_: Connection) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    raise OperationalError("COMMIT", None, error)


def test_after_a_flush_that_failed_the_log_is_written_into_the_database_before_more_is_promised(
    sqlite: Database,
) -> None:
    file = Path(str(sqlite.url.database))
    with sqlite3.connect(file) as reader:  # while somebody has it open, no closing of ours writes the log
        reader.execute("SELECT 1 FROM spool").fetchall()
        receive(sqlite, [(Envelope("smtp"), WORDS)], datetime.now(UTC))
        assert WORDS not in file.read_bytes()
        with pytest.raises(Unavailable):
            sqlite.transact(_fail)
        sqlite.transact(lambda conn: conn.execute(text("SELECT 1")))
        assert WORDS in file.read_bytes()
    reader.close()


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_content_outside_is_flushed_before_it_has_its_name_and_the_name_after_it(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    code = "from pathlib import Path; from service.store.blob_store import Folder; import sys; "
    code += "Folder(Path(sys.argv[1])).put('0c' * 32, b'packed')"
    traced = ["strace", "-f", "-y", "-e", "trace=fsync,fdatasync,rename,renameat,renameat2", "-o", str(calls)]
    subprocess.run(
        [*traced, sys.executable, "-c", code, str(tmp_path / "contents")],
        check=True,
        timeout=110,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=Path(__file__).parents[2],
    )
    lines = [line for line in calls.read_text().splitlines() if "contents" in line]
    [named] = [at for at, line in enumerate(lines) if "rename" in line]
    assert any("sync(" in line and "/.0c0c0c0c." in line for line in lines[:named]), lines
    assert any("sync(" in line and "/0c>" in line for line in lines[named:]), lines
