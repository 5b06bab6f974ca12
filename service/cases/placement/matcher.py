"""Scores how likely a mail belongs to a case, from content, people, vendor and time.

One logistic score over the features below. ``bench.fit_matcher`` fitted ``WEIGHTS`` and ``BIAS`` to labelled
conversations; the limits were chosen there so that at least 99 % of automatic joins are correct.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from service.cases.facts.content_words import IDENTIFIER, weight
from service.cases.facts.message_facts import MessageFacts

WEIGHTS: dict[str, float] = {
    "to_another": 1.18,
    "number": 5.15,
    "identifiers": 0.64,
    "words": 2.78,
    "coverage": 7.28,
    "foreign": -1.39,
    "hours": -0.56,
    "answer": 3.57,
    "receipt": 6.09,
    "reply": 3.81,
    "inquiry": 1.75,
    "reporter": 0.71,
    "to_reporter": 3.60,
    "same_side": -1.98,
}
BIAS = -4.06
JOIN, JOIN_NEXT = 0.95, 0.55
"""Minimum score of an automatic join. The second is for the next step of a case, such as an answer or an inquiry, and
for mails with a number of the matter in common."""
NEVER = 1.01
"""For two opening mails of one side: forms and alarms have the same words for different matters."""
SUGGEST = 0.12
"""Minimum score of a suggestion."""
_AT_ONCE = 1800
"""Seconds after an inquiry at which the feature of an automatic acknowledgement has fallen to one half."""
MARGIN = 2.0
"""Minimum lead over the next candidate, in logits, for an automatic join."""


class Profile:
    """The features of a mail (with the messages inside it), or of the messages of a case."""

    def __init__(self, nodes: Sequence[MessageFacts]) -> None:
        """Summarise messages; of quoted messages only the words are used."""
        self.nodes = nodes
        self.spoken = [n for n in nodes if n.origin != "quoted"] or nodes
        self.words = {word for n in nodes for words in (n.words, n.subject_words) for word in words}
        self.reporters: set[str] = set()
        self.answered_by: set[str] = set()
        """Vendors that wrote."""
        last: dict[str, MessageFacts] = {}
        for n in self.spoken:
            companies = n.asked
            if n.side == "requester" and n.author and not companies:
                self.reporters.add(n.author)
            elif n.side == "vendor" and n.company and not n.automatic:
                companies = (n.company,)
                self.answered_by.add(n.company)
            for company in companies:
                if company not in last or n.at > last[company].at:
                    last[company] = n
        self.inquires = {company for company, n in last.items() if n.side != "vendor"}
        """Vendors that we asked and that have not answered since."""
        self.told = {number for n in nodes if not n.tells_previous for number in n.told}
        """Words that may be a number, without those of mails that name an earlier case."""

    @cached_property
    def matter_numbers(self) -> set[str]:
        return {number for n in self.nodes if not n.tells_previous for number in n.matter_numbers}

    @cached_property
    def first_reply(self) -> MessageFacts | None:
        """The first mail of a user, if only one user wrote."""
        own = [n for n in self.nodes if n.side == "requester" and not n.asked and n.automatic is None]
        return min(own, key=lambda n: n.at) if own and len(self.reporters) == 1 else None

    @cached_property
    def codes(self) -> set[str]:
        """Identifiers with letters that are not case numbers."""
        refs = {ref.casefold() for n in self.nodes for _, ref in (*n.stated, *n.mentioned)}
        return {w for w in self.words if weight(w) >= IDENTIFIER and not w.isdigit() and w not in refs}

    @cached_property
    def vendors(self) -> set[str]:
        return {company for n in self.spoken for company in n.companies}

    @cached_property
    def people(self) -> set[str]:
        return {person for n in self.spoken for person in n.others}

    @cached_property
    def mass(self) -> float:
        """Total weight of all words."""
        return sum(map(weight, self.words))


@dataclass(frozen=True, slots=True)
class Score:
    """How well a mail fits a case."""

    score: float
    """Probability between 0 and 1."""
    logit: float
    features: Mapping[str, float]
    least: float
    """Minimum score of an automatic join of these two."""


def joins(best: Score, runner_up: Score | None) -> bool:
    """Whether the best candidate is certain enough to join without asking a person."""
    return best.score >= best.least and (runner_up is None or _is_clear(best, runner_up))


def _is_clear(best: Score, other: Score) -> bool:
    """Whether one candidate is clearly better.

    The texts of automatic acknowledgements are similar; if one came right after one of two inquiries, its time decides.
    """
    at_once = best.features["receipt"] - other.features["receipt"] > 0.5
    return at_once or best.logit - other.logit >= MARGIN


def may_fit(mail: Profile, nodes: Collection[MessageFacts]) -> bool:
    """Whether a case shares a word or a company with a mail; without either its score would be close to zero."""
    return any(not mail.words.isdisjoint(n.words) or n.companies & mail.vendors for n in nodes)


def score(mail: Profile, case: Profile, rare: Callable[[str], float]) -> Score:
    """Score one mail against one case. ``rare``: the rarity of a word, see ``candidates.rarity``."""
    found = features(mail, case, rare)
    logit = BIAS + sum(WEIGHTS[name] * value for name, value in found.items())
    return Score(1.0 / (1.0 + math.exp(-logit)), logit, found, _least(mail, case, found))


def features(mail: Profile, case: Profile, rare: Callable[[str], float]) -> dict[str, float]:
    """Return the values that the weights apply to; each is between -1 and about 7."""
    identifiers = plain = 0.0
    for word in mail.words & case.words:
        if (its := weight(word)) >= IDENTIFIER:
            identifiers += rare(word)
        else:
            plain += its * rare(word)
    mass = min(mail.mass, case.mass)
    answer = max(_answers(mail, case), _answers(case, mail))
    return {
        "number": float(bool(_common_numbers(mail, case))),
        "identifiers": min(2.0, identifiers),
        "words": math.log1p(min(plain, 12.0)),
        "coverage": (IDENTIFIER * identifiers + plain) / mass if mass else 0.0,
        "foreign": _foreign(mail, case),
        "hours": math.log1p(_hours(mail, case)),
        "answer": float(answer == 1.0),
        "to_another": float(answer == 0.5),
        "receipt": _receipt(mail, case),
        "reply": float(_replies(mail, case) or _replies(case, mail)),
        "inquiry": max(_asks_for(mail, case), _asks_for(case, mail)),
        "reporter": _reporter(mail, case),
        "to_reporter": float(_tells_reporter(mail, case) or _tells_reporter(case, mail)),
        "same_side": float(bool(mail.inquires and (case.inquires or case.answered_by)) and not mail.answered_by),
    }


def _least(mail: Profile, case: Profile, found: Mapping[str, float]) -> float:
    outer, opener = mail.nodes[0], min(case.nodes, key=lambda n: n.at)
    next_step = found["answer"] or found["inquiry"] or found["reply"] or found["receipt"]
    if next_step or (found["number"] and not outer.automatic):
        return JOIN_NEXT
    replies = outer.reply_marked and any(n.base == outer.base for n in case.nodes)
    if replies or not (outer.side == opener.side or found["reporter"]):
        return JOIN
    return NEVER


def _common_numbers(mail: Profile, case: Profile) -> set[str]:
    """Return numbers in both that one of them names as a number of the matter."""
    return mail.told & case.told & (mail.matter_numbers | case.matter_numbers)


def _foreign(mail: Profile, case: Profile) -> float:
    """Return the share of the mail's codes (devices, errors, versions) that the case lacks; 0 if either has no
    codes."""
    if not mail.codes or not case.codes:
        return 0.0
    return len(mail.codes - case.codes) / len(mail.codes)


def _reporter(mail: Profile, case: Profile) -> float:
    """Return 1 if the same user reported both, -1 if different users did, 0 if unknown."""
    if not mail.reporters or not case.reporters:
        return 0.0
    return 1.0 if mail.reporters & case.reporters else -1.0


def _hours(mail: Profile, case: Profile) -> float:
    return min(abs(one.at - other.at) for one in mail.nodes for other in case.nodes).total_seconds() / 3600


def _answers(answer: Profile, inquiry: Profile) -> float:
    """Return 1 for a vendor's mail to the person who waits for this vendor, 0.5 for one to somebody else, otherwise
    0."""
    waited_for = inquiry.inquires & answer.answered_by
    if not waited_for or answer.inquires:
        return 0.0
    asked = {n.author for n in inquiry.nodes if waited_for.intersection(n.asked)}
    return 1.0 if any(asked & {*n.to, *n.cc} for n in answer.nodes if n.side == "vendor") else 0.5


def _receipt(mail: Profile, case: Profile) -> float:
    """Return nearly 1 for an automatic acknowledgement right after an inquiry that its company has not answered yet.

    The value falls with the time between the two; 0 for all other mail.
    """
    receipt = mail.nodes[0]
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
    first = reply.first_reply
    if first is None:
        return False
    own = [n.at for n in question.nodes if n.author == first.author and n.at < first.at]
    asked = [n.at for n in question.nodes if n.side == "team" and first.author in n.to and n.at < first.at]
    waits = bool(asked) and max(asked) > max(own, default=datetime.min.replace(tzinfo=UTC))
    return waits or (first.resolves and bool(own) and first.author in question.reporters)


def _tells_reporter(told: Profile, report: Profile) -> bool:
    """Whether ``told`` is a mail of the team to the user who reported ``report``."""
    outer = told.nodes[0]
    return outer.side == "team" and not outer.asked and bool(report.reporters & {*outer.to, *outer.cc})


def _asks_for(inquiry: Profile, report: Profile) -> float:
    """Return 1 if ``inquiry`` is a mail to the vendor that the user's report ``report`` names, 0.7 to another,
    otherwise 0."""
    if not inquiry.inquires or inquiry.reporters or not report.reporters or report.inquires or report.answered_by:
        return 0.0
    return 1.0 if inquiry.vendors & report.vendors else 0.7


def reasons(mail: Profile, case: Profile, found: Mapping[str, float]) -> tuple[str, ...]:
    """Return what a score is based on, as text."""
    both = sorted(mail.words & case.words, key=lambda word: (-weight(word), word))
    out = []
    if both:
        out.append("words: " + ", ".join(both[:6]))
    for kind, shared in (("person", mail.people & case.people), ("vendor", mail.vendors & case.vendors)):
        if shared:
            out.append(f"{kind}: " + ", ".join(sorted(shared)[:2]))
    for said in _SAID:
        if any(found[name] for name in said):
            numbers = ", ".join(sorted(_common_numbers(mail, case))[:2])
            out.append(_SAID[said].format(numbers))
    return tuple(out)


_SAID = {
    ("answer", "to_another"): "an answer that was waited for",
    ("receipt",): "a receipt right after the inquiry",
    ("reply",): "the user's reply",
    ("to_reporter",): "a mail to the user who reported",
    ("number",): "number: {}",
    ("inquiry",): "the inquiry about a report",
}
