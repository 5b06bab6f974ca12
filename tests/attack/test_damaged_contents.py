"""A content that was damaged where it is kept is named as that, and nothing else fails with it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from service.cli.doctor import examine
from service.intake import AppContext, receive
from service.settings import Settings
from service.store import contents
from service.store.blob_store import Folder
from service.store.contents import BlobWriter
from service.store.database import Database
from service.store.packing import pack
from service.store.spool import Envelope
from service.store.tables import contents as table
from tests.running import running, take_in, with_settings

MAIL = (
    b"From: Aiko <aiko@corp.example>\r\nTo: intake@corp.example\r\nSubject: VPN\r\nMessage-ID: <d@corp.example>\r\n"
    b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: text/plain\r\n\r\nThe VPN does not connect.\r\n"
    b'--b\r\nContent-Type: text/csv; name="log.csv"\r\nContent-Disposition: attachment; filename="log.csv"\r\n\r\n'
    b"a,b\r\n--b--\r\n"
)

DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda packed: b"",
    "cut": lambda packed: packed[: len(packed) // 2],
    "one byte short": lambda packed: packed[:-1],
    "zeros": lambda packed: bytes(len(packed)),
    "a flipped bit": lambda packed: packed[:-20] + bytes([packed[-20] ^ 1]) + packed[-19:],
    "not a frame": lambda packed: b"hello",
    "text behind": lambda packed: b"x" + packed,
    "another mail": lambda packed: pack(b"From: eve@elsewhere.example\r\n\r\nhello\r\n"),
    "a huge claim": lambda packed: bytes.fromhex("28b52ffde0ffffffffffffff7f"),
}


class Stored:
    """A mail taken in, its content in a row or in a file, and a way to damage it."""

    def __init__(self, database: Database, folder: Path, place: str, context: AppContext, settings: Settings) -> None:
        self.database, self.place, self.context = database, place, context
        store = str(folder / "contents") if place == "file" else "database"
        self.settings = with_settings(settings, content_store=store, content_store_from_bytes=0)
        outside = Folder(folder / "contents") if place == "file" else None
        [self.id] = receive(database, [(Envelope("smtp", "", ("intake@corp.example",)), MAIL)], datetime.now(UTC))
        take_in(database, context, blobs=BlobWriter(outside, 0))
        self.folder = folder / "contents"

    def replace(self, stored: bytes) -> None:
        """Put other bytes where the content is kept."""
        for path in self.folder.rglob("*.zst"):
            path.write_bytes(stored)
        if self.place == "row":
            self.database.transact(lambda conn: conn.execute(update(table).values(bytes=stored)))

    def kept(self) -> bytes:
        if self.place == "row":
            return bytes(self.database.read(lambda conn: contents.stored_content(conn, self.id)).stored)
        [path] = self.folder.rglob("*.zst")
        return path.read_bytes()


@pytest.fixture(params=["file", "row"])
def stored(
    request: pytest.FixtureRequest, sqlite: Database, tmp_path: Path, context: AppContext, settings: Settings
) -> Stored:
    return Stored(sqlite, tmp_path, request.param, context, settings)


def test_a_sound_content_is_served_and_a_damaged_one_is_a_problem_that_the_doctor_names(
    stored: Stored, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = stored.kept()
    with running(stored.database, stored.context, stored.settings) as service:
        assert service.client.get("/api/messages/1/raw").content == MAIL
        assert service.client.get("/api/attachments/1").content.strip() == b"a,b"
        examine(stored.settings, stored.database, datetime.now(UTC))
        assert stored.id not in capsys.readouterr().out, "it is sound"
        for damage, how in DAMAGE.items():
            stored.replace(how(whole))
            for address in ("/api/messages/1/raw", "/api/attachments/1"):
                answer = service.client.get(address)
                assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json"), damage
                assert "damaged" in answer.json()["detail"]
            assert service.get("/api/messages/1")["subject"] == "VPN"
            assert examine(stored.settings, stored.database, datetime.now(UTC)) == 1
            told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("WRONG")]
            [said] = [line for line in told if stored.id in line]
            assert "sodan contents check" in said, damage
