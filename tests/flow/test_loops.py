"""Mail that answers itself: sodan sends none, so a loop is somebody else's; it is recorded and moves nothing."""

import re
from pathlib import Path

import pytest

import service
from tests.running import Running

REPORT = (
    "From: Mei Aoki <mei@corp.example>\nTo: intake@corp.example\nSubject: Label printer feeds two sheets\n"
    "Message-ID: <loop@corp.example>\nDate: Tue, 17 Nov 2026 09:00:00 +0900\n\n"
    "The label printer feeds two sheets at once. Error E-7741. Nobody in the warehouse can work.\n"
)


def _answer(number: int, head: str) -> str:
    """The next mail of a machine that answers whatever comes."""
    before = "<loop@corp.example>" if number == 1 else f"<loop{number - 1}@corp.example>"
    return (
        f"From: Mei Aoki <mei@corp.example>\nTo: intake@corp.example\nSubject: Automatic reply: Label printer "
        f"feeds two sheets\nMessage-ID: <loop{number}@corp.example>\nIn-Reply-To: {before}\n{head}\n"
        f"Date: Tue, 17 Nov 2026 09:{number:02d}:00 +0900\n\nI am out of the office until Monday.\n"
    )


def test_only_the_room_of_outgoing_mail_sends_any() -> None:
    root = Path(service.__file__).parent
    for path in set(root.rglob("*.py")) - set((root / "outbound").rglob("*.py")):
        assert not re.search(r"^\s*(import|from) (aio)?smtplib\b", path.read_text(), re.M), path


def test_a_mail_that_comes_back_under_its_own_id_is_one_message(service: Running) -> None:
    (key,) = service.deliver(REPORT)
    before = service.get(f"/api/cases/{key}")
    for hop in range(4):
        received = f"Received: from a{hop}.example by b.example; Tue, 17 Nov 2026 09:01:00 +0900\n"
        assert service.deliver(received + REPORT) == [key]
    after = service.get(f"/api/cases/{key}")
    assert [after[name] for name in ("messages", *MOVED)] == [before[name] for name in ("messages", *MOVED)]
    assert service.get("/api/messages", message_id="<loop@corp.example>")["items"][0]["deliveries"] == 5


HEADS = (
    "Auto-Submitted: auto-replied", "Precedence: bulk", "Precedence: junk", "Precedence: auto_reply",
    "Precedence: list\nList-Id: <staff.corp.example>", "X-Loop: mei@corp.example\nX-Auto-Response-Suppress: All",
)  # fmt: skip
MOVED = ("status", "waiting_on", "waiting_since", "priority", "title", "missing", "participants")


@pytest.mark.parametrize("head", HEADS)
def test_machines_that_answer_and_answer_move_nothing(embedded: Running, head: str) -> None:
    (key,) = embedded.deliver(REPORT)
    before = embedded.get(f"/api/cases/{key}")
    assert set(embedded.deliver(*(_answer(number, head) for number in range(1, 9)))) == {key}
    after = embedded.get(f"/api/cases/{key}")
    assert [after[name] for name in MOVED] == [before[name] for name in MOVED]
    mails = embedded.get(f"/api/cases/{key}/messages")["items"]
    assert [mail["automatic"] for mail in mails] == [None] + ["auto_reply"] * 8
