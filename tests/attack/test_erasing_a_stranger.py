"""Erasure changes only text that names the person, also if the display name is an everyday word."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from service.cli.deletion import erase_person, words_of_vendors
from service.cli.main import main
from service.errors import Refused
from service.intake import AppContext, receive
from service.mail.masking import Mask
from service.mail.parse import parse
from service.settings import Settings
from service.store import contents
from service.store.database import Database
from service.store.erasure import own_names
from service.store.spool import Envelope
from service.store.tables import cases, messages, metadata
from tests.running import take_in
from tests.tables import table_beside

ADDRESS = "aiko@corp.example"
EVERYDAY_WORDS = ("the", "error", "Microsoft", "Error", "お客様", "サポート", "microsoft", "AWS", "it", "エラー")
NO_NAMES = (*EVERYDAY_WORDS, "本番", "VPN", "Out of memory", "Gateway Timeout", "2031", "08:15", "SD-77", "夜間 保守")
SINGLE_NAMES = table_beside(__file__, "single_names.yaml")
OTHERS = (
    "From: Ben <ben@corp.example>\r\nTo: intake@corp.example\r\nSubject: the error of Microsoft in 本番\r\n"
    "Message-ID: <2@corp.example>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    "the VPN shows error 0x80070005 in 本番 since Microsoft updated it. AWS is well.\r\n"
    "エラー が出ます。お客様 の サポート に連絡済みです。\r\nMicrosoft case 2611240030001234\r\n"
).encode()


def by_person(name: str, subject: str = "VPN down", text: str = "It does not connect.") -> bytes:
    head = (
        f'From: "{name}" <{ADDRESS}>\r\nTo: intake@corp.example\r\nSubject: {subject}\r\nMessage-ID: <1@corp.example>'
    )
    return f"{head}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n".encode()


def answer(name: str, quote: str, subject: str = "the error of Microsoft in 本番", more: str = "AWS is well.") -> bytes:
    """Return the mail of another person, as an answer that quotes the person's mail."""
    written = OTHERS.decode().replace("the error of Microsoft in 本番", subject).replace("AWS is well.", more)
    written = written.replace("Message-ID:", "In-Reply-To: <1@corp.example>\r\nMessage-ID:")
    return f"{written}\r\nOn Mon, 2 Mar 2026 at 09:01, {name} <{ADDRESS}> wrote:\r\n{quote}\r\n".encode()


def report_and_answer(name: str) -> tuple[bytes, bytes]:
    """Return a mail of the person that contains the name, and an answer that quotes the name."""
    subject, quote = f"{name}: VPN", f"> It does not connect for {name}.\r\n>\r\n> {name}"
    report = by_person(name, subject, f"It does not connect for {name}.\r\n\r\n{name}")
    return report, answer(name, quote, f"Re: {subject}")


class Filled:
    """A database with mails of the person and of others, for one erasure."""

    def __init__(self, database: Database, context: AppContext, settings: Settings) -> None:
        self.database, self.settings = database, settings
        self.reserved = words_of_vendors(context.rules.vendors.profiles.values(), ("corp.example",))
        self._context = context

    def fill(self, *mails: bytes) -> None:
        envelope = Envelope("smtp", "x@elsewhere.example", ("intake@corp.example",))
        receive(self.database, [(envelope, mail) for mail in mails], datetime.now(UTC))
        take_in(self.database, self._context)

    def erase(self, *names: str, apply: bool = True) -> int:
        return erase_person(self.settings, self.database, ADDRESS, names, self.reserved, apply=apply)

    def raw(self) -> list[bytes]:
        return [one.content(None) for one in contents.all_mails(self.database)]

    def texts(self) -> list[Any]:
        """Return the stored text of the other person's mail, and facts about all cases."""
        mails = select(messages.c.subject, messages.c.text).where(messages.c.author_address == "ben@corp.example")
        queries = (mails, select(cases.c.id, cases.c.vendor, cases.c.kind))
        return self.database.read(lambda conn: [conn.execute(query).all() for query in queries])

    def everything(self) -> str:
        def dump(conn: Any) -> str:
            return repr([conn.execute(select(table)).all() for table in metadata.sorted_tables if table.name != "keys"])

        return self.database.read(dump)


@pytest.fixture
def filled(sqlite: Database, context: AppContext, settings: Settings) -> Filled:
    return Filled(sqlite, context, settings)


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_usual_word_as_display_name_changes_nothing_that_others_wrote(filled: Filled, name: str) -> None:
    """Also in an answer to the person, and in the history of the case."""
    reply = answer(name, "> It does not connect.", more=f"{name}\r\nThe report says {name}.")
    filled.fill(by_person(name, f"{name} on the VPN"), reply)
    texts = filled.texts()[0]
    assert filled.erase() == 0
    assert filled.texts()[0] == texts
    assert "aiko" not in filled.everything()
    masked = next(raw for raw in map(parse, filled.raw()) if raw.message_id == "<2@corp.example>")
    assert masked.reply_text == parse(reply).reply_text
    assert ADDRESS not in masked.quoted_text
    assert name in EVERYDAY_WORDS or name not in masked.quoted_text


def test_an_interrupted_erasure_can_be_repeated(filled: Filled) -> None:
    filled.fill(*report_and_answer("Aiko Mori"))
    fails = "BEFORE UPDATE ON messages WHEN old.author_address = 'ben@corp.example' BEGIN SELECT RAISE(ABORT, 'x'); END"
    filled.database.transact(lambda conn: conn.execute(text(f"CREATE TRIGGER fails {fails}")))
    with pytest.raises(IntegrityError):
        filled.erase()
    filled.database.transact(lambda conn: conn.execute(text("DROP TRIGGER fails")))
    assert filled.erase() == 0
    assert "Aiko Mori" not in filled.everything()


@pytest.mark.parametrize("name", ["Aiko Mori", "森川 愛子"])
def test_the_display_name_is_erased_in_the_persons_mails_and_in_quotes(
    filled: Filled, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    filled.fill(*report_and_answer(name))
    capfd.readouterr()
    assert filled.erase() == 0
    certificate, said = capfd.readouterr()
    assert f"own mails and beside the address; to erase it in all mails, add --name: {name}" in said
    assert json.loads(certificate)["left"] == 0
    assert name not in filled.everything()
    assert [parse(raw).text for raw in filled.raw() if name in parse(raw).text] == []
    assert "(erased)" in {getattr(parse(raw).from_, "name", "") for raw in filled.raw()}
    query = select(messages.c.author_name)
    assert set(filled.database.read(lambda conn: conn.execute(query).scalars().all())) == {"(erased)", "Ben"}


@pytest.mark.parametrize(
    ("name", "other"), [("森川 愛子", "森川愛子"), ("森川愛子", "森川 愛子"), ("愛子", "森川愛子")]
)
def test_another_persons_name_is_recognised_without_spaces(filled: Filled, name: str, other: str) -> None:
    filled.fill(by_person(name), OTHERS.replace(b"From: Ben ", f'From: "{other}" '.encode()))
    assert filled.database.read(partial(own_names, address=ADDRESS)) == []


@pytest.mark.parametrize("name", ["Ben", "Ben Okoro"])
def test_another_persons_name_is_kept_and_reported(
    filled: Filled, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    """A sender can use the name of another person."""
    others = OTHERS.replace(b"From: Ben ", b"From: Ben Okoro ").replace(b"AWS is well.", b"Ben Okoro here.\r\nBen")
    filled.fill(by_person(name), others)
    texts = filled.texts()
    capfd.readouterr()
    assert filled.erase() == 0
    certificate, said = capfd.readouterr()
    assert f"--name: {name}" in said
    assert any("--name" in one for one in json.loads(certificate)["not_reached"])
    assert (filled.texts(), others in filled.raw()) == (texts, True)


def test_an_everyday_word_or_a_vendor_is_refused_as_a_name(filled: Filled) -> None:
    filled.fill(by_person("Aiko Mori"), OTHERS)
    before = filled.everything()
    for name in (*EVERYDAY_WORDS, "Microsoft Support", "the error", "Amazon Web Services", "x"):
        with pytest.raises(Refused, match=r"not a name|too short"):
            filled.erase(name)
        assert filled.everything() == before, name


@pytest.mark.parametrize("name", ["本番", "VPN", "Case", "updated"])
def test_another_word_given_as_a_name_is_erased_only_where_it_means_a_person(filled: Filled, name: str) -> None:
    filled.fill(by_person(name), OTHERS)
    texts = filled.texts()
    with suppress(Refused):
        filled.erase(name)
    assert (filled.texts(), OTHERS in filled.raw()) == (texts, True)


def test_columns_of_ids_are_never_changed(filled: Filled) -> None:
    filled.fill(by_person("Aiko Mori"), OTHERS)
    filled.database.transact(lambda conn: conn.execute(update(cases).values(vendor="Aiko Mori", language="x")))
    filled.erase("Aiko Mori")
    vendors = filled.database.read(lambda conn: conn.execute(select(cases.c.vendor)).scalars().all())
    assert set(vendors) == {"Aiko Mori"}


@pytest.mark.parametrize(("text", "masked"), SINGLE_NAMES)
def test_a_single_name_is_masked_only_where_it_means_a_person(text: str, masked: str | None) -> None:
    assert Mask(ADDRESS, ["Aiko Mori", "Mori"], "x7k2").text(text) == (masked or text)


def test_a_dry_run_lists_every_place_and_changes_nothing(filled: Filled, capfd: pytest.CaptureFixture[str]) -> None:
    asks = OTHERS.replace(b"AWS is well.", b"Aiko Mori <aiko@corp.example> asked.")
    filled.fill(by_person("Aiko Mori"), asks)
    before = filled.everything()
    capfd.readouterr()
    assert filled.erase("Aiko Mori", apply=False) == 0
    listed = {one["where"]: one["words"] for one in json.loads(capfd.readouterr().out)["changes"]}
    assert filled.everything() == before
    assert {"raw mail", "messages.text", "messages.author_address", "participants.address"} <= listed.keys()
    assert listed["messages.text"] == ["Aiko Mori", "aiko"]
    filled.erase("Aiko Mori")
    masked, written = parse(filled.raw()[1]).text.split(), parse(asks).text.split()
    changed = [word for word, after in zip(written, masked, strict=True) if after != word]
    assert changed == ["Aiko", "Mori", "<aiko@corp.example>"]


@pytest.mark.parametrize("given", [(), ("--yes", "--dry-run"), ("--yes", "--name", "Aiko Mori"), ("--confirm-names",)])
def test_the_command_requires_a_confirmation_of_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], given: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SODAN_DATABASE_URL", "sqlite:///sodan.db")
    main(["migrate"])
    capsys.readouterr()
    assert main(["erase", ADDRESS, *given]) == 2
    assert capsys.readouterr().out == ""
