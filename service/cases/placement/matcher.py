"""Scores how likely a mail belongs to each of its candidate cases, from content, people, companies and time.

One logistic score over the features below. ``bench.fit_matcher`` fitted ``WEIGHTS`` and ``BIAS`` to labelled
conversations; the limits were chosen there so that 99 % of all joins are correct, those by strong evidence
included.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache

from service.cases.facts.content_words import IDENTIFIER, is_common, names, weight
from service.cases.facts.message_facts import MessageFacts

WEIGHTS: dict[str, float] = {
    "number": 4.02,
    "words": 1.68,
    "foreign": -0.83,
    "kind": 1.67,
    "named": 1.61,
    "days": -1.06,
    "same_side": -1.26,
    "from_vendor": 1.02,
    "handler": 1.77,
    "other_company": -1.67,
    "departs": -4.25,
    "new_report": -1.41,
    "reply": 2.60,
    "coverage": 7.66,
    "soon": 2.63,
    "wrote": -0.99,
    "follows_up": 3.86,
    "inquiry": 3.63,
    "answer": 2.88,
    "receipt": 3.49,
}
BIAS = -3.73
LEADS = ("coverage", "soon", "wrote", "follows_up", "inquiry", "answer", "receipt")
"""Features that count by their lead over the best other candidate: what two cases share does not tell them apart."""
JOIN, JOIN_FOLLOW_UP = 0.8, 0.9
"""Minimum score of an automatic join; the second for a user who writes again after somebody worked on the report."""
NEVER = 1.01
"""For two opening mails of one side: forms and alarms have the same words for different matters."""
SUGGEST, MOST_SUGGESTED = 0.06, 3
"""Minimum score and maximum number of suggestions for a mail."""
_AT_ONCE = 1800
"""Seconds after an inquiry at which the feature of an automatic acknowledgement has fallen to one half."""
BETWEEN = "; "
"""Separates the reasons in the evidence of a message."""
MARGIN = 1.0
"""Minimum lead over the next candidate, in logits, for an automatic join."""


class Profile:
    """The features of a mail (with the messages inside it), or of the messages of a case."""

    def __init__(self, nodes: Sequence[MessageFacts]) -> None:
        """Summarise messages; of quoted messages only the words are used."""
        self.nodes = nodes
        self.opener, self.newest = min(nodes, key=_at), max(nodes, key=_at)
        spoken = [n for n in nodes if n.origin != "quoted"] or nodes
        self.words = {word for n in nodes for words in (n.words, n.subject_words) for word in words}
        self.mass = sum(map(weight, self.words))
        self.companies = {company for n in spoken for company in n.companies}
        self.authors = {n.author for n in nodes if n.author}
        self.team = {n.author for n in nodes if n.side == "team"}
        self.reporters: set[str] = set()
        self.answered_by: set[str] = set()
        """Vendors that wrote."""
        last: dict[str, MessageFacts] = {}
        for n in spoken:
            companies = n.asked
            if n.side == "requester" and n.author and not companies:
                self.reporters.add(n.author)
            elif n.side == "vendor" and n.company and not n.automatic:
                companies = (n.company,)
                self.answered_by.add(n.company)
            for company in companies:
                if company not in last or n.at > last[company].at:
                    last[company] = n
        self.contacts = {*last}
        """Vendors that we asked or that wrote."""
        self.inquires = {company for company, n in last.items() if n.side != "vendor"}
        """Vendors that we asked and that have not answered since."""
        self.told = {number for n in nodes if not n.tells_previous for number in n.told}
        """Words that may be a number, without those of mails that name an earlier case."""

    @cached_property
    def matter_numbers(self) -> set[str]:
        return {number for n in self.nodes if not n.tells_previous for number in n.matter_numbers}

    @cached_property
    def names(self) -> set[str]:
        """Words of the names of the users who wrote."""
        users = {(n.author_name, n.author) for n in self.nodes if n.side == "requester"}
        return {word for user in users for word in _name_words(*user)}

    @cached_property
    def codes(self) -> set[str]:
        """Identifiers with letters that are not case numbers."""
        refs = {ref.casefold() for n in self.nodes for _, ref in (*n.stated, *n.mentioned)}
        return {w for w in self.words if weight(w) >= IDENTIFIER and not w.isdigit() and w not in refs}

    @cached_property
    def people(self) -> set[str]:
        return {person for n in self.nodes if n.origin != "quoted" for person in n.others}


def _at(node: MessageFacts) -> datetime:
    return node.at


@lru_cache(1 << 12)
def _name_words(name: str, address: str) -> frozenset[str]:
    words = names([name, address.partition("@")[0].replace(".", " ")])
    return frozenset(word for word in words if len(word) > 1 and not is_common(word))


@dataclass(frozen=True, slots=True)
class Score:
    """How well a mail fits a case."""

    score: float
    """Probability between 0 and 1."""
    logit: float
    features: Mapping[str, float]
    related: bool
    """Whether the two share a word or a company; without either nothing but the time would connect them."""
    least: float
    """Minimum score of an automatic join of the two."""


def joins(best: Score, runner_up: Score | None) -> bool:
    """Whether the best candidate is certain enough to join without asking a person."""
    return best.score >= best.least and (runner_up is None or best.logit - runner_up.logit >= MARGIN)


def compare(mail: Profile, cases: Sequence[Profile], rare: Callable[[str], float]) -> list[Score]:
    """Score one mail against its candidates. ``rare``: the rarity of a word, see ``candidates.rarity``."""
    found = [features(mail, case, rare) for case in cases]
    scores = []
    for case, its, led in zip(cases, found, with_leads(found), strict=True):
        logit = BIAS + sum(WEIGHTS[name] * value for name, value in led.items())
        related = its["coverage"] > 0.0 or not mail.companies.isdisjoint(case.companies)
        least = _least(mail, case, its) if related else NEVER
        scores.append(Score(1.0 / (1.0 + math.exp(-logit)), logit, its, related, least))
    return scores


def with_leads(found: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    """Return the features of the candidates of one mail, those of ``LEADS`` less the value of the best other one."""
    out = [dict(its) for its in found]
    for name in LEADS:
        best, second, *_ = (*sorted((its[name] for its in found), reverse=True), 0.0, 0.0)
        for its in out:
            its[name] -= second if its[name] == best else best
    return out


def features(mail: Profile, case: Profile, rare: Callable[[str], float]) -> dict[str, float]:
    """Return the values that the weights apply to; each is between -1 and about 5."""
    identifiers = plain = 0.0
    for word in mail.words & case.words:
        if (its := weight(word)) >= IDENTIFIER:
            identifiers += rare(word)
        else:
            plain += its * rare(word)
    mass, outer = min(mail.mass, case.mass), mail.nodes[0]
    wrote, companies = outer.author in case.authors, mail.companies & case.companies
    foreign = _foreign(mail, case)
    coverage = (IDENTIFIER * identifiers + plain) / mass if mass else 0.0
    novelty = len(mail.words - case.words) / (len(mail.words) or 1)
    return {
        "number": float(bool(_common_numbers(mail, case))),
        "words": math.log1p(min(plain, 12.0)),
        "foreign": foreign,
        "kind": float(any(n.kind == outer.kind for n in case.nodes)),
        "named": float(not mail.words.isdisjoint(case.names - mail.names)),
        "days": math.log1p(abs((outer.at - case.opener.at).total_seconds()) / 86_400),
        "same_side": float(case.newest.side == outer.side),
        "from_vendor": float(outer.side == "vendor"),
        "handler": float(not case.team.isdisjoint((outer.author, *outer.to, *outer.cc))),
        "other_company": float(bool(mail.companies and case.companies and not companies)),
        "departs": float(outer.fresh and wrote),
        "new_report": novelty * min(outer.items, 6.0) if outer.side == "requester" and wrote else 0.0,
        "reply": (1.0 - foreign) * _replies(mail, case),
        "coverage": coverage,
        "soon": 1.0 / (1.0 + math.log1p(_hours(mail, case))),
        "wrote": float(wrote),
        "follows_up": (1.0 - foreign) * _follows_up(outer, case),
        "inquiry": _asks_for(mail, case),
        "answer": float(_answers(mail, case)),
        "receipt": _receipt(outer, case),
    }


def _least(mail: Profile, case: Profile, found: Mapping[str, float]) -> float:
    outer = mail.nodes[0]
    same_subject = any(n.base == outer.base for n in case.nodes)
    if not (outer.headerless or same_subject):
        return NEVER  # its headers name mails of another subject
    by_number = found["number"] and not outer.automatic
    if mail.answered_by and not case.contacts and not by_number:
        return NEVER  # a vendor's answer, and nobody asked a vendor in this case
    next_step = found["answer"] or found["inquiry"] or found["reply"] or found["receipt"]
    asks_another = mail.inquires and case.contacts and not mail.inquires & case.contacts
    two_reports = outer.side == case.opener.side or (mail.reporters and case.reporters)
    if next_step or by_number or (same_subject and outer.reply_marked) or asks_another or not two_reports:
        return JOIN
    return JOIN_FOLLOW_UP if found["follows_up"] and not found["departs"] else NEVER


def _common_numbers(mail: Profile, case: Profile) -> set[str]:
    """Return numbers in both that one of them names as a number of the matter."""
    return mail.told & case.told & (mail.matter_numbers | case.matter_numbers)


def _foreign(mail: Profile, case: Profile) -> float:
    """Return the share of the mail's codes (devices, errors, versions) that the case lacks; 0 if either has no
    codes."""
    if not mail.codes or not case.codes:
        return 0.0
    return len(mail.codes - case.codes) / len(mail.codes)


def _hours(mail: Profile, case: Profile) -> float:
    return min(abs(one.at - other.at) for one in mail.nodes for other in case.nodes).total_seconds() / 3600


def _answers(answer: Profile, inquiry: Profile) -> bool:
    """Whether a vendor writes to the person who waits for this vendor."""
    waited_for = inquiry.inquires & answer.answered_by
    if not waited_for or answer.inquires:
        return False
    asked = {n.author for n in inquiry.nodes if waited_for.intersection(n.asked)}
    return any(asked & {*n.to, *n.cc} for n in answer.nodes if n.side == "vendor")


def _receipt(receipt: MessageFacts, case: Profile) -> float:
    """Return nearly 1 for an automatic acknowledgement right after an inquiry that its company has not answered yet.

    The value falls with the time between the two; 0 for all other mail.
    """
    company = receipt.company
    if receipt.automatic != "auto_reply" or not company:
        return 0.0
    if any(n.company == company and n.side == "vendor" for n in case.nodes):
        return 0.0
    asked = [n for n in case.nodes if company in n.asked and n.author in (*receipt.to, *receipt.cc)]
    waited = min((abs((receipt.at - n.at).total_seconds()) for n in asked), default=None)
    return 0.0 if waited is None else 1.0 / (1.0 + waited / _AT_ONCE)


def _replies(reply: Profile, question: Profile) -> bool:
    """Whether ``reply`` is a user's reply.

    Either the team wrote to this user last in ``question``, or the user reported ``question`` and says it is solved.
    """
    own_mails = [n for n in reply.nodes if n.side == "requester" and not n.asked and n.automatic is None]
    if not own_mails or len(reply.reporters) != 1:
        return False
    first = min(own_mails, key=_at)
    own = [n.at for n in question.nodes if n.author == first.author and n.at < first.at]
    asked = [n.at for n in question.nodes if n.side == "team" and first.author in n.to and n.at < first.at]
    waits = bool(asked) and max(asked) > max(own, default=datetime.min.replace(tzinfo=UTC))
    return waits or (first.resolves and bool(own) and first.author in question.reporters)


def _follows_up(mail: MessageFacts, case: Profile) -> bool:
    """Whether the user who reported the case writes again after the team or a vendor worked on it."""
    worked = any(n.side in ("team", "vendor") and n.at < mail.at for n in case.nodes)
    return worked and mail.author in case.reporters


def _asks_for(inquiry: Profile, report: Profile) -> float:
    """Return 1 if ``inquiry`` is a mail to the vendor that the user's report ``report`` names, 0.7 to another,
    otherwise 0."""
    if not inquiry.inquires or inquiry.reporters or not report.reporters or report.contacts:
        return 0.0
    return 1.0 if inquiry.companies & report.companies else 0.7


def reasons(mail: Profile, case: Profile, found: Mapping[str, float]) -> tuple[str, ...]:
    """Return what a score is based on, as text."""
    both = sorted(mail.words & case.words, key=lambda word: (-weight(word), word))
    out = []
    if both:
        out.append("words: " + ", ".join(both[:6]))
    for kind, shared in (("person", mail.people & case.people), ("vendor", mail.companies & case.companies)):
        if shared:
            out.append(f"{kind}: " + ", ".join(sorted(shared)[:2]))
    numbers = ", ".join(sorted(_common_numbers(mail, case))[:2])
    out += [text.format(numbers) for name, text in SAID.items() if found[name]]
    return tuple(out)


SAID = {
    "answer": "an answer that the case was waiting for",
    "receipt": "an automatic receipt right after the inquiry",
    "reply": "the user's reply",
    "follows_up": "the same user writes again",
    "named": "the mail names the user who reported the problem",
    "number": "number: {}",
    "inquiry": "the inquiry to a vendor about a report",
}
