"""Learns from a mail who belongs to the team, and which companies are partners.

A person who forwards a vendor's mail is in the team. A company to which the team writes is a partner.
"""

from collections.abc import Sequence

from service.cases.facts import header_facts as header
from service.cases.facts.roles import LearnedRoles, Roles, company_of, is_role_mailbox
from service.cases.facts.trust import OURS
from service.mail.message import Address, Mail


def learn_roles(mail: Mail, roles: Roles, intake: Sequence[str]) -> LearnedRoles:
    """Return the team member and the partners that a mail shows. ``intake``: addresses of sodan itself."""
    sender = mail.from_
    forwards = sender is not None and roles.role_of(sender) in OURS and hands_on(mail, roles)
    team = frozenset({sender.key}) if sender and forwards else frozenset[str]()
    return LearnedRoles(team, _asked_companies(mail, roles, intake))


def hands_on(mail: Mail, roles: Roles) -> bool:
    """Whether a person forwards a vendor's mail."""
    return not mail.automatic and any(roles.knows_vendor(earlier.from_) for earlier in mail.forwarded)


def _asked_companies(mail: Mail, roles: Roles, intake: Sequence[str]) -> frozenset[str]:
    """Return the unknown companies to which the team writes.

    A person who wrote to us first is left out, because this may be a user with a private address. A person to whom
    the team writes together with a user is left out too. A mailbox of a company's function (``is_role_mailbox``) is not
    left out.
    """
    if roles.role_of(mail.from_) != "team" or mail.automatic:
        return frozenset()
    to = [a for a in mail.to[:20] if a.address and not header.is_intake(a.key, intake)]
    to_user = any(roles.role_of(a) == "requester" for a in to)
    unknown = [a for a in to if roles.role_of(a) == "unknown" and "[" not in a.key]
    asked = [a.key for a in unknown if is_role_mailbox(a.key) or not (to_user or _may_answer(mail, a, roles))]
    return frozenset(map(company_of, asked)) - roles.learned.refused


def _may_answer(mail: Mail, recipient: Address, roles: Roles) -> bool:
    """Whether a mail can be an answer to this recipient.

    It can if it contains a mail of the recipient's company, or has In-Reply-To or References. But a mail that contains
    a user's mail can be an answer only to this user.
    """
    inner = [e.from_ for e in (*mail.forwarded, *mail.history) if e.from_]
    if any(company_of(author.key) == company_of(recipient.key) for author in inner):
        return True
    if not (mail.in_reply_to or mail.references):
        return False
    user = inner[0] if inner and roles.role_of(inner[0]) == "requester" else None
    return user is None or _may_be_same_person(user, recipient)


def _may_be_same_person(one: Address, other: Address) -> bool:
    """Whether two addresses have the same local part or name, because a user can also write from home."""
    same_name = bool(one.name) and one.name.casefold() == other.name.casefold()
    return same_name or one.key.partition("@")[0] == other.key.partition("@")[0]
