"""A mail in the form that readers get."""

from mailrules.catalogue import load
from mailrules.reader.model_request import Request, request
from mailrules.statement import MailText

TEXT = "本番の受注システムが全社で使えません。\n回避策はありません。\n連絡先は sato@corp.example です。"


def mail(text: str = TEXT, *, subject: str = "受注システム", side: str = "requester", language: str = "ja") -> MailText:
    return MailText(text, subject, language, side, "team", True, None, (), None)


def asked(given: MailText) -> Request:
    """Return sodan's request about a mail."""
    return request(given, load())
