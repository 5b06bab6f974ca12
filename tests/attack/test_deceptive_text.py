"""Characters that reverse or hide text are shown by their code, and domains that imitate a known one are marked."""

from collections.abc import Sequence

import pytest

from service.web.deceptive import KnownDomains, mixes_scripts, visible
from tests.running import Running
from tests.tables import table_beside

REVERSING = ("\u202e", "\u202d", "\u202a", "\u202b", "\u2066", "\u2067", "\u2068", "\u2069", "\u202c", "\u061c")
HIDING = ("\u2060", "\u3164", "\u034f", "\uffa0", "\U000e0041", "\x7f", "\u2028")
PLACES = ("subject", "name", "address", "file", "text")
KNOWN = KnownDomains(("corp.example", "microsoft.com", "aws.amazon.com", "cisco.com", "nec.co.jp"))
ALIKE: dict[str, str] = table_beside(__file__, "alike.yaml")
OTHERS = (
    "corp.example", "mail.corp.example", "CORP.example", "microsoft.com", "eu.microsoft.com", "example.org",
    "fujitsu.com", "necessary.co.jp", "ntt.co.jp", "corporate.example", "gmail.com", "日本語.jp", "xn--wgv71a119e.jp",
    "san.example", "disco.com.example", "", "x", "a.b",
)  # fmt: skip
MIXED = ("pаypal.example", "xn--pypal-4ve.example", "gооgle.example")


def mail(places: Sequence[str], what: str, number: int = 1) -> str:
    shown = {name: f"invoice{what}fdp.exe" if name in places else f"plain {name}" for name in PLACES}
    address = f"eve{what}x@partner.example" if "address" in places else "eve@partner.example"
    return (
        f'From: "{shown["name"]}" <{address}>\nTo: intake@corp.example\nSubject: {shown["subject"]}\n'
        f"Message-ID: <deceptive-{number}@partner.example>\nMIME-Version: 1.0\n"
        'Content-Type: multipart/mixed; boundary="b"\n\n'
        f"--b\nContent-Type: text/plain; charset=utf-8\n\n{shown['text']}. The VPN does not connect.\n"
        f'--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename="{shown["file"]}"\n\nx\n--b--\n'
    )


def pages(service: Running, *paths: str) -> str:
    answers = [service.client.get(path, headers={"Accept-Language": "en"}) for path in paths]
    assert {answer.status_code for answer in answers} == {200}
    return "".join(answer.text for answer in answers)


@pytest.mark.parametrize("places", [PLACES, ("address",)], ids=["everywhere", "address"])
def test_no_page_contains_a_character_that_reverses_or_hides_text(embedded: Running, places: Sequence[str]) -> None:
    written = (*REVERSING, *HIDING)
    keys = embedded.deliver(*(mail(places, what, number) for number, what in enumerate(written)))
    messages = (f"/messages/{number}" for number in range(1, len(written) + 1))
    shown = pages(embedded, "/", "/received", *(f"/cases/{key}" for key in dict.fromkeys(keys)), *messages)
    assert [ascii(shown[max(0, shown.find(what) - 60) :][:100]) for what in written if what in shown] == []


def test_such_a_character_is_shown_by_its_code(embedded: Running) -> None:
    written = [(place, what) for place in ("subject", "name", "text") for what in ("\u202e", "\u2067", "\u061c")]
    keys = embedded.deliver(*(mail([place], what, number) for number, (place, what) in enumerate(written)))
    for key, (place, what) in zip(keys, written, strict=True):
        assert f"invoice⟨U+{ord(what):04X}⟩fdp.exe" in pages(embedded, f"/cases/{key}"), place


def test_names_subjects_and_files_are_isolated(embedded: Running) -> None:
    """Then right-to-left letters do not reorder the text around them."""
    (key,) = embedded.deliver(mail((), "").replace("plain ", "שלום "))
    page = pages(embedded, f"/cases/{key}")
    for part in ("subject", "name", "file"):
        assert f"<bdi>שלום {part}</bdi>" in page


def test_domains_that_imitate_a_known_one_or_mix_scripts_are_recognised() -> None:
    assert {domain: KNOWN.similar(f"support@{domain}") for domain in ALIKE} == ALIKE
    assert [domain for domain in OTHERS if KNOWN.similar(f"support@{domain}")] == []
    assert [domain for domain in (*OTHERS, *MIXED) if mixes_scripts(f"x@{domain}")] == list(MIXED)


def test_the_page_marks_a_domain_that_imitates_a_known_one(embedded: Running) -> None:
    domains = ("c0rp.example", "corp.example.evil.net", "rnicrosoft.com", "micros0ft.com")
    keys = embedded.deliver(*(mail((), "").replace("partner.example", domain) for domain in domains))
    for number, (key, domain) in enumerate(zip(keys, domains, strict=True), start=1):
        for path in (f"/cases/{key}", f"/messages/{number}"):
            assert f"similar to {ALIKE[domain]}" in pages(embedded, path), domain


def test_ordinary_text_is_shown_unchanged() -> None:
    for text in ("日本語の件名", "👩‍💻 on call", "naïve café", "שלום", "می‌خواهم", "a\tb\nc", "\u200eMon, 2 Mar"):
        assert visible(text) == text.removeprefix("\u200e")
