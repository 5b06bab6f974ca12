"""The address and names of one person are replaced in texts and raw mails, and those of nobody else."""

import base64
import quopri
from email.header import Header
from email.mime.application import MIMEApplication
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest

from service.mail.masking import Mask
from service.mail.parse import parse

MASK = Mask("Hanako.Mori@corp.example", ["森 花子", "Hanako Mori"], "x7k2")
PERSON = "Hanako.Mori@corp.example"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("write to hanako.mori@corp.example.", "write to x7k2x7.k2x7@corp.example."),
        ("HANAKO.MORI+vpn@Corp.Example", "x7k2x7.k2x7+k2x@Corp.Example"),
        ("?to=hanako.mori%40corp.example&", "?to=x7k2x7.k2x7%40corp.example&"),
        ("bounce-hanako.mori=corp.example@list.example", "bounce-x7k2x7.k2x7=corp.example@list.example"),
        ("森花子様、森　花子、花子 森", "x7k様、x　7k、x7 k"),
        ("Mori, Hanako / hanako\u00a0mori", "x7k2, x7k2x7 / x7k2x7\u00a0k2x7"),
        ("Hanako Moriyama, 森川花子", None),
    ],
)
def test_address_and_names_are_masked_in_any_spelling_with_the_same_length(text: str, masked: str | None) -> None:
    assert MASK.text(text) == (text if masked is None else masked)
    assert len(MASK.text(text)) == len(text)
    assert MASK.mentions(text) == (masked is not None and masked != text)


def test_similar_addresses_are_kept() -> None:
    mask = Mask("mori@corp.example", [], "x7k2")
    for other in ("a.mori@corp.example", "taimori@corp.example", "mori@corp.example.org", "mori@corp.example-x.org"):
        assert mask.text(other) == other
        assert not mask.mentions_in_bytes(other.encode())
    assert mask.text("<mori@corp.example>") == "<x7k2@corp.example>"


def test_an_address_that_equals_its_replacement_is_still_mentioned() -> None:
    mask = Mask("x7k@corp.example", [], "x7k2")
    assert mask.mentions("<x7k@corp.example>")
    assert mask.lines_of("Good day\nx7k@corp.example") == {"x7k@corp.example"}


def test_in_mails_of_others_a_name_in_from_is_masked_only_in_quotes() -> None:
    mask = Mask(PERSON, [], "x7k2", ["Slow Print"])
    quote = f"<div>On Mon, 2 Mar 2026 at 09:01, Slow Print &lt;{PERSON}&gt; wrote:<br></div><blockquote>"
    body = MIMEText(f"<p>A Slow Print again.</p>{quote}<p>Good day</p><p>Slow Print</p></blockquote>", "html")
    body["From"], body["Subject"] = "Ben <ben@corp.example>", "Re: printer"
    raw = body.as_bytes()
    masked = mask.in_mail(parse(raw), mask.lines_of("Good day\n\nSlow Print")).mail(raw)
    assert masked is not None
    assert parse(masked).reply_text == "A Slow Print again."
    assert "Slow Print" not in parse(masked).quoted_text


def _mail(body: MIMEMultipart | MIMEText) -> bytes:
    body["From"] = f"{Header('森 花子', 'iso-2022-jp').encode()} <{PERSON}>"
    body["To"] = "help@intake.example"
    body["Subject"] = Header("森花子です。VPN が切れます", "utf-8").encode()
    body["Message-ID"] = "<1.hanako.mori@corp.example>"
    body["Received"] = "from pc by mx.corp.example for <hanako.mori@corp.example>; Mon, 2 Mar 2026 09:00:00 +0900"
    return body.as_bytes().replace(b"\n", b"\r\n")


@pytest.mark.parametrize("label", ["utf-8", "iso-2022-jp", "shift_jis", "euc-jp"])
def test_a_masked_mail_has_the_same_text_except_for_the_person(label: str) -> None:
    raw = _mail(MIMEText("森　花子 (hanako.mori@corp.example) です。\nエラー 800 が出ます。\n", "plain", label))
    masked = MASK.mail(raw)
    assert masked is not None
    assert not MASK.mentions_in_mail(masked)
    before, after = parse(raw), parse(masked)
    assert after.text == MASK.text(before.text)
    assert "エラー 800 が出ます。" in after.text
    assert after.subject == "x7kです。VPN が切れます"
    assert (after.from_ and after.from_.address) == "x7k2x7.k2x7@corp.example"
    assert after.to == before.to
    assert MASK.mail(masked) is None


def test_nested_parts_and_files_that_mention_the_person_are_masked() -> None:
    inner = MIMEText("dear Hanako Mori", "html")
    inner["Subject"] = "Re: Hanako Mori"
    whole = MIMEMultipart()
    whole.attach(MIMEText("see below", "plain", "utf-8"))
    whole.attach(MIMEText("<p>Hanako&nbsp;<b>Mori</b> and others</p>", "html", "utf-8"))
    whole.attach(MIMEMessage(inner))
    whole.attach(MIMEApplication("Hanako Mori".encode("utf-16-le"), Name="list.bin"))
    whole.attach(MIMEApplication(b"\x00" * 50 + b"quiet", Name="quiet.bin"))
    masked = MASK.mail(_mail(whole))
    assert masked is not None
    assert not MASK.mentions_in_mail(masked)
    assert "see below" in parse(masked).text


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"From: b@corp.example\r\nSubject: hello\r\n\r\nhanako is not mori\r\n",
        b"hanako.mori@corp.example",
        b"From hanako.mori@corp.example\r\nFrom: <hanako.mori@corp.example\r\n\r\n",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nHanako Mori\r\n",
        b"Content-Type: text/plain; charset=no-such\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.b64encode("森 花子".encode()),
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + quopri.encodestring("森花子\n".encode("cp932")),
        b"Subject: =?utf-8?B?" + base64.b64encode("森".encode()) + b"?= =?utf-8?Q?=E8=8A=B1=E5=AD=90?=\r\n\r\nx",
        "Subject: 森花子\r\nX-Hanako Mori: y\r\nTo: 森花子 <hanako.mori@corp.example>\r\n\r\n".encode("cp932"),
        b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.b64encode(b"From: hanako.mori@corp.example\r\n\r\nx"),
    ],
)
def test_any_masked_mail_does_not_mention_the_person(raw: bytes) -> None:
    masked = MASK.mail(raw)
    assert not MASK.mentions_in_mail(raw if masked is None else masked)
    assert (masked is not None) == MASK.mentions_in_mail(raw)
