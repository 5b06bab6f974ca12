"""Our SMTP class against the stock one of aiosmtpd: the same dialogue to both, the same answers and the same mails.

Where one takes what the other refuses, the difference must stand in ``DIFFERENCES``, with its reason. Which of several
faults a refusal names may differ; the exact code for each single fault is what ``conformance/`` looks at.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvloop
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from hypothesis import event, example, given
from hypothesis import strategies as st

from service.smtp.limits import Limits
from service.smtp.listener import Listener
from service.smtp.passwords import Passwords, password_line
from service.smtp.tls import ServerTls

CERTIFICATE = Path(__file__).parent / "certificates" / "first.pem"
LIMIT = 3000
END = b"\r\n.\r\n"


# ── what may differ ──


class Difference(NamedTuple):
    """One thing on which both classes differ by intention. ``step`` is the line, or the content, that was sent."""

    reason: str
    applies: Callable[[bytes, str, str], bool]


def _line(pattern: bytes) -> Callable[[bytes, str, str], bool]:
    return lambda step, _stock, _ours: re.search(pattern, step, re.IGNORECASE | re.DOTALL) is not None


def _refused_alone(pattern: bytes, code: str) -> Callable[[bytes, str, str], bool]:
    return lambda step, stock, ours: (
        stock[:1] in ("2", "3") and ours[:3] == code and re.search(pattern, step, re.IGNORECASE | re.DOTALL) is not None
    )


def _too_big_by_dots(step: bytes, stock: str, ours: str) -> bool:
    return stock == "552" and ours == "250" and b"\r\n." in b"\r\n" + step[: -len(END)]


ADDRESS = rb"^(MAIL +FROM|RCPT +TO):"
STRICT = [
    Difference("a line ends with CR LF (RFC 5321 §2.3.8)", _refused_alone(rb"(?<!\r)\n$", "500")),
    Difference(
        "control characters in commands are refused (RFC 5321 §4.1.2)",
        _refused_alone(rb"[\x00-\x1f\x7f].*\r\n$", "500"),
    ),
    Difference("non-ASCII commands must be UTF-8 (RFC 6531 §3.3)", _refused_alone(rb"[\x80-\xff]", "501")),
    Difference(
        "addresses beyond ASCII need SMTPUTF8 (RFC 6531 §3.5)", _refused_alone(ADDRESS + rb".*[\x80-\xff]", "553")
    ),
    Difference("a path must be in angle brackets (RFC 5321 §4.1.2)", _refused_alone(ADDRESS + rb" *[^< ]", "501")),
    Difference(
        "a path follows RFC 5321; the comments that RFC 5322 allows are refused", _refused_alone(ADDRESS, "553")
    ),
    Difference("a parameter may occur once (RFC 5321 §4.1.1.11)", _refused_alone(rb"^MAIL .*> +\S+ +\S", "501")),
    Difference("HELO and EHLO must name a host (RFC 5321 §4.1.1.1)", _refused_alone(rb"^(EHLO|HELO) ", "501")),
    Difference("a command line has 512 bytes (RFC 5321 §4.5.3.1.4)", _refused_alone(rb"^.{511}", "500")),
    Difference("STARTTLS inside TLS is refused (RFC 3207 §4.2)", _refused_alone(rb"^STARTTLS", "503")),
    Difference("AUTH inside a mail transaction is refused (RFC 4954 §4)", _refused_alone(rb"^AUTH ", "503")),
    Difference(
        "a line with a single dot ends the message only if CR LF is before and after the dot (CVE-2023-51764)",
        _refused_alone(rb"[\r\n]\.[\r\n]", "550"),
    ),
]
OTHER = [
    Difference("a MAIL command may be longer (RFC 1870, 4954, 6152, 6531)", _line(rb"^MAIL .{500}")),
    Difference("an AUTH command may have 12288 bytes (RFC 4954 §4)", _line(rb"^AUTH .{500}")),
    Difference("the lines of a mail may have any length (RFC 5321 §4.5.3.1)", _line(rb"[^\n]{990}.*\r\n\.\r\n$")),
    Difference("HELP answers 214 (RFC 5321 §4.2.2)", _line(rb"^HELP")),
    Difference("VRFY reveals nothing (RFC 5321 §7.3)", _line(rb"^VRFY ")),
    Difference("names of mechanisms are case-insensitive (RFC 4422 §3.1)", _line(rb"^AUTH (plain|login)")),
    Difference("dots added for transparency do not count (RFC 1870 §5)", _too_big_by_dots),
    Difference(
        "an HTTP request ends the connection",
        lambda step, _stock, ours: ours == "421" and step[:4] in (b"GET ", b"Host"),
    ),
    Difference(
        "the fifth unknown command ends the connection",
        lambda _step, stock, ours: "421" in (stock, ours) or stock == "",
    ),
]
DIFFERENCES = STRICT + OTHER


# ── both servers, and a client for each ──


@dataclass
class Taken:
    """A handler that keeps what it is given."""

    mails: list[tuple[Any, ...]] = field(default_factory=list)

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(
            (
                session.host_name,
                session.ssl is not None,
                bool(session.authenticated),
                envelope.mail_from,
                tuple(envelope.mail_options),
                tuple(envelope.rcpt_tos),
                envelope.smtp_utf8,
                envelope.received.read("keep") if hasattr(envelope, "received") else envelope.content,
            )
        )
        return "250 2.0.0 OK"


class Side:
    """A server of one kind with one client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, taken: Taken) -> None:
        self.reader, self.writer, self.taken = reader, writer, taken
        self.said = ""

    async def send(self, data: bytes, cuts: list[int]) -> None:
        for at, until in zip([0, *cuts], [*cuts, len(data)], strict=True):
            if data[at:until]:
                self.writer.write(data[at:until])
                await self.writer.drain()
                if cuts:
                    await asyncio.sleep(0)

    async def reply(self) -> str:
        """The code of the next reply; empty where the connection ended."""
        while True:
            try:
                line = await asyncio.wait_for(self.reader.readline(), 20)
            except ConnectionError:
                return ""
            if line[3:4] != b"-":
                return line[:3].decode()

    async def begin_tls(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        await self.writer.start_tls(context)


def _authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and data == LoginPassword(b"aiko", b"secret")
    return AuthResult(success=good, handled=False)


async def _both(stack: list[Any], passwords: Passwords) -> tuple[Side, Side]:
    loop = asyncio.get_running_loop()
    tls = ServerTls(CERTIFICATE, CERTIFICATE)

    def stock() -> SMTP:
        return SMTP(
            takens[0],
            data_size_limit=LIMIT,
            enable_SMTPUTF8=True,
            hostname="mx",
            tls_context=tls.context,
            authenticator=_authenticate,
            loop=loop,
        )

    takens = Taken(), Taken()
    limits = Limits(message_bytes=LIMIT, bare_newlines="keep")
    listener = Listener(takens[1], hostname="mx", limits=limits, tls=tls, passwords=passwords)
    sides = []
    for taken, server in (
        (takens[0], await loop.create_server(stock, "127.0.0.1", 0)),
        (takens[1], await listener.listen("127.0.0.1", 0)),
    ):
        stack.append(server)
        side = Side(*await asyncio.open_connection(*server.sockets[0].getsockname()), taken)
        assert await side.reply() == "220"
        sides.append(side)
    return sides[0], sides[1]


# ── dialogues ──


class Step(NamedTuple):
    """A line to send, in pieces; after DATA's 354 ``content`` follows, after 334 ``answers``."""

    line: bytes
    cuts: tuple[int, ...] = ()
    content: bytes = END
    answers: tuple[bytes, ...] = ()


_plain_address = st.sampled_from(
    ["<a@b.example>", "<a.b+c@d-e.example>", "<x_y@z.example>", "<O'Neil=1@B.EXAMPLE>", "<a@[192.0.2.1]>"]
)
_odd_address = st.sampled_from([
    "<>", '<"a b"@c.example>', '<"a\\"b"@c.example>', "<a@b@c.example>", "<a..b@c.example>", "<.a@c.example>", "<a@>",
    "<@b.example>", "<@r.example:a@b.example>", "<a b@c.example>", "<a@c.example", "a@c.example", "", " ",
    "<a(comment)@c.example>", "<postmaster>", "<用户@例子.example>", "<a@b.example>extra", "<a@-b.example>",
    "<a@b_c.example>", "<" + "l" * 70 + "@c.example>", "<a@" + "d" * 250 + ".example>",
])  # fmt: skip
_address = _plain_address | _plain_address | _odd_address
_SIZES = ["SIZE=100", "size=0", f"SIZE={LIMIT}", f"SIZE={LIMIT + 1}", "SIZE=x", "SIZE", "SIZE=9999999999999999999999"]
_OTHERS = ["BODY=8BITMIME", "BODY=7bit", "BODY=BINARYMIME", "SMTPUTF8", "SMTPUTF8", "SMTPUTF8=1", "RET=FULL", "=", "X="]
_parameters = st.lists(st.sampled_from(_SIZES) | st.sampled_from(_OTHERS), max_size=2)
_name = st.sampled_from(["{}", "{}", "{}", "{}", "{} ", "{}  "])
_colon = st.sampled_from(["MAIL FROM:", "mail from:", "MAIL FROM: ", "MAIL FROM :", "MAIL TO:", "MAIL", "MAIL  FROM:"])
_mail = st.builds(lambda begin, a, p: " ".join([begin + a, *p]), _colon | st.just("MAIL FROM:"), _address, _parameters)
_rcpt = st.builds(
    lambda begin, a, p: " ".join([begin + a, *p]),
    st.sampled_from(["RCPT TO:", "RCPT TO:", "rcpt to:", "RCPT TO: ", "RCPT"]),
    _address,
    st.lists(st.sampled_from(["NOTIFY=NEVER", "X"]), max_size=1) | st.just([]),
)
_simple = st.sampled_from([
    "EHLO client.example", "EHLO client.example", "HELO client.example", "ehlo [192.0.2.1]", "EHLO", "HELO a b",
    "NOOP", "NOOP x y", "RSET", "RSET x", "noop", "VRFY a@b.example", "VRFY", "VRFY <", "HELP", "HELP MAIL", "HELP ME",
    "EXPN list", "DATA x", "STARTTLS x", "QUIT x", "BDAT 10", "WHAT", "", " ", " NOOP", "GET / HTTP/1.1", "Host: a",
    "AUTH", "AUTH PLAIN x y", "AUTH PLAIN x", "AUTH NTLM",
    *("NOOP " + "x" * n for n in (505, 506, 3000)),
    *("MAIL FROM:<a@b.example> " + " " * n + "SIZE=1" for n in (470, 540, 1100)),
])  # fmt: skip
_credentials = [b64encode(c) for c in (b"\0aiko\0secret", b"\0aiko\0wrong", b"aiko", b"secret", b"")] + [b"*", b"?"]
_auth = st.builds(
    lambda line, answers: (line, answers),
    st.sampled_from(["AUTH PLAIN", "AUTH PLAIN " + _credentials[0].decode(), "AUTH LOGIN", "AUTH plain"]),
    st.lists(st.sampled_from(_credentials), min_size=2, max_size=2),
)
_raw_content = st.lists(
    st.sampled_from(
        [b".", b"..", b"\r\n", b"\r\n", b"\r\n.", b"\r\n..", b"x", b"Subject: y", b"\xff\xfe", b"\0", b"\n", b"\r"]
    )
    | st.sampled_from(
        [b"z" * 996, b"z" * 1200, b"w\r\n" * 700, b".\r\n\n.\n", b"\r\n.\n", b"\r.\r\n", b"..\r\n" * 700]
    ),
    max_size=12,
).map(b"".join)


@st.composite
def _steps(draw: st.DrawFn) -> Step:
    kind = draw(st.integers(0, 20))
    end = draw(st.sampled_from([b"\r\n"] * 30 + [b"\n", b"\r\r\n"]))
    answers: tuple[bytes, ...] = ()
    content = END
    if kind < 5:
        line = draw(_mail)
    elif kind < 10:
        line = draw(_rcpt)
    elif kind < 15:
        line = draw(_name).format("DATA")
        # what follows the end would be commands: the first end is the end
        content = (b"\r\n" + draw(_raw_content) + END).split(END)[0][2:] + END
        if content == b"\r\n.\r\n" and draw(st.booleans()):
            content = b".\r\n"
    elif kind == 15:
        line, given_answers = draw(_auth)
        answers = tuple(given_answers)
    elif kind == 16:
        line = draw(st.text(st.characters(codec="utf-8"), max_size=12).map(lambda words: words.replace("\n", "")))
    else:
        line = draw(_simple)
    data = line.encode("utf-8", "surrogateescape") + end
    cuts = draw(st.just(()) | st.lists(st.integers(0, len(data)), max_size=3).map(lambda found: tuple(sorted(found))))
    return Step(data, cuts, content, answers)


_dialogue = st.builds(
    lambda opening, steps: [*opening, *steps],
    st.sampled_from(
        [
            [],
            [Step(b"EHLO client.example\r\n")],
            [Step(b"EHLO c\r\n"), Step(b"STARTTLS\r\n"), Step(b"EHLO client.example\r\n")],
            [Step(b"EHLO c\r\n"), Step(b"STARTTLS\r\n"), Step(b"EHLO c\r\n"), Step(b"AUTH PLAIN AGFpa28Ac2VjcmV0\r\n")],
            [Step(b"EHLO c\r\n"), Step(b"MAIL FROM:<a@b.example>\r\n"), Step(b"RCPT TO:<c@d.example>\r\n")],
            [Step(b"HELO c\r\n"), Step(b"MAIL FROM:<>\r\n"), Step(b"RCPT TO:<c@d.example>\r\n")],
        ]
    ),
    st.lists(_steps(), max_size=9),
)


# ── the comparison ──


async def _compare(dialogue: list[Step], passwords: Passwords) -> None:
    servers: list[Any] = []
    stock, ours = await _both(servers, passwords)
    try:
        for step in [*dialogue, Step(b"QUIT\r\n")]:
            if not await _same(stock, ours, step.line, step.cuts):
                break
            if stock.taken.mails != ours.taken.mails:
                raise AssertionError(f"{step}: {stock.taken.mails} {ours.taken.mails}")
            if step.line.upper().rstrip() == b"STARTTLS" and ours.said == "220":
                await asyncio.gather(stock.begin_tls(), ours.begin_tls())
            for answer in step.answers:
                if ours.said != "334" or not await _same(stock, ours, answer + b"\r\n", ()):
                    break
            if ours.said == "334":
                break
            if ours.said == "354":
                cuts = tuple(range(0, len(step.content), 7))[:40] if step.cuts else ()
                if not await _same(stock, ours, step.content, cuts):
                    break
                assert stock.taken.mails == ours.taken.mails
    finally:
        for side in (stock, ours):
            side.writer.close()
        for server in servers:
            server.close()
        await asyncio.sleep(0)


async def _same(stock: Side, ours: Side, sent: bytes, cuts: tuple[int, ...]) -> bool:
    """Send to both; False where they differ by intention and cannot go on together."""
    await asyncio.gather(stock.send(sent, list(cuts)), ours.send(sent, list(cuts)))
    theirs, said = await asyncio.gather(stock.reply(), ours.reply())
    ours.said = said
    if theirs == said:
        return said != ""
    if theirs[:1] == said[:1] == "5":
        return True  # both refuse; each names another fault
    reasons = [difference.reason for difference in DIFFERENCES if difference.applies(sent, theirs, said)]
    assert reasons, f"{sent!r}: stock {theirs}, ours {said}"
    event(reasons[0])
    return False


@pytest.fixture(scope="module")
def passwords(tmp_path_factory: pytest.TempPathFactory) -> Passwords:
    file = tmp_path_factory.mktemp("passwords") / "names"
    file.write_text(password_line("aiko", "secret") + "\n")
    return Passwords(file)


TLS = [Step(b"EHLO c\r\n"), Step(b"STARTTLS\r\n"), Step(b"EHLO c\r\n")]
GOOD = b64encode(b"\0aiko\0secret")
_LOGIN = (b64encode(b"aiko"), b64encode(b"secret"))
MAIL_FOLLOWS = [Step(b"EHLO c\r\n"), Step(b"MAIL FROM:<a@b.example>\r\n"), Step(b"RCPT TO:<c@d.example>\r\n")]


@pytest.mark.slow
@given(dialogue=_dialogue)
@example(dialogue=[*MAIL_FOLLOWS, Step(b"DATA\r\n", (), b".\r\n")])
@example(dialogue=[*MAIL_FOLLOWS, Step(b"DATA\r\n", (), b"..\r\n...\r\n.x\r\na\0\xff" + END)])
@example(dialogue=[*MAIL_FOLLOWS, Step(b"DATA\r\n", (2,), b"x" * (LIMIT - 2) + END)])
@example(dialogue=[*MAIL_FOLLOWS, Step(b"DATA\r\n", (2,), b"wxyz\r\n" * (LIMIT // 6) + b".\r\n")])
@example(dialogue=[*MAIL_FOLLOWS, Step(b"DATA\r\n", (2,), b"wxyz\r\n" * (LIMIT // 6) + b"\r\n.\r\n")])
@example(dialogue=[Step(b"EHLO c\r\n"), Step(b"STARTTLS\r\n"), *MAIL_FOLLOWS, Step(b"DATA\r\n"), Step(b"STARTTLS\r\n")])
@example(dialogue=[Step(b"WHAT\r\n")] * 6)
@example(
    dialogue=[
        *TLS,
        Step(b"AUTH PLAIN\r\n", answers=(GOOD,)),
        *MAIL_FOLLOWS[1:],
        Step(b"DATA\r\n"),
        Step(b"AUTH PLAIN\r\n"),
    ]
)
@example(dialogue=[*TLS, Step(b"AUTH LOGIN\r\n", answers=_LOGIN), *MAIL_FOLLOWS, Step(b"AUTH PLAIN " + GOOD + b"\r\n")])
@example(dialogue=[*TLS, *[Step(b"AUTH LOGIN\r\n", answers=(answer, b"*")) for answer in (b"*", b"?", b"YWlrbw==")]])
@example(dialogue=[*TLS, *MAIL_FOLLOWS, Step(b"AUTH PLAIN " + GOOD + b"\r\n")])
@example(dialogue=[*TLS, Step(b"AUTH PLAIN AGFpa28Ad3Jvbmc=\r\n"), *MAIL_FOLLOWS, Step(b"DATA\r\n")])
@example(dialogue=[Step(b"EHLO c\r\n"), Step(b"AUTH PLAIN " + GOOD + b"\r\n"), Step(b"NOOP \xff\r\n")])
def test_the_same_dialogue_has_the_same_outcome(dialogue: list[Step], passwords: Passwords) -> None:
    asyncio.run(_compare(dialogue, passwords))


def test_every_difference_stands_in_the_docs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "specifications.md").read_text(encoding="utf-8")
    table = page.partition("differs from aiosmtpd in these points:")[2]
    for difference in DIFFERENCES:
        assert f"| {difference.reason.partition(' (')[0]}" in table, difference.reason


@given(dialogue=st.lists(_steps(), max_size=12), cuts=st.lists(st.integers(0, 4000), max_size=5))
def test_sent_ahead_or_one_by_one_is_the_same(dialogue: list[Step], cuts: list[int], passwords: Passwords) -> None:
    """Everything in one stream, cut anywhere, on uvloop: what the wire does to a dialogue changes nothing."""
    # without AUTH and STARTTLS, which wait for what only a listening client can say
    steps = [step for step in dialogue if not re.match(rb"\s*(AUTH|STARTTLS|QUIT)", step.line, re.IGNORECASE)]
    apart = uvloop.run(_one_by_one(steps, passwords))
    stream = b"".join(line for line, _ in apart.sent) + b"QUIT\r\n"
    assert uvloop.run(_at_once(stream, sorted(cuts), passwords)) == (
        [code for _, code in apart.sent if code] + apart.last,
        apart.mails,
    )


@dataclass
class Apart:
    """What was sent line by line with its replies, the last words, and the mails that came of it."""

    sent: list[tuple[bytes, str]] = field(default_factory=list)
    last: list[str] = field(default_factory=list)
    mails: list[tuple[Any, ...]] = field(default_factory=list)


async def _ours(passwords: Passwords) -> tuple[Any, Side]:
    taken = Taken()
    listener = Listener(taken, hostname="mx", limits=Limits(message_bytes=LIMIT), passwords=passwords)
    server = await listener.listen("127.0.0.1", 0)
    side = Side(*await asyncio.open_connection(*server.sockets[0].getsockname()), taken)
    assert await side.reply() == "220"
    return server, side


async def _one_by_one(steps: list[Step], passwords: Passwords) -> Apart:
    server, side = await _ours(passwords)
    apart = Apart(mails=side.taken.mails)
    for step in steps:
        await side.send(step.line, [])
        said = await side.reply()
        apart.sent.append((step.line, said))
        if said == "354":
            await side.send(step.content, [])
            apart.sent.append((step.content, await side.reply()))
        if said in ("", "421"):
            break
    else:
        await side.send(b"QUIT\r\n", [])
        apart.last = [await side.reply()]
    side.writer.close()
    server.close()
    return apart


async def _at_once(stream: bytes, cuts: list[int], passwords: Passwords) -> tuple[list[str], list[tuple[Any, ...]]]:
    server, side = await _ours(passwords)
    try:
        await side.send(stream, [cut for cut in cuts if cut < len(stream)])
    except ConnectionError:
        pass  # it hung up before it had read everything
    replies = []
    while code := await side.reply():
        replies.append(code)
    side.writer.close()
    server.close()
    return replies, side.taken.mails
