"""Scores how likely a mail belongs to each of its candidate cases, from content, people, companies and time.

A logistic score over the features below, with weights for each side: what speaks for a user's mail says little about a
vendor's. ``bench.fit_matcher`` fitted ``WEIGHTS`` to labelled conversations; ``JOIN`` was chosen there
(docs/placement.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from operator import attrgetter

from service.cases.facts.content_words import IDENTIFIER, weight
from service.cases.facts.message_facts import MessageFacts

SIDES = ("requester", "team", "vendor", "automatic")
"""Columns of ``WEIGHTS``; mail of unknown senders is weighed like a vendor's."""
WEIGHTS: dict[str, tuple[float, float, float, float]] = {
    "bias": (-3.93, -1.85, -3.43, -1.68),
    "words": (1.10, 1.45, 1.70, 0.04),
    "foreign": (-0.04, -0.49, -0.84, -1.72),
    "kind": (0.94, 1.04, 0.88, 0.27),
    "days": (-0.42, -1.27, -0.76, -3.33),
    "same_side": (-0.38, -1.26, -1.05, 0.63),
    "handler": (0.36, -0.06, 1.96, 3.00),
    "other_company": (-2.03, -1.18, -0.96, 0.52),
    "departs": (-4.52, -2.05, 0.00, 0.00),
    "continues": (1.08, 0.00, 0.41, 0.00),
    "reply": (0.76, 0.00, 0.00, 0.00),
    "coverage": (8.00, 12.64, 6.20, 1.32),
    "codes": (-0.69, 0.53, 3.43, 2.03),
    "company": (-0.58, -0.20, 1.23, 2.22),
    "older": (-0.52, -0.37, -0.30, 0.14),
    "to_reporter": (0.88, 2.88, 1.26, 0.00),
    "follows_up": (1.67, 1.39, 0.00, 0.00),
    "inquiry": (0.00, 3.77, 0.00, 0.00),
    "answer": (0.44, 1.63, 3.80, 0.00),
    "receipt": (0.00, 0.00, 0.00, 2.95),
}
LEADS = ("coverage", "codes", "company", "older", "to_reporter", "follows_up", "inquiry", "answer", "receipt")
"""Features that count by their lead over the best other candidate: what two cases share does not tell them apart."""
JOIN = 0.8
"""Minimum score of an automatic join."""
MARGIN = 1.0
"""Minimum lead over the next candidate, in logits, for an automatic join."""
FORM = 0.6
"""Coverage above which two reports are never joined: they are forms or alarms with the same text."""
STEPS = ("number", "reply", "follows_up", "inquiry", "answer", "receipt")
"""Features that show the next step of a case, not a second matter of the same side."""
SUGGEST, MOST_SUGGESTED = 0.04, 3
"""Minimum score and maximum number of suggestions for a mail."""
BETWEEN = "; "
"""Separates the reasons in the evidence of a message."""
_AT_ONCE = 1800
"""Seconds after an inquiry at which the feature of an automatic acknowledgement has fallen to one half."""


class Profile:
    """The features of a mail (with the messages inside it), or of the messages of a case."""

    def __init__(self, nodes: Sequence[MessageFacts]) -> None:
        """Summarise messages; of quoted messages only the words are used."""
        self.nodes = nodes
        self.opener, self.newest = min(nodes, key=attrgetter("at")), max(nodes, key=attrgetter("at"))
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
    def codes(self) -> set[str]:
        """Identifiers with letters that are not case numbers."""
        refs = {ref.casefold() for n in self.nodes for _, ref in (*n.stated, *n.mentioned)}
        return {w for w in self.words if weight(w) >= IDENTIFIER and not w.isdigit() and w not in refs}

    @cached_property
    def people(self) -> set[str]:
        return {person for n in self.nodes if n.origin != "quoted" for person in n.others}


@dataclass(frozen=True, slots=True)
class Score:
    """How well a mail fits a case."""

    score: float
    """Probability between 0 and 1."""
    logit: float
    features: Mapping[str, float]
    barred: bool
    """Whether the mail never joins the case by content: see docs/placement.md."""


def joins(best: Score, runner_up: Score | None) -> bool:
    """Whether the best candidate is certain enough to join without asking a person."""
    clear = runner_up is None or best.logit - runner_up.logit >= MARGIN
    return clear and best.score >= JOIN and not best.barred


def compare(mail: Profile, cases: Sequence[Profile], rare: Callable[[str], float]) -> list[Score]:
    """Score one mail against its candidates. ``rare``: the rarity of a word, see ``keys.rarity``."""
    column = column_of(mail.nodes[0])
    found = [features(mail, case, rare) for case in cases]
    scores = []
    for case, its, led in zip(cases, found, with_leads(found), strict=True):
        logit = sum(weights[column] * led[name] for name, weights in WEIGHTS.items())
        scores.append(Score(1.0 / (1.0 + math.exp(-logit)), logit, its, _is_barred(mail, case, its)))
    return scores


def column_of(outer: MessageFacts) -> int:
    """Return the column of ``WEIGHTS`` for a mail."""
    side = "automatic" if outer.automatic else "vendor" if outer.side == "unknown" else outer.side
    return SIDES.index(side)


def with_leads(found: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    """Return the features of the candidates of one mail, those of ``LEADS`` less the value of the best other one."""
    out = [dict(its) for its in found]
    for name in LEADS:
        best, second, *_ = (*sorted((its[name] for its in found), reverse=True), 0.0, 0.0)
        for its in out:
            its[name] -= second if its[name] == best else best
    return out


def features(mail: Profile, case: Profile, rare: Callable[[str], float]) -> dict[str, float]:
    """Return the values that the weights apply to, each between -1 and about 5, and ``number``."""
    codes = plain = 0.0
    for word in mail.words & case.words:
        if (its := weight(word)) >= IDENTIFIER:
            codes += rare(word)
        else:
            plain += its * rare(word)
    mass, outer = min(mail.mass, case.mass), mail.nodes[0]
    companies, foreign = mail.companies & case.companies, _foreign(mail, case)
    days = math.log1p(abs((outer.at - case.opener.at).total_seconds()) / 86_400)
    worked = any(n.side in ("team", "vendor") and n.at < outer.at for n in case.nodes)
    return {
        "bias": 1.0,
        "number": float(bool(_common_numbers(mail, case))),
        "words": math.log1p(min(plain, 12.0)),
        "foreign": foreign,
        "kind": float(any(n.kind == outer.kind for n in case.nodes)),
        "days": days,
        "same_side": float(case.newest.side == outer.side),
        "handler": float(not case.team.isdisjoint((outer.author, *outer.to, *outer.cc))),
        "other_company": float(bool(mail.companies and case.companies and not companies)),
        "departs": float(outer.fresh and outer.author in case.authors),
        "continues": outer.continues,
        "reply": (1.0 - foreign) * _replies(mail, case),
        "coverage": (IDENTIFIER * codes + plain) / mass if mass else 0.0,
        "codes": math.log1p(codes),
        "company": float(bool(companies)),
        "older": days,
        "to_reporter": float(not case.reporters.isdisjoint((*outer.to, *outer.cc))),
        "follows_up": (1.0 - foreign) * (worked and outer.author in case.reporters),
        "inquiry": _asks_for(mail, case),
        "answer": float(_answers(mail, case)),
        "receipt": _receipt(outer, case),
    }


def _is_barred(mail: Profile, case: Profile, found: Mapping[str, float]) -> bool:
    outer = mail.nodes[0]
    if not outer.headerless and all(n.base != outer.base for n in case.nodes):
        return True  # its headers name mails of another subject
    if mail.answered_by and not any(n.asked for n in case.nodes) and not found["number"]:
        return True  # a vendor's answer, and nobody asked a vendor in this case
    if outer.side != case.opener.side or any(found[step] for step in STEPS):
        return False
    return outer.side != "requester" or found["coverage"] > FORM


def _common_numbers(mail: Profile, case: Profile) -> set[str]:
    """Return numbers in both that one of them names as a number of the matter."""
    return mail.told & case.told & (mail.matter_numbers | case.matter_numbers)


def _foreign(mail: Profile, case: Profile) -> float:
    """Return the share of the mail's codes that the case lacks; 0 if either has no codes."""
    if not mail.codes or not case.codes:
        return 0.0
    return len(mail.codes - case.codes) / len(mail.codes)


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
    first = min(own_mails, key=attrgetter("at"))
    own = [n.at for n in question.nodes if n.author == first.author and n.at < first.at]
    asked = [n.at for n in question.nodes if n.side == "team" and first.author in n.to and n.at < first.at]
    waits = bool(asked) and max(asked) > max(own, default=datetime.min.replace(tzinfo=UTC))
    return waits or (first.resolves and bool(own) and first.author in question.reporters)


def _asks_for(inquiry: Profile, report: Profile) -> float:
    """Return 1 if ``inquiry`` goes to the vendor that a user's ``report`` names, 0.7 if to another, otherwise 0."""
    if not inquiry.inquires or inquiry.reporters or not report.reporters or report.contacts:
        return 0.0
    return 1.0 if inquiry.companies & report.companies else 0.7


def reasons(mail: Profile, case: Profile, found: Mapping[str, float]) -> tuple[str, ...]:
    """Return what a score is based on, as text; empty if the two have no word, person or company in common."""
    both = sorted(mail.words & case.words, key=lambda word: (-weight(word), word))
    out = []
    if both:
        out.append("words: " + ", ".join(both[:6]))
    for kind, shared in (("person", mail.people & case.people), ("vendor", mail.companies & case.companies)):
        if shared:
            out.append(f"{kind}: " + ", ".join(sorted(shared)[:2]))
    if not out:
        return ()
    numbers = ", ".join(sorted(_common_numbers(mail, case))[:2])
    out += [text.format(numbers) for name, text in SAID.items() if found[name]]
    return tuple(out)


SAID = {
    "answer": "an answer that the case was waiting for",
    "receipt": "an automatic receipt right after the inquiry",
    "reply": "the user's reply",
    "follows_up": "the same user writes again",
    "number": "number: {}",
    "inquiry": "the inquiry to a vendor about a report",
}
