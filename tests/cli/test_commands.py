"""The commands: data on stdout, messages on stderr, and the exit status."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from service.cli.cases import print_cases
from service.cli.start import desk
from tests.cli.conftest import Result, Sodan, Write
from tests.mails import ASK, LOGS, REFUND, RELAYED, REPORT

PARSED = {
    "file", "message_id", "in_reply_to", "references", "from", "to", "cc", "subject", "date", "text", "reply_text",
    "attachments", "forwarded", "history", "intro", "language", "automatic", "auto_submitted", "bounce", "defects",
    "thread", "error",
}  # fmt: skip
JUDGED = {
    "file", "author_role", "original_author", "forwarded_by", "automatic", "language", "kind", "priority",
    "priority_detail", "present", "missing", "unknown", "asks", "acts", "tone", "parked", "vendor", "vendor_refs",
    "waiting_on", "needs_triage", "asks_something", "statements", "findings",
}  # fmt: skip
WANTS = """
From: Support <support@microsoft.com>
To: intake@corp.example
Subject: Case TrackingID#2611170040001177
Message-ID: <wants@x>

Please upload the event log. Please also send the trace.
"""


def test_parse_prints_one_line_per_mail_in_order_and_continues_after_errors(
    sodan: Sodan, mail: Write, tmp_path: Path
) -> None:
    good, other = mail("b.eml", ASK), mail("a.eml", LOGS)
    empty = mail("empty.eml", "")
    result = sodan("parse", "--root", str(tmp_path), str(good), "missing.eml", str(empty), str(tmp_path), str(other))
    assert result.status == 0
    names = ["mail/b.eml", "missing.eml", "mail/empty.eml", ".", "mail/a.eml"]
    assert [line["file"] for line in result.lines] == names
    assert all(set(line) >= PARSED for line in result.lines)
    first, missing, _, folder, last = result.lines
    assert first["thread"] == last["thread"] != missing["thread"]
    assert missing["error"]
    assert folder["error"]
    assert first["forwarded"][0]["from"] == "Microsoft サポート <support@mail.support.microsoft.com>"
    assert last["attachments"][0]["filename"] == "signin.csv"
    assert result.err == ""


def test_a_wrong_value_of_a_filter_is_named_with_its_option(sodan: Sodan) -> None:
    result = sodan("cases", "--waiting-on", "me")
    assert (result.status, result.out) == (2, "")
    assert result.err == "sodan: --waiting-on: 'me': Input should be 'team', 'vendor', 'requester' or 'none'\n"


def test_judge_prints_every_field(sodan: Sodan, mail: Write) -> None:
    result = sodan(
        "judge", "--organisation", "corp.example", "--team", "s.miyamoto@corp.example",
        str(mail("1.eml", REPORT)), str(mail("2.eml", ASK)), str(mail("3.eml", LOGS)),
    )  # fmt: skip
    assert result.status == 0
    assert all(set(line) >= JUDGED for line in result.lines)
    assert [line["author_role"] for line in result.lines] == ["requester", "vendor", "team"]
    assert result.lines[1]["vendor_refs"] == ["2611170040001177"]
    assert result.lines[1]["forwarded_by"] == "s.miyamoto@corp.example"
    assert result.lines[1]["asks"] == ["logs"]


@pytest.mark.parametrize(
    ("text", "judged"),
    [
        (WANTS, {"asks": ["logs"], "asks_something": ["Please upload the event log.", "Please also send the trace."]}),
        (RELAYED, {"vendor": "sbcs", "vendor_refs": ["SBCS-0066441", "86110022"]}),
    ],
    ids=["requests", "numbers of maker and distributor"],
)
def test_judge_quotes_every_request_and_number_of_a_vendor(
    sodan: Sodan, mail: Write, text: str, judged: dict[str, Any]
) -> None:
    [line] = sodan("judge", "--organisation", "corp.example", str(mail("1.eml", text))).lines
    assert {name: line[name] for name in judged} == judged


OUTAGE = """
From: Riku <r.onishi@corp.example>
To: {to}
Subject: 勤怠システム
Message-ID: <outage@corp.example>
Date: Tue, 03 Mar 2026 08:50:00 +0900
Content-Type: text/plain; charset=utf-8

8時40分から、製造部の18名が勤怠システムにログインできません。「認証に失敗しました」と出ます。
ほかの方法では打刻できず、作業を始められません。ブラウザーの変更は試しました。
"""


def test_the_judgement_does_not_depend_on_the_mailbox_of_the_team(sodan: Sodan, mail: Write) -> None:
    mailboxes = ("intake@corp.example", "help@corp.example", "pc-room@corp.example", "help@cases.corp.example")
    for team in ((), ("--team", "help@corp.example")):
        files = [str(mail(f"{number}.eml", OUTAGE.format(to=to))) for number, to in enumerate(mailboxes)]
        lines = sodan("judge", "--organisation", "corp.example", *team, *files).lines
        assert all(line | {"file": ""} == lines[0] | {"file": ""} for line in lines)
        assert "symptom" in lines[0]["present"]


def test_judge_counts_the_text_above_a_forwarded_mail(sodan: Sodan) -> None:
    [line] = sodan("judge", "--guess-roles", str(Path(__file__).parents[2] / "docs" / "example.eml")).lines
    judged = {name: line[name] for name in ("author_role", "kind", "priority", "asks", "waiting_on", "needs_triage")}
    assert judged == {
        "author_role": "vendor",
        "kind": "incident",
        "priority": "P1",
        "asks": ["logs", "info:occurred_at"],
        "waiting_on": "team",
        "needs_triage": False,
    }


@pytest.mark.parametrize("team", [(), ("--team", "r.onishi@works.example")])
def test_explain_finds_the_same_statements_as_judge(sodan: Sodan, mail: Write, team: tuple[str, ...]) -> None:
    file = str(mail("1.eml", OUTAGE.replace("corp", "works").format(to="intake@works.example")))
    [judged] = sodan("judge", "--organisation", "works.example", *team, file).lines
    result = sodan("explain", "--organisation", "works.example", *team, file).out
    found = re.findall(r"^  ([a-z_.]+)(?: = \w+)? \[\w+, (\d\.\d\d)\]:", result, re.MULTILINE)
    assert found == [(one["meaning"], f"{one['confidence']:.2f}") for one in judged["statements"]]


def test_explain_shows_rules_and_quotes_of_a_file_or_a_message(sodan: Sodan, mail: Write) -> None:
    file = mail("1.eml", REPORT)
    result = sodan("explain", str(file))
    assert result.status == 0
    assert "サインインできません" in result.out
    sodan("import", str(file))
    assert sodan("explain", "<report@corp.example>").out == result.out
    assert sodan("explain", "<nothing@corp.example>").status == 1
    why = sodan("explain", str(file), "--rule", "urgency.high")
    assert "“回避策はありません。”" in why.out
    assert "item.contact was not found" in sodan("explain", str(file), "--rule", "item.contact").out
    unknown = sodan("explain", str(file), "--rule", "item.nothing")
    assert (unknown.status, unknown.out) == (1, "")
    assert "there is no rule or meaning 'item.nothing'" in unknown.err


def test_import_twice_changes_nothing(sodan: Sodan, mail: Write, tmp_path: Path) -> None:
    for name, text in (("1.eml", REPORT), ("2.eml", ASK), ("3.eml", LOGS)):
        mail(name, text)
    first = sodan("import", str(tmp_path / "mail"))
    assert first.status == 0
    assert "3 new, 0 known already; accepted 3 = taken in 3 + waiting 0 + shunted 0" in first.err
    cases = sodan("cases", "--json").out
    assert first.out == ""
    second = sodan("import", str(tmp_path / "mail"))
    assert "0 new, 3 known" in second.err
    assert sodan("cases", "--json").out == cases
    assert sodan("import", str(tmp_path / "nowhere")).status == 2


def test_import_reports_a_mail_that_is_too_large_and_continues(
    sodan: Sodan, mail: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SODAN_MAX_MESSAGE_BYTES", "9000")
    large = mail("1.eml", REPORT + "x" * 9000)
    mail("2.eml", ASK)
    result = sodan("import", str(large.parent))
    assert result.status == 1
    assert f"not imported: {large} is larger than SODAN_MAX_MESSAGE_BYTES (9000)" in result.err
    assert "accepted 1 = taken in 1" in result.err
    monkeypatch.delenv("SODAN_MAX_MESSAGE_BYTES")
    assert "1 new, 1 known" in sodan("import", str(large.parent)).err


def test_cases_and_show_print_text_or_json(sodan: Sodan, mail: Write) -> None:
    sodan("import", str(mail("1.eml", ASK)), str(mail("2.eml", REFUND)))
    table = sodan("cases")
    assert "2611170040001177" in table.out
    assert sodan("cases", "--sort", "urgency").out == table.out
    assert sodan("cases", "--json", "--sort", "-updated").out == sodan("cases", "--json").out
    assert "microsoft" in table.out
    (found,) = json_of(sodan("cases", "--vendor", "microsoft", "--json"))["items"]
    assert json_of(sodan("cases", "返金", "--json"))["items"][0]["title"] == "Zoom invoice for October"
    shown = sodan("show", found["key"])
    assert "logs → IT team" in shown.out
    assert "サインインログをご提供いただけますでしょうか" in shown.out
    assert "── 2026-11-17 10:40 JST  Microsoft" in shown.out
    why = [line.rsplit("”", 1)[0] for line in shown.out.splitlines() if line.startswith("  “")]
    assert len(why) == len(set(why)), "each quote is printed once, with all its rules"
    assert json_of(sodan("show", found["key"], "--json"))["key"] == found["key"]
    assert sodan("show", "SD-999").status == 1
    assert sodan("show", "nonsense").status == 1


def test_cases_are_printed_by_urgency_each_on_one_line(
    sodan: Sodan, mail: Write, capfd: pytest.CaptureFixture[str]
) -> None:
    long = REFUND.replace("Zoom invoice for October", "Zoom invoice " * 9)
    sodan("import", str(mail("1.eml", REPORT)), str(mail("2.eml", long)), str(mail("3.eml", ASK)))
    for change in (("SD-1", "status=resolved"), ("SD-3", "priority=P1"), ("SD-3", "waiting_on=none")):
        assert sodan("set", *change).status == 0
    _, *lines = sodan("cases").out.splitlines()
    assert [line.split()[0] for line in lines] == ["SD-3", "SD-2", "SD-1"]
    assert lines[0].split()[1:4] == ["P1", "open", "nobody"]
    page = json_of(sodan("cases", "--json"))
    page["items"][0]["missing"] = ["version", "occurred_at", "device_id"]
    print_cases(page, as_json=False)
    assert capfd.readouterr().out.splitlines()[1].endswith("version +2")


def test_show_prints_triage_owner_and_suggestions(sodan: Sodan, mail: Write) -> None:
    again = REPORT.replace("<report@", "<again@").replace("17 Nov", "27 Nov").replace("Subject: ", "Subject: 再: ")
    vague = REPORT.partition("\n\n")[0].replace("<report@", "<vague@").replace("全社ポータルにサインイン", "印刷")
    vague = vague.replace("r.kitagawa", "s.mori") + "\n\n朝からプリンターが使えません。\n"
    sodan("import", str(mail("1.eml", REPORT)), str(mail("2.eml", again)), str(mail("3.eml", vague)))
    sodan("set", "SD-2", "owner=kitagawa")
    shown = sodan("show", "SD-2")
    [suggested] = json_of(sodan("show", "SD-2", "--json"))["suggestions"]
    assert "· owner kitagawa" in shown.out
    assert f"possibly the same case\n  SD-1  {suggested['title']}" in shown.out
    assert ["to triage: " in sodan("show", key).out for key in ("SD-1", "SD-3")] == [False, True]


def test_cases_print_the_time_since_a_case_was_resolved(sodan: Sodan, mail: Write) -> None:
    head, _, _ = REPORT.replace("<report@", "<solved@").replace("Subject: ", "Subject: Re: ").partition("\n\n")
    solved = head.replace("17 Nov", "18 Nov") + "\nIn-Reply-To: <report@corp.example>\n\n無事に解決しました。\n"
    sodan("import", str(mail("1.eml", REPORT)), str(mail("2.eml", solved)))
    sodan("set", "SD-1", "owner=kitagawa")
    case = json_of(sodan("show", "SD-1", "--json"))
    assert (case["status"], case["waiting_on"], case["waiting_since"][:10]) == ("resolved", None, "2026-11-18")
    assert " 0m " not in sodan("cases").out


def json_of(result: Result) -> Any:
    return json.loads(result.out)


@pytest.mark.parametrize("words", [["cases", "--priority", "P9"], ["cases", "--limit", "0"], ["nonsense"],
                                   ["cases", "--kind", "odd"], ["cases", "--missing", "shoe_size"],
                                   ["cases", "--updated-since", "soon"], ["replay", "--apply", "--diff"],
                                   ["spool", "list", "--limit", "-1"], ["token", "create", "x", "--days", "0"],
                                   ["token", "create", " "],
                                   ["token", "create", "x", "--days", "99999999999"],
                                   ["outbox", "list", "--limit", "99999999999999999999"],
                                   ["spool", "retry"], ["token", "create", "x", "--scope", "root"]])  # fmt: skip
def test_wrong_usage_is_status_2_with_a_message_on_stderr(sodan: Sodan, words: list[str]) -> None:
    sodan("migrate")
    result = sodan(*words)
    assert (result.status, result.out) == (2, "")
    assert result.err
    assert "Traceback" not in result.err


def test_rules_are_listed(sodan: Sodan) -> None:
    listed = sodan("rules", "list", "--json")
    assert {"question", "rule", "gives", "where"} <= set(listed.lines[0])


def test_spool_lists_and_shows_mails(sodan: Sodan, mail: Write) -> None:
    file = mail("1.eml", REPORT)
    sodan("import", str(file))
    (entry,) = sodan("spool", "list", "--json").lines
    assert entry["state"] == "done"
    assert "import" in sodan("spool", "show", entry["id"]).out
    assert "Message-ID: <report@corp.example>" in sodan("spool", "show", "--raw", entry["id"]).out
    assert sodan("spool", "retry", entry["id"]).status == 2
    assert sodan("spool", "show", "none").status == 1


def test_the_outbox_shows_case_keys_and_time_zones(sodan: Sodan, mail: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    sodan("import", str(mail("1.eml", REPORT)))
    for name, value in {"SMARTHOST": "smtp://127.0.0.1:9", "FROM": "desk@corp.example", "ACKNOWLEDGE": "draft"}.items():
        monkeypatch.setenv(f"SODAN_{name}", value)
    desk().ask(1, ["version"], "", None, "mori")
    shown = sodan("outbox", "show", "1").out
    assert re.search(r"^case +SD-1 *$", shown, re.M)
    assert re.search(r"^created_at +[-0-9]{10} [:0-9]{8} JST *$", shown, re.M)
    assert "case_id" not in shown
    assert [line["case"] for line in sodan("outbox", "list", "--json").lines] == ["SD-1"]
    assert " JST " in sodan("outbox", "list").out


def test_tokens_are_created_listed_and_revoked(sodan: Sodan) -> None:
    sodan("migrate")
    assert "the list is empty" in sodan("token", "list").err
    made = sodan("token", "create", "dashboard", "--scope", "write")
    assert made.status == 0
    assert "on this machine too" in made.err
    assert "on this machine too" not in sodan("token", "create", "other").err
    secret = made.out.strip()
    assert secret.startswith("sodan_")
    assert len(secret) > 40
    listed = sodan("token", "list")
    assert "dashboard" in listed.out
    assert secret not in listed.out
    assert sodan("token", "revoke", "1").status == 0
    assert sodan("token", "revoke", "9").status == 1


def test_control_characters_of_a_mail_are_not_printed(sodan: Sodan, mail: Write) -> None:
    evil = REPORT.replace("Subject: ", "Subject: \x1b]0;owned\x07\x1b[2J\x9b31m")
    evil = evil.replace("北川です", "\x1b[31m北川です\x08")
    sodan("import", str(mail("1.eml", evil)))
    for result in (sodan("cases"), sodan("show", "SD-1"), sodan("explain", str(mail("1.eml", evil)))):
        assert not {character for character in result.out if ord(character) < 32} - {"\n", "\t"}
        assert "\x9b" not in result.out


def test_help_and_completion_contain_every_command() -> None:
    """In a new process, which has imported no command yet."""
    program = [sys.executable, "-m", "service"]
    help_text = subprocess.run([*program, "--help"], capture_output=True, text=True, check=True).stdout
    for command in ("serve", "smtp", "api", "worker", "migrate", "import", "parse", "judge", "explain", "cases", "show",
                    "rules", "replay", "spool", "token", "doctor"):  # fmt: skip
        assert re.search(rf"^│ {command} +[A-Z][a-z]", help_text, re.MULTILINE), command
    completion = subprocess.run([*program, "completion", "bash"], capture_output=True, text=True, check=True).stdout
    assert all(word in completion for word in ("doctor", "--older-than"))


@pytest.mark.parametrize("words", [["rules", "list"], ["parse", *["1.eml"] * 60]], ids=["a table", "lines"])
def test_a_closed_pipe_is_not_an_error(mail: Write, words: list[str]) -> None:
    folder = mail("1.eml", REPORT).parent
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "service", *words]
    result = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, cwd=folder, check=False)
    os.close(writing)
    assert (result.returncode, result.stderr) == (0, b"")


@pytest.mark.parametrize("command", [["cases"], ["show", "SD-1"], ["spool", "list"], ["token", "list"], ["doctor"]])
def test_a_command_does_not_create_a_missing_database(
    sodan: Sodan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("SODAN_DATABASE_URL", f"sqlite:///{tmp_path}/nowhere/x.db")
    result = sodan(*command)
    assert result.status == (1 if command == ["doctor"] else 2)
    assert f"there is no database {tmp_path}/nowhere/x.db" in result.out + result.err
    assert not (tmp_path / "nowhere").exists()


def test_a_misspelt_setting_is_reported_with_a_suggestion(sodan: Sodan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SODAN_AUTHSERVID", "mx.corp.example")
    monkeypatch.setenv("SODAN_OUR_SECRET", "kept")
    Path(".env").write_text("SODAN_ORGANIZATION=corp.example\nSODAN_TEAM=it@corp.example\n")
    result = sodan("rules", "list")
    assert (result.status, result.err.count("is not a setting")) == (0, 2)
    for wrong, right in (("AUTHSERVID", "AUTHSERV_ID"), ("ORGANIZATION", "ORGANISATION")):
        assert f"SODAN_{wrong} is not a setting, so sodan ignores it; did you mean SODAN_{right}?" in result.err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["judge", "--packs", "nowhere", "x.eml"], "nowhere: is not a folder"),
        (["eval", "nowhere"], "nowhere does not exist"),
    ],
)
def test_a_missing_path_is_reported(sodan: Sodan, words: list[str], reason: str) -> None:
    result = sodan(*words)
    assert (result.status, reason in result.err) == (2, True)


def test_a_case_is_set_merged_and_printed_as_a_brief(sodan: Sodan, mail: Write) -> None:
    assert sodan("import", str(mail("a.eml", REPORT)), str(mail("b.eml", REFUND))).status == 0
    saved = sodan("set", "sd-1", "priority=P2", "items.version=8.2.4", "owner=me")
    assert (saved.status, saved.out) == (0, "")
    assert "SD-1: saved priority=P2, items.version=8.2.4, owner=me" in saved.err
    shown = json_of(sodan("show", "SD-1", "--json"))
    assert (shown["priority"], bool(shown["owner"])) == ("P2", True)
    assert "8.2.4" in sodan("brief", "SD-1", "--for", "vendor", "--lang", "en").out
    assert sodan("brief", "SD-1", "--format", "eml").out.startswith("X-Unsent: 1")
    assert sodan("set", "SD-1", "priority=").status == 0
    assert json_of(sodan("show", "SD-1", "--json"))["priority_detail"]["set_by"] == "rules"
    assert "SD-1 is now part of SD-2" in sodan("merge", "SD-1", "SD-2").err
    assert json_of(sodan("show", "SD-1", "--json"))["key"] == "SD-2"


@pytest.mark.parametrize(
    ("change", "why"),
    [("priority", "priority: expected field=value"), ("prio=P2", "there is no such field (fields: status, priority"),
     ("priority=P9", "'P1', 'P2', 'P3' or 'P4'"), ("items=x", "items=x: expected field=value"),
     ("status.x=1", "status.x=1: expected field=value"), ("asks.*=answered", "this case has no open request"),
     ("items.contact=waive", "did you mean `waived`?")],
)  # fmt: skip
def test_a_refused_change_says_why(sodan: Sodan, mail: Write, change: str, why: str) -> None:
    sodan("import", str(mail("a.eml", REPORT)))
    result = sodan("set", "SD-1", change)
    assert result.status == 2
    assert why in result.err
