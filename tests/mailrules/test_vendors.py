"""Whose case a mail is about, and which of its digits are the case's number."""

from pathlib import Path

import pytest
import yaml

from mailrules.library import VENDORS as FILES
from mailrules.library import collect, load
from mailrules.patterns import compile_pattern, options_for, set_of
from mailrules.thread import RuleInput
from mailrules.vendors import Recognised, Vendors, check

RULES = load()
VENDORS: Vendors = RULES.vendors
TABLES = yaml.safe_load(Path(__file__).with_name("vendors.yaml").read_text(encoding="utf-8"))
PROFILES = sorted(source.pack.vendor.id for source in collect().sources if source.pack.vendor)
SECTION_3 = """
    microsoft aws google_cloud oracle cisco redhat vmware_broadcom sap servicenow zendesk jira_sm salesforce_e2c
    freshdesk zammad_otrs dell hpe netapp paloalto fortinet citrix atlassian github cloudflare okta slack zoom adobe
    box ibm trendmicro akamai fujitsu nec hitachi sakura iij cybozu sbcs fujifilm ntt_sdpf
"""


def turn(text: str = "", *, subject: str = "", side: str = "team", author: str = "", **more: object) -> RuleInput:
    return RuleInput("m", side, author, text, subject, **more)  # type: ignore[arg-type]


def recognised(mail: RuleInput) -> Recognised:
    return VENDORS.read(mail)[0]


def numbers(mail: RuleInput) -> list[str]:
    return [reference.ref for reference in VENDORS.read(mail)[1] if not reference.token]


def test_every_vendor_has_its_own_file_named_after_it() -> None:
    files = {file.stem for file in FILES.glob("*.yaml")} - {"any"}
    assert files == set(PROFILES)
    assert len(PROFILES) >= 42
    assert set(SECTION_3.split()) <= set(PROFILES)


def test_no_domain_belongs_to_two_vendors() -> None:
    domains = [domain for profile in VENDORS.profiles.values() for domain in profile.domains]
    assert len(domains) == len(set(domains))


def test_no_name_belongs_to_two_vendors() -> None:
    words = [word.lower() for profile in VENDORS.profiles.values() for word in (*profile.names, *profile.products)]
    assert sorted(word for word in set(words) if words.count(word) > 1) == []


@pytest.mark.parametrize("vendor", PROFILES)
def test_examples_and_near_misses_of_every_vendor_hold(vendor: str) -> None:
    profile = VENDORS.profiles[vendor]
    assert profile.examples
    assert profile.near_misses
    assert check(VENDORS, profile) == []


def test_check_tells_which_example_fails() -> None:
    broken = VENDORS.profiles["akamai"].model_copy(update={"references": []})
    wrong = check(Vendors([broken]), broken)
    assert wrong
    assert "F-CS-9988776" in wrong[0]


@pytest.mark.parametrize(("address", "vendor"), TABLES["addresses"])
def test_the_address_names_the_vendor(address: str, vendor: str | None) -> None:
    assert VENDORS.of_address(address) == vendor


def test_a_site_maps_further_addresses() -> None:
    mapped = Vendors([VENDORS.profiles["aws"]], mapped={"@desk.partner.example": "aws", "one@other.example": "aws"})
    assert mapped.of_address("kato@desk.partner.example") == "aws"
    assert mapped.of_address("one@other.example") == "aws"
    assert mapped.of_address("two@other.example") is None


@pytest.mark.parametrize(("vendor", "words", "level"), TABLES["severities"])
def test_the_vendors_own_severity_words(vendor: str | None, words: str, level: str | None) -> None:
    assert VENDORS.severity(vendor, words) == level


class TestWhoIsNamed:
    def test_by_the_address_before_all_words(self) -> None:
        mail = turn("Microsoft 365 と AWS の連携について", side="vendor", author="meera@okta.com")
        assert recognised(mail) == Recognised("okta", True)

    def test_by_a_number_nobody_else_has(self) -> None:
        seen = recognised(turn(subject="ログの件 [CASE 174455667788990]"))
        assert (seen.vendor, seen.by_domain) == ("aws", False)
        assert seen.finding is not None
        assert "174455667788990" in seen.finding.quote

    def test_by_whom_the_mail_greets(self) -> None:
        mail = turn("日本マイクロソフト 野口様\n\nSlack で頂いた件、承知しました。設定を確認します。")
        assert recognised(mail).vendor == "microsoft"

    @pytest.mark.parametrize(("text", "maker"), TABLES["makers"])
    def test_a_user_names_what_he_works_with(self, text: str, maker: str | None) -> None:
        seen = recognised(turn(text, side="requester"))
        assert (seen.vendor, seen.maker) == (None, maker)

    @pytest.mark.parametrize(("text", "vendor"), TABLES["asked"])
    def test_a_user_speaks_of_a_vendor_that_was_asked_or_sent_a_bill(self, text: str, vendor: str) -> None:
        assert recognised(turn(text, side="requester")).vendor == vendor

    def test_a_program_that_a_user_names_is_no_case_with_its_maker(self) -> None:
        for text in ("Outlook が固まります", "FortiClient が 98% で止まります", "OneDrive does not sync"):
            assert recognised(turn(text, side="requester")).vendor is None

    def test_the_maker_of_a_program_is_known_all_the_same(self) -> None:
        seen = recognised(turn("FortiClient が 98% で止まります", side="requester"))
        assert (seen.vendor, seen.maker) == (None, "fortinet")
        assert recognised(turn("okta がループします。okta です。Outlook も。", side="requester")).maker == "okta"

    def test_the_team_names_a_product_in_its_copy_of_a_ticket(self) -> None:
        mail = turn("FortiGate 200F が再起動した件、起票しました。", towards=frozenset({"team"}))
        assert recognised(mail).vendor == "fortinet"

    def test_the_maker_is_meant_where_somebody_asks_it(self) -> None:
        mail = turn("マイクロソフトに問い合わせています。", towards=frozenset({"requester"}))
        assert recognised(mail).vendor == "microsoft"

    @pytest.mark.parametrize("text", TABLES["ways to talk"])
    def test_a_way_to_talk_is_no_vendor(self, text: str) -> None:
        assert recognised(turn(text, side="requester")).vendor is None

    @pytest.mark.parametrize("text", TABLES["inside other words"])
    def test_a_name_inside_another_word_is_none(self, text: str) -> None:
        assert recognised(turn(text)).vendor is None

    def test_absence_replies_name_nobody(self) -> None:
        mail = turn("休暇中です。", subject="自動応答: kintone", side="requester", automatic="auto_reply")
        assert recognised(mail).vendor is None

    def test_a_platform_only_where_no_vendor_is_known(self) -> None:
        assert (
            recognised(turn(side="vendor", author="help@acme.zendesk.com", text="お待たせしました。")).vendor
            == "zendesk"
        )
        mail = turn(side="vendor", author="help@acme.zendesk.com", subject="[CASE 174455667788990]")
        assert recognised(mail).vendor == "aws"


class TestNumbers:
    def at(self, vendor: str, text: str = "", subject: str = "") -> list[str]:
        return numbers(turn(text, subject=subject, side="vendor", author=f"x@{VENDORS.profiles[vendor].domains[0]}"))

    @pytest.mark.parametrize(("vendor", "subject", "ref"), TABLES["labels"])
    def test_by_label_where_no_shape_is_known(self, vendor: str, subject: str, ref: str) -> None:
        assert self.at(vendor, subject=subject) == [ref]

    @pytest.mark.parametrize("text", TABLES["no numbers"])
    def test_what_only_looks_like_one(self, text: str) -> None:
        assert self.at("smarthr", text) == []
        assert self.at("paloalto", text) == []

    def test_a_day_is_none(self) -> None:
        assert self.at("netapp", subject="ケース 20261110 定期点検") == []

    def test_compared_by_its_first_sixteen_digits(self) -> None:
        assert self.at("microsoft", subject="RE: x - TrackingID#2605120030001234002") == ["2605120030001234"]

    def test_spaces_do_not_count_and_leading_zeros_do(self) -> None:
        assert self.at("sap", "インシデント 0000987654 / 2026 の件") == ["0000987654/2026"]
        assert self.at("redhat", "Case Number : 00998877") == ["00998877"]

    def test_full_width_digits_and_colons(self) -> None:
        assert self.at("cybozu", subject="お問い合わせ番号：９９８８７７６") == ["9988776"]

    def test_each_number_once(self) -> None:
        link = "https://console.aws.amazon.com/support/home?displayId=174455667788990"
        assert self.at("aws", link, subject="RE:[CASE 174455667788990] x") == ["174455667788990"]

    def test_a_distributor_quotes_the_makers_case_too(self) -> None:
        found = self.at("sbcs", "メーカー側のケースは SR 3-31234567890 です。", subject="受付番号: SBCS-0099887")
        assert sorted(found) == ["3-31234567890", "SBCS-0099887"]

    def test_a_number_right_behind_another_vendors_name_is_his(self) -> None:
        text = "メーカーへ申請し、Broadcom の Case 35700118 として受け付けられました。"
        mail = turn(text, side="vendor", author="support@sbcs.co.jp", subject="Re: 更新(受付番号:SBCS-0051234)")
        found = {(r.vendor, r.ref, r.stated) for r in VENDORS.references(mail, "sbcs", True)}
        assert found == {("sbcs", "SBCS-0051234", True), ("vmware_broadcom", "35700118", False)}

    def test_a_number_further_behind_another_vendors_name_is_not(self) -> None:
        text = "VMware のライセンスの件、お問い合わせ番号 00998877 で承りました。"
        mail = turn(text, side="vendor", author="support@sbcs.co.jp")
        assert [r.vendor for r in VENDORS.references(mail, "sbcs", True)] == ["sbcs"]

    def test_thread_tokens_are_kept_apart(self) -> None:
        mail = turn(
            subject="RE: Case 03998877 - HA [ ref:_00D10AbCd._5001Xyz9Q:ref ]",
            side="vendor",
            author="x@paloaltonetworks.com",
        )
        found = VENDORS.references(mail, "paloalto", True)
        assert [(r.ref, r.token) for r in found] == [("03998877", False), ("ref:_00D10AbCd._5001Xyz9Q:ref", True)]
        assert {r.vendor for r in found} == {"paloalto"}

    def test_stated_in_the_subject_mentioned_in_passing(self) -> None:
        mail = turn(
            "ご連絡が遅くなりました。\n\n以前のケース 01112223 と似た事象と考えております。引き続き調査いたします。",
            subject="ケース番号 02223334 のご連絡",
            side="vendor",
            author="x@okta.com",
        )
        found = {r.ref: r.stated for r in VENDORS.references(mail, "okta", True)}
        assert found == {"02223334": True, "01112223": False}

    def test_a_number_in_the_subject_makes_another_of_its_kind_a_mention(self) -> None:
        text = "Parent: INC0077100\nWork note: MSG0020077\n\nThe relay was replaced."
        mail = turn(text, subject="INC0077881 relay down", side="vendor", author="x@service-now.com")
        found = {r.ref: r.stated for r in VENDORS.references(mail, "servicenow", True)}
        assert (found["INC0077881"], found["INC0077100"]) == (True, False)
        mail = turn("Case no. INC0077100 is done.", subject="INC0077881, INC0077100", side="vendor", author=mail.author)
        found = {r.ref: r.stated for r in VENDORS.references(mail, "servicenow", True)}
        assert found == {"INC0077881": True, "INC0077100": True}

    def test_a_label_of_ours_is_no_vendors_number(self) -> None:
        mail = turn("社内受付番号 12345 の件、Zoom が落ちます。", side="requester")
        assert numbers(mail) == []

    def test_digits_that_need_a_domain_are_not_read_from_words(self) -> None:
        assert numbers(turn("Cisco の件です。", subject="691234567: 再起動")) == []
        assert numbers(turn(subject="691234567: 再起動", side="vendor", author="tac@cisco.com")) == ["691234567"]


def test_a_pack_may_bring_a_vendor_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "mytool.yaml").write_text(
        """
pack: site.mytool
title: MyTool
vendor:
  id: mytool
  name: {ja: マイツール, en: MyTool}
  domains: [mytool.example]
  names: [MyTool]
  references:
    - label: 'ticket|チケット'
      pattern: 'MT\\d{4}'
      canonical: {upper: true}
  never: ['asset MT\\d{4}']
  examples: [{subject: 'ticket no. mt1234', refs: [MT1234]}]
  near_misses: [{text: asset MT9999}]
""",
        encoding="utf-8",
    )
    vendors = load([tmp_path]).vendors
    assert check(vendors, vendors.profiles["mytool"]) == []
    mail = turn("MyTool のチケット MT4321 で起票しました。")
    assert vendors.recognise(mail).vendor == "mytool"
    assert [r.ref for r in vendors.references(mail, "mytool", False)] == ["MT4321"]


def test_a_desk_is_named_by_its_own_token_where_nobody_else_is() -> None:
    mail = turn(subject="Re: 回線断 [Ticket#2026111098765432]", side="vendor", author="desk@isp.example")
    assert recognised(mail).vendor == "zammad_otrs"
    assert numbers(mail) == ["2026111098765432"]
    assert recognised(turn(subject="Re: 回線断 [Ticket#2026111098765432]", side="requester")).vendor is None


@pytest.mark.parametrize("text", ["ケース番号: 12345678 " * 20_000, "AWS Slack " * 40_000, "受付番号 " + "1" * 400_000])
def test_a_huge_text_is_read_to_its_end(text: str) -> None:
    mail = turn(text, side="vendor", author="x@cisco.com", subject="SR 691234567")
    assert "691234567" in numbers(mail)
    assert recognised(turn(text[:-1])).vendor in ("aws", None)


def test_patterns_too_large_for_one_automaton_are_searched_one_by_one() -> None:
    many = [compile_pattern(rf"HX{n}@ [\p{{L}} ]{{1,60}}(?P<ref>[0-9]{{6}})").pattern for n in range(10)]
    large = compile_pattern(r"[\p{L}\p{N}]{1,1000}X@(?P<ref>[0-9]{6})").pattern
    find = set_of([large, *many], options_for())
    assert list(find(b"HX3@ abc 123456")) == [4]
    assert list(find(b"nothing")) == []
