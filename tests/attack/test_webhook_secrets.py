"""The secrets that sign webhooks are encrypted in the database, in its log and in backups."""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import insert, select

from service.api.webhook_delivery import deliver_one
from service.app import encrypt_secrets
from service.cli.doctor import examine
from service.desk import Desk
from service.errors import Refused
from service.intake import AppContext
from service.settings import Settings, load
from service.store import webhooks
from service.store.backup import backup
from service.store.database import Database
from service.store.encryption import SecretBox, key_path, secret_box
from service.store.tables import events
from service.store.tables import webhooks as table
from tests.running import running, with_settings

NOW = datetime.now(UTC)
SECRET = "whsec_c2VjcmV0IG9mIGFuIG9sZGVyIHZlcnNpb24="


def add_unencrypted(database: Database) -> None:
    """Add three webhooks as earlier versions stored them."""
    row = {"url": "https://hooks.example/", "secret": SECRET, "kinds": [], "created_at": NOW, "due_at": NOW, "event": 0}
    database.transact(lambda conn: conn.execute(insert(table), [row] * 3))


def stored(database: Database) -> list[str]:
    return list(database.read(lambda conn: conn.execute(select(table.c.secret)).scalars().all()))


@pytest.mark.both_databases
def test_no_file_of_an_installation_contains_a_secret(database: Database, context: AppContext, tmp_path: Path) -> None:
    settings = load(intake="intake@corp.example", database_url="sqlite:///unused.db", key_file=tmp_path / "keys/key")
    with running(database, context, settings) as service:
        made = service.client.post("/api/webhooks", json={"url": "https://hooks.example/in"}).json()
    backup(database, None, tmp_path / "copy.backup", NOW)
    assert made["secret"] not in str(stored(database))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= 2
    for path in files:
        assert made["secret"].removeprefix("whsec_").encode() not in path.read_bytes(), path
    assert secret_box(settings).decrypt(stored(database)[0]) == made["secret"]
    assert (tmp_path / "keys/key").stat().st_mode & 0o077 == 0
    assert (tmp_path / "keys").stat().st_mode & 0o077 == 0


@pytest.mark.both_databases
def test_unencrypted_secrets_are_reported_by_the_doctor_and_encrypted_at_start(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = load(database_url="sqlite:///unused.db", key_file=tmp_path / "key")
    add_unencrypted(database)
    examine(settings, database, NOW)
    assert "WRONG  webhook 1: its secret is stored unencrypted" in capsys.readouterr().out
    for _ in range(2):  # a second start changes nothing
        encrypt_secrets(settings, database)
        secrets = stored(database)
        assert len(set(secrets)) == 3
        assert all(not secret.startswith("whsec_") for secret in secrets)
        assert {secret_box(settings).decrypt(secret) for secret in secrets} == {SECRET}


WRONG: dict[str, Callable[[Path], Any]] = {
    "missing": lambda path: path.unlink(),
    "another key": lambda path: path.write_bytes(Fernet.generate_key()),
    "empty": lambda path: path.write_text(""),
    "no key": lambda path: path.write_text("correct horse battery staple"),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:20]),
    "not text": lambda path: path.write_bytes(b"\xff\xfe\x00"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_with_a_wrong_key_file_nothing_is_sent_and_the_error_names_the_file(
    sqlite: Database, context: AppContext, tmp_path: Path, wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = load(database_url="sqlite:///unused.db", key_file=tmp_path / "key")
    box = secret_box(settings)
    sqlite.transact(lambda conn: webhooks.create(conn, box, "https://hooks.example/", [], NOW))
    sqlite.transact(lambda conn: conn.execute(insert(events), {"kind": "case.opened", "at": NOW, "data": {}}))
    WRONG[wrong](tmp_path / "key")
    desk = Desk(settings, sqlite, lambda: context, lambda: NOW + timedelta(minutes=1))
    assert asyncio.run(deliver_one(desk))
    [row] = sqlite.read(webhooks.listing)
    assert (row["attempts"], str(tmp_path / "key") in row["last_error"]) == (1, True)
    examine(settings, sqlite, NOW)
    assert "WRONG  webhook 1: " in capsys.readouterr().out


def test_postgresql_requires_a_setting_for_the_key_file(
    database: Database, context: AppContext, settings: Settings
) -> None:
    """Otherwise the key would be in the file system of a container, and lost with it."""
    settings = with_settings(settings, database_url="postgresql://sodan@db.example/sodan", key_file=None)
    assert key_path(settings) is None
    with running(database, context, settings) as service:
        answer = service.client.post("/api/webhooks", json={"url": "https://hooks.example/in"})
        assert (answer.status_code, "SODAN_KEY_FILE" in json.dumps(answer.json())) == (400, True)
    assert stored(database) == []


def test_the_first_key_encrypts_and_all_keys_decrypt(tmp_path: Path) -> None:
    box = SecretBox(tmp_path / "key")
    before = box.encrypt(SECRET)
    (tmp_path / "key").write_bytes(Fernet.generate_key() + b"\n" + (tmp_path / "key").read_bytes())
    after = box.encrypt(SECRET)
    assert [box.decrypt(one) for one in (before, after)] == [SECRET, SECRET]
    (tmp_path / "key").write_text((tmp_path / "key").read_text().splitlines()[0])
    assert box.decrypt(after) == SECRET
    with pytest.raises(Refused):
        box.decrypt(before)


def test_processes_that_create_the_key_at_once_use_the_same_key(tmp_path: Path) -> None:
    boxes = [SecretBox(tmp_path / "key") for _ in range(16)]
    with ThreadPoolExecutor(16) as several:
        made = list(several.map(lambda box: box.encrypt(SECRET), boxes))
    assert {SecretBox(tmp_path / "key").decrypt(one) for one in made} == {SECRET}
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
