"""The README's claims: its mail goes in by SMTP, and what it shows comes out."""

import re
import smtplib
from pathlib import Path

import pytest

from tests.outbound.test_off import addresses, tracer
from tests.served import Served, sodan

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLE = (ROOT / "docs/example.eml").read_text(encoding="utf-8")


def block(language: str) -> str:
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)
    return found[-1]


def test_the_readme_shows_the_mail_of_the_docs() -> None:
    body = block("eml").split("\n\n", 1)
    assert body[0] in EXAMPLE
    assert EXAMPLE.endswith(body[1])


@pytest.mark.slow
def test_the_case_comes_out_as_shown_and_no_byte_leaves_the_house(tmp_path: Path) -> None:
    """By default no process of `sodan serve` connects to anything but this machine."""
    trace = tmp_path / "trace"
    under = tracer(trace)
    service = Served(tmp_path, under=under, intake="intake@localhost")
    try:
        _comes_out_as_shown(service, tmp_path)
    finally:
        service.stop()
    if not under:
        pytest.skip("the case came out as shown; that no byte leaves needs strace")
    assert addresses(trace) == set()


def _comes_out_as_shown(service: Served, folder: Path) -> None:
    with smtplib.SMTP("127.0.0.1", service.smtp, timeout=20) as client:
        client.sendmail("sato@corp.example", ["intake@localhost"], EXAMPLE.replace("\n", "\r\n").encode())
    service.wait_for(lambda: service.get("/api/cases").json()["items"])
    shown = sodan("show", "SD-1", cwd=folder).stdout
    ages = re.compile(r" for (?:\d+[dhm] ?)+")  # the mail grows older
    for line in block("text").splitlines():
        assert line == "…" or ages.sub(" ", line) in ages.sub(" ", shown).splitlines(), f"{line!r} is not in:\n{shown}"
    printed = service.log.read_text()
    assert [printed.count(f"127.0.0.1:{port}") for port in (service.smtp, service.http)] == [1, 1]
    case = service.get("/api/cases/SD-1").json()
    assert [heard["quote"] for heard in case["priority_detail"]["heard"]]
    for path in ("/api/cases/SD-1/brief", "/", "/cases/SD-1"):
        assert service.get(path).status_code == 200


def test_every_link_of_the_docs_leads_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
