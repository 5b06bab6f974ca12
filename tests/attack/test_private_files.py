"""With any umask, only the user of the service can read its files: database, log, contents, backups, keys."""

import os
import stat
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.cli.main import main
from service.intake import receive
from service.settings import load
from service.store.backup import backup
from service.store.blob_store import Folder
from service.store.database import Database
from service.store.migrate import migrate
from service.store.private import make_private
from service.store.spool import Envelope
from tests.served import started, wait_until

UMASKS = (0o000, 0o022, *(pytest.param(mask, marks=pytest.mark.soak) for mask in (0o002, 0o027, 0o077)))


@pytest.fixture(params=UMASKS, ids=lambda mask: oct(mask))
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield int(request.param)
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    """Return the mode of each file and folder that other users may enter, read or write."""
    found = {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}
    return {name: oct(mode) for name, mode in found.items() if mode & 0o077}


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Database]:
    """A database with its log, a file of the content store and a backup."""
    database = Database(f"sqlite:///{tmp_path}/var/sodan.db")
    migrate(database)
    receive(database, [(Envelope("smtp"), b"Subject: x\r\n\r\nx\r\n")], datetime.now(UTC))
    Folder(tmp_path / "var/contents").put("ab" * 32, b"packed")
    backup(database, None, tmp_path / "var/one.backup", datetime.now(UTC))
    written = {path.name for path in tmp_path.rglob("*")}
    assert written >= {"sodan.db", "sodan.db-wal", "sodan.db-shm", "one.backup", f"{'ab' * 31}.zst"}
    yield database
    database.close()


@pytest.mark.usefixtures("umask", "filled")
@pytest.mark.parametrize("command", ["migrate", "token create team", "backup copy.backup"])
def test_files_of_commands_are_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SODAN_DATABASE_URL", "sqlite:///var/sodan.db")
    main(["migrate"])
    assert main(command.split()) == 0
    assert modes(tmp_path) == {}


@pytest.mark.parametrize("command", ["migrate", "token create team", "backup copy.backup"])
def test_files_are_private_in_a_folder_whose_default_acl_replaces_the_umask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    entries = ((1, 7), (4, 5), (32, 5))  # user::rwx, group::r-x, other::r-x
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", tag, mode, 0xFFFFFFFF) for tag, mode in entries)
    try:
        os.setxattr(tmp_path, "system.posix_acl_default", acl)
    except (OSError, AttributeError):
        pytest.skip("no ACLs here")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SODAN_DATABASE_URL", "sqlite:///sodan.db")
    assert main(["migrate"]) == main(command.split()) == 0
    assert modes(tmp_path) == {}


@pytest.mark.long
@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("command", ["serve", "smtp", "worker", "api"])
def test_files_of_an_older_installation_become_private_at_start(tmp_path: Path, command: str) -> None:
    """Version 0.1.0 wrote them with the modes 0644 and 0755."""
    (tmp_path / "var/one.backup").unlink()  # backups belong to the operator
    for path in tmp_path.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    assert len(modes(tmp_path)) >= 5
    given = {"database_url": f"sqlite:///{tmp_path}/var/sodan.db", "content_store": f"{tmp_path}/var/contents"}
    listen = {"smtp_listen": "127.0.0.1:0", "http_listen": "127.0.0.1:0", "watchdog": "0"}
    with started(command, cwd=tmp_path, **given, **listen) as process:
        wait_until(lambda: not modes(tmp_path) or process.poll() is not None, 200)
        assert modes(tmp_path) == {}


def test_other_files_in_the_folder_of_the_database_keep_their_modes(tmp_path: Path, sqlite_template: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "notes.txt").write_text("not ours")
    (shared / "sodan.db").write_bytes(sqlite_template.read_bytes())
    for path, mode in ((shared, 0o755), (shared / "notes.txt", 0o644), (shared / "sodan.db", 0o644)):
        path.chmod(mode)
    make_private(load(database_url=f"sqlite:///{shared}/sodan.db"))
    assert modes(tmp_path) == {"shared": "0o755", "shared/notes.txt": "0o644"}
