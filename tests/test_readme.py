"""The example of the README: its mail is sent by SMTP, and the case looks as shown."""

import re
from pathlib import Path

import pytest

from tests.outbound.test_off import internet_calls, tracer
from tests.served import Served, sodan

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLE = (ROOT / "docs/example.eml").read_text(encoding="utf-8")


def block(language: str) -> str:
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)
    return found[-1]


def test_the_readme_shows_the_example_mail() -> None:
    body = block("eml").split("\n\n", 1)
    assert body[0] in EXAMPLE
    assert EXAMPLE.endswith(body[1])


@pytest.mark.slow
def test_the_case_is_as_shown_and_no_process_connects_to_another_machine(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    under = tracer(trace)
    service = Served(tmp_path, under=under, intake="intake@localhost")
    try:
        _check_case(service, tmp_path)
    finally:
        service.stop()
    if not under:
        pytest.skip("the case is as shown; the connections are tested only with strace")
    assert internet_calls(trace) == []


def _check_case(service: Served, folder: Path) -> None:
    service.send_mail(EXAMPLE, "intake@localhost", "sato@corp.example")
    service.wait_for(lambda: service.get("/api/cases").json()["items"])
    shown = sodan("show", "SD-1", cwd=folder).stdout
    ages = re.compile(r" for (?:\d+ (?:d|h|min) ?)+")  # the age of the mail changes
    for line in block("text").splitlines():
        assert line == "…" or ages.sub(" ", line) in ages.sub(" ", shown).splitlines(), f"{line!r} is not in:\n{shown}"
    printed = service.log.read_text()
    assert [printed.count(f"127.0.0.1:{port}") for port in (service.smtp, service.http)] == [1, 1]
    case = service.get("/api/cases/SD-1").json()
    assert [heard["quote"] for heard in case["priority_detail"]["heard"]]
    for path in ("/api/cases/SD-1/brief", "/", "/cases/SD-1"):
        assert service.get(path).status_code == 200


def test_every_link_in_the_docs_has_a_target() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
