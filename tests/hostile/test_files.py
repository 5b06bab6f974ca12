"""Attachments with hostile names and contents: their names are shown and saved safely, and they are never opened."""

import hashlib
import re
import uuid
from urllib.parse import unquote

import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.hostile.bombs import WORDS, attached, mixed, nested_archive, zipped
from tests.hostile.conftest import Besieged
from tests.tables import table_beside

NAMES: dict[str, list[str]] = table_beside(__file__, "names.yaml")
"""Case → text after ``Content-Disposition: attachment;``, name that is shown, name under which a browser saves."""


def saved_as(header: str) -> str:
    """Return the name under which a browser saves a file, from a header that must be safe."""
    found = re.fullmatch(r"attachment; filename=\"[A-Za-z0-9._ -]+\"; filename\*=UTF-8''([A-Za-z0-9._~%-]+)", header)
    assert found is not None, header
    return unquote(found[1])


@pytest.mark.timeout(600)
def test_hostile_names_are_shown_and_saved_safely(besieged: Besieged) -> None:
    id = f"names-{uuid.uuid4().hex[:8]}"
    message = besieged.take(id, mixed(id, WORDS, *(attached(written, b"x") for written, _, _ in NAMES.values())))
    shown = {case: file["filename"] for case, file in zip(NAMES, message["attachments"], strict=True)}
    assert shown == {case: name for case, (_, name, _) in NAMES.items()}
    saved = {}
    for case, file in zip(NAMES, message["attachments"], strict=True):
        answer = besieged.http.get(f"/api/attachments/{file['id']}")
        assert answer.content == b"x"
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in answer.headers
        saved[case] = saved_as(answer.headers["content-disposition"])
    assert saved == {case: name for case, (_, _, name) in NAMES.items()}
    for path in (f"/cases/{message['case']}", f"/messages/{message['id']}"):
        page = LexborHTMLParser(besieged.http.get(path).text)
        links = page.css(".files a")
        assert [link.text() for link in links] == list(shown.values())
        assert all(re.fullmatch(r"/api/attachments/[0-9]+", link.attributes["href"] or "") for link in links)
        assert page.css("img") == []
    besieged.goes_on()


def test_a_very_long_name_is_truncated(besieged: Besieged) -> None:
    id = f"long-name-{uuid.uuid4().hex[:8]}"
    written = ("a" * 10_000, "印" * 3_000, "../" * 3_000 + "b.txt", "c." + "d" * 10_000)
    message = besieged.take(id, mixed(id, WORDS, *(attached(f'filename="{name}"', b"x") for name in written)))
    names = [file["filename"] for file in message["attachments"]]
    assert names == ["a" * 255, "印" * 255, "b.txt", "c." + "d" * 253]
    for file in message["attachments"]:
        answer = besieged.http.get(f"/api/attachments/{file['id']}")
        assert len(saved_as(answer.headers["content-disposition"])) <= 150
    besieged.goes_on()


def test_archives_and_active_contents_are_never_opened(besieged: Besieged) -> None:
    id = f"archives-{uuid.uuid4().hex[:8]}"
    files = {
        "bomb.zip": (zipped("nothing.txt", bytes(200_000_000)), "application/zip"),
        "nested.zip": (nested_archive(), "application/zip"),
        "mail.eml.zip": (zipped("inner.eml", b"\r\n\r\nUrgent: everything is down"), "application/zip"),
        "program.exe": (b"MZ" + bytes(1_000), "application/x-msdownload"),
        "page.html": (b"<script>alert(1)</script>", "text/html"),
        "picture.svg": (b"<svg onload=alert(1)>", "image/svg+xml"),
        "macro.docm": (zipped("word/vbaProject.bin", b"x"), "application/vnd.ms-word.document.macroEnabled.12"),
    }
    parts = (attached(f'filename="{name}"', content, kind) for name, (content, kind) in files.items())
    message = besieged.take(id, mixed(id, WORDS, *parts))
    assert [(f["filename"], f["content_type"], f["size"], f["sha256"]) for f in message["attachments"]] == [
        (name, kind.lower(), len(content), hashlib.sha256(content).hexdigest())
        for name, (content, kind) in files.items()
    ]
    case = besieged.http.get(f"/api/cases/{message['case']}")
    assert case.json()["messages"] == 1
    assert "everything is down" not in case.text
    for file, (content, _) in zip(message["attachments"], files.values(), strict=True):
        answer = besieged.http.get(f"/api/attachments/{file['id']}")
        assert answer.content == content
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    besieged.goes_on()


def test_a_hostile_content_type_is_not_sent_to_browsers(besieged: Besieged) -> None:
    id = f"type-{uuid.uuid4().hex[:8]}"
    kinds = ("a/b\r\n c/d", "text/html;<script>", "x" * 10_000 + "/y", "/", "text/", "\x00/\x00", "../../x")
    message = besieged.take(id, mixed(id, WORDS, *(attached('filename="x.bin"', b"x", kind) for kind in kinds)))
    assert len(message["attachments"]) == len(kinds)
    for file in message["attachments"]:
        assert len(file["content_type"]) <= 255
        answer = besieged.http.get(f"/api/attachments/{file['id']}")
        assert answer.headers["content-type"] == "application/octet-stream"
