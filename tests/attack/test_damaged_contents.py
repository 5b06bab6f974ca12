"""If a stored mail is damaged, the API and `sodan doctor` say so, and everything else works."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from service.cli.doctor import examine
from service.intake import AppContext, receive
from service.settings import Settings
from service.store.blob_store import Folder
from service.store.compression import compress
from service.store.contents import BlobWriter
from service.store.database import Database
from service.store.spool import Envelope
from service.store.tables import contents as table
from tests.hostile.bombs import WORDS, attached, mixed
from tests.running import running, take_in, with_settings

MAIL = mixed("damaged", WORDS, attached('filename="log.csv"', b"a,b", "text/csv"))
DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda packed: b"",
    "cut": lambda packed: packed[: len(packed) // 2],
    "one byte short": lambda packed: packed[:-1],
    "zeros": lambda packed: bytes(len(packed)),
    "a flipped bit": lambda packed: packed[:-20] + bytes([packed[-20] ^ 1]) + packed[-19:],
    "not a frame": lambda packed: b"hello",
    "text before": lambda packed: b"x" + packed,
    "another mail": lambda packed: compress(b"From: eve@elsewhere.example\r\n\r\nhello\r\n"),
    "a huge claim": lambda packed: bytes.fromhex("28b52ffde0ffffffffffffff7f"),
}


@pytest.mark.parametrize("place", ["file", "row"])
def test_the_api_and_the_doctor_report_a_damaged_mail(
    sqlite: Database, tmp_path: Path, context: AppContext, settings: Settings, capfd: pytest.CaptureFixture[str],
    place: str,
) -> None:  # fmt: skip
    outside = Folder(tmp_path / "contents") if place == "file" else None
    store = str(tmp_path / "contents") if outside else "database"
    settings = with_settings(settings, content_store=store, content_store_from_bytes=0)
    [id] = receive(sqlite, [(Envelope("smtp", "", ("intake@corp.example",)), MAIL)], datetime.now(UTC))
    take_in(sqlite, context, blobs=BlobWriter(outside, 0))

    def overwrite(stored: bytes) -> None:
        for path in tmp_path.rglob("*.zst"):
            path.write_bytes(stored)
        if not outside:
            sqlite.transact(lambda conn: conn.execute(update(table).values(bytes=stored)))

    with running(sqlite, context, settings) as service:
        assert service.client.get("/api/messages/1/raw").content == MAIL
        assert service.client.get("/api/attachments/1").content.strip() == b"a,b"
        capfd.readouterr()  # what the worker logged
        examine(settings, sqlite, datetime.now(UTC))
        assert id not in capfd.readouterr().out, "not damaged yet"
        for damage, how in DAMAGE.items():
            overwrite(how(compress(MAIL)))
            for address in ("/api/messages/1/raw", "/api/attachments/1"):
                answer = service.client.get(address)
                assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json"), damage
                assert "damaged" in answer.json()["detail"]
            assert service.get("/api/messages/1")["subject"].endswith("damaged")
            assert examine(settings, sqlite, datetime.now(UTC)) == 1
            printed = capfd.readouterr().out.splitlines()
            [wrong] = [line for line in printed if line.startswith("WRONG") and id in line]
            assert "sodan contents check" in wrong, damage
