"""The mails of `make demo`: their cases, and the quotes that support each result."""

from datetime import UTC, datetime

import pytest

from bench.demo import mails
from service.cli.cases import print_case
from service.settings import load
from tests.running import Running

NOW = datetime.now(load().zone).replace(microsecond=0)
"""The time that `make demo` uses; its zone applies to quoted times without a zone."""


def test_the_demo_mails_become_six_cases_and_every_quote_is_in_its_mail(
    embedded: Running, capfd: pytest.CaptureFixture[str]
) -> None:
    sent = mails(NOW).values()
    cases = [embedded.get(f"/api/cases/{key}") for key in dict.fromkeys(embedded.deliver(*sent))]
    assert (len(sent), len(cases)) == (8, 6)
    incident = cases[0]
    assert incident["vendor_refs"] == [{"vendor": "microsoft", "ref": "2611170030008841"}]
    assert incident["messages"] == 5  # three mails, two of which carry one of the vendor's
    assert (incident["priority"], incident["waiting_on"]) == ("P2", "team")
    assert {(ask["what"], ask["state"]) for ask in incident["asks"]} >= {("logs", "answered"), ("test", "open")}
    hurry = cases[1]
    assert hurry["priority"] in ("P3", "P4")
    assert hurry["priority_detail"]["heard"]
    assert hurry["needs_triage"]
    for case in cases:
        print_case(case, [], UTC, as_json=False)
        shown = squeezed(capfd.readouterr().out)
        timeline = {message["id"]: message for message in embedded.get(f"/api/cases/{case['key']}/messages")["items"]}
        stated = [*case["priority_detail"]["evidence"], *case["priority_detail"]["heard"], *case["asks"]]
        stated += [*case["parked"], *(line for line in case["checklist"] if line["quote"])]
        for quoted in stated:
            message = timeline[quoted["message"]]
            words = (message["subject"], message["text"], message["author"]["address"], str(message["attachments"]))
            assert squeezed(quoted["quote"]) in squeezed("\n".join(words)), quoted
            assert squeezed(quoted["quote"])[:40] in shown or quoted.get("item"), quoted


def squeezed(text: str) -> str:
    """Return a text without white space, since printing wraps lines."""
    return "".join(text.split())
