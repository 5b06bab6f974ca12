"""Scores how likely it is that a mail belongs to each of its candidate cases.

The score is a logistic function of the features below. Each side has its own weights, because a feature that matters
for the mail of users may mean little for the mail of vendors. ``bench.fit_matcher`` fitted ``WEIGHTS`` to labelled
conversations. ``JOIN`` was chosen with the same conversations (docs/placement.md).
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter

from service.cases.facts.content_words import IDENTIFIER, is_kanji, weight
from service.cases.facts.message_facts import MessageFacts
from service.mail.word_lists import load

SIDES = ("requester", "team", "vendor", "automatic")
"""Columns of ``WEIGHTS``; mail of unknown senders is weighed like a vendor's."""
WEIGHTS: dict[str, Sequence[float]] = load("matcher", "service.cases")
LEADS = ("coverage", "codes", "follows_up", "reply", "inquiry", "answer")
"""Features that count by their lead over the best other candidate: what two cases share does not tell them apart."""
JOIN = 0.8  # minimum score of an automatic join
MARGIN = 1.0  # minimum lead over the next candidate, in logits, for an automatic join
FORM = 0.5  # share of words in common from which two reports are never joined: they are forms with the same text
SUGGEST, MOST_SUGGESTED = 0.03, 3  # minimum score and maximum number of suggestions for a mail
_MOST_SHOWN = 4  # candidates with reasons
USUAL = 0.4  # rarity below which a word is no reason by itself: more than six messages of about its month have it
BETWEEN = "; "  # separates the reasons in the evidence of a message


class Profile:
    """The features of a mail (with the messages inside it), or of the messages of a case."""

    def __init__(self, nodes: Sequence[MessageFacts]) -> None:
        """Summarise messages; of quoted messages only the words are used."""
        self.nodes = nodes
        self.opener, self.newest = min(nodes, key=attrgetter("at")), max(nodes, key=attrgetter("at"))
        spoken = [n for n in nodes if n.origin != "quoted"] or nodes
        self.words = set[str]().union(*(words for n in nodes for words in (n.words, n.subject_words)))
        weights = dict(zip(self.words, map(weight, self.words), strict=True))
        self.mass = sum(weights.values())
        self.codes = {word for word, its in weights.items() if its >= IDENTIFIER and not word.isdigit()}
        self.companies = {company for n in spoken for company in n.companies}
        self.team = {n.author for n in nodes if n.side == "team"}
        self.reporters: set[str] = set()
        self.answers: set[str] = set()  # vendors that wrote, also automatically
        last: dict[str, MessageFacts] = {}
        for n in spoken:
            companies = n.asked
            if n.side == "requester" and n.author and not companies:
                self.reporters.add(n.author)
            elif n.side == "vendor" and n.company:
                self.answers.add(n.company)
                companies = () if n.automatic else (n.company,)
            for company in companies:
                if company not in last or n.at > last[company].at:
                    last[company] = n
        self.contacts = {*last}  # vendors that we asked or that wrote
        self.inquires = {company for company, n in last.items() if n.side != "vendor"}
        """Vendors that we asked and that have not answered since."""

    @cached_property
    def ends(self) -> Counter[str]:  # second character of the words of two characters → number of these words
        return Counter(word[1] for word in self.words if len(word) == 2)

    @cached_property
    def people(self) -> set[str]:
        return {person for n in self.nodes if n.origin != "quoted" for person in n.others}


@dataclass(frozen=True, slots=True)
class Score:
    """How well a mail fits a case."""

    case: int
    score: float  # probability between 0 and 1
    logit: float
    reasons: tuple[str, ...]  # empty: the two have nothing in common, or only one usual word
    barred: bool  # whether the mail never joins the case by content


def joins(best: Score, runner_up: Score | None) -> bool:
    """Whether the best candidate is certain enough to join without asking a person."""
    clear = runner_up is None or best.logit - runner_up.logit >= MARGIN
    return clear and best.score >= JOIN and bool(best.reasons) and not best.barred


def compare(mail: Profile, cases: Mapping[int, Profile], rare: Callable[[str], float]) -> list[Score]:
    """Return the best scores of one mail with its candidates, highest first. ``rare``: see ``candidates.rarity``."""
    column = column_of(mail.nodes[0])
    found = {number: features(mail, case, rare) for number, case in cases.items()}
    logits = {
        number: sum(weights[column] * led[name] for name, weights in WEIGHTS.items())
        for number, led in zip(found, with_leads([*found.values()]), strict=True)
    }
    best = sorted(logits, key=lambda number: (-logits[number], number))[:_MOST_SHOWN]
    return [
        Score(
            number,
            round(1.0 / (1.0 + math.exp(-logits[number])), 3),
            logits[number],
            reasons(mail, cases[number], found[number], rare),
            _is_barred(mail, cases[number], found[number]),
        )
        for number in best
    ]


def column_of(outer: MessageFacts) -> int:
    """Return the column of ``WEIGHTS`` for a mail."""
    side = "automatic" if outer.automatic else "vendor" if outer.side == "unknown" else outer.side
    return SIDES.index(side)


def with_leads(found: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    """Return the features of the candidates of one mail. Those in ``LEADS`` become relative to the other candidates.

    A lead is the value minus the highest value of the other candidates. Words in common mean more if the mail continues
    a matter. Therefore the product of ``coverage`` and ``continues`` is a feature, too.
    """
    out = [dict(its) for its in found]
    for name in LEADS:
        best, second, *_ = (*sorted((its[name] for its in found), reverse=True), 0.0, 0.0)
        for its in out:
            its[name] -= second if its[name] == best else best
    return [its | {"continued_words": its["coverage"] * its["continues"]} for its in out]


def features(mail: Profile, case: Profile, rare: Callable[[str], float]) -> dict[str, float]:
    """Return the values that the weights apply to, each between -2 and about 5."""
    codes = plain = 0.0
    for word in mail.words & case.words:
        if (its := weight(word)) >= IDENTIFIER:
            codes += rare(word)
        else:
            plain += its * rare(word)
    mass, outer, newest = min(mail.mass, case.mass), mail.nodes[0], case.newest
    worked = any(n.side in ("team", "vendor") and n.at < outer.at for n in case.nodes)
    foreign = len(mail.codes - case.codes) / len(mail.codes) if mail.codes and case.codes else 0.0
    waited_for = case.inquires & mail.answers - (case.answers if outer.automatic else set())
    askers = {n.author for n in case.nodes if waited_for.intersection(n.asked)} if waited_for else set()
    inquires = mail.inquires and not mail.reporters and case.reporters and not case.contacts
    return {
        "bias": 1.0,
        "words": math.log1p(min(plain, 12.0)),
        "kind": float(not outer.automatic and any(n.kind == outer.kind for n in case.nodes)),
        "days": math.log1p(abs((outer.at - newest.at).total_seconds()) / 86_400),
        "same_side": float(newest.side == outer.side),
        "handler": float(not case.team.isdisjoint((outer.author, *outer.to, *outer.cc))),
        "other_company": float(bool(mail.companies and case.companies and not mail.companies & case.companies)),
        "continues": outer.continues,
        "coverage": (IDENTIFIER * codes + plain) / (mass + 2.0),
        "codes": math.log1p(codes),
        "follows_up": (1.0 - foreign) * (worked and outer.author in case.reporters),
        "reply": (1.0 - foreign) * (outer.author in (*newest.to, *newest.cc)),
        "inquiry": float(bool(inquires)),
        "answer": float(not askers.isdisjoint((*outer.to, *outer.cc, *mail.nodes[-1].to, *mail.nodes[-1].cc))),
    }


def _is_barred(mail: Profile, case: Profile, found: Mapping[str, float]) -> bool:
    """Whether a mail must not join a case for one of these reasons:

    - A vendor writes, and nobody in the case asked a vendor.
    - The mail answers an unknown mail of another subject.
    - It is not the next step of the same user or vendor, and shares at most one plain word and no company.
    - Both are of one side, and none is the next step of the other. Reports of users are only barred if they are forms.
    """
    outer, side = mail.nodes[0], mail.nodes[0].side
    if side == "vendor" and not any(n.asked for n in case.nodes):
        return True
    if outer.parents and all(n.base != outer.base for n in case.nodes):
        return True
    if found["follows_up"] or found["answer"]:
        return False
    both = _readable(mail.words & case.words, mail, case)
    if len(both) < 2 and mail.companies.isdisjoint(case.companies) and not any(weight(w) >= IDENTIFIER for w in both):
        return True
    if side != case.opener.side or found["inquiry"]:
        return False
    one, other = outer.vocabulary, case.opener.vocabulary
    return side != "requester" or len(one & other) >= FORM * len(one | other)


def reasons(mail: Profile, case: Profile, found: Mapping[str, float], rare: Callable[[str], float]) -> tuple[str, ...]:
    """Return what a score is based on, as text; empty if the two have nothing in common.

    One plain word that many mails contain, such as the name of a department, is no reason by itself.
    """
    both = sorted(mail.words & case.words, key=lambda word: (-weight(word), word))
    out = []
    if both:
        out.append("words: " + ", ".join((_readable(both, mail, case) or both)[:6]))
    for kind, shared in (("person", mail.people & case.people), ("vendor", mail.companies & case.companies)):
        if shared:
            out.append(f"{kind}: " + ", ".join(sorted(shared)[:2]))
    usual = len(both) == 1 and len(out) == 1 and weight(both[0]) < IDENTIFIER and rare(both[0]) < USUAL
    if not out or usual:
        return ()
    return (*out, *(text for name, text in SAID.items() if found[name]))


def _readable(both: Collection[str], mail: Profile, case: Profile) -> list[str]:
    """Return the words in common. Pairs of kanji that are only a piece of a word are left out.

    A pair that follows another pair in both mails is left out, because it is probably no word.
    """
    return [
        word
        for word in both
        if not (len(word) == 2 and is_kanji(word))
        or min(mail.ends[word[0]], case.ends[word[0]]) <= int(word[0] == word[1])  # the pair itself counts
    ]


SAID = {
    "answer": "an answer that the case was waiting for",
    "reply": "the last mail of the case was sent to its author",
    "follows_up": "the same user writes again",
    "inquiry": "the inquiry to a vendor about a report",
}
