"""Mail that reports something, not written by a person for this case alone: alarms, recoveries, newsletters, outages.

Two linear classifiers, `report.vendor` and `report.ours` (`matter.py`), tell the way of the report from the features of
the mail and its circumstances. ``bench.train_matter`` trains them. In doubt, a mail reports nothing, or perhaps a
threat. Only mail in Japanese or English reports something.

=========  ===========================================================  ==============  =========
way        mail                                                         kind            who acts
=========  ===========================================================  ==============  =========
alarm      a machine: something does not work                           incident        team
attack     a security tool: an attack that it did not stop              security        team
over       a machine or a vendor: it works again                        notice          nobody
fine       a machine: nothing is wrong, or the threat was stopped       notice          nobody
broadcast  newsletter or advert, whatever happened to others            notice          nobody
breach     somebody has data of ours                                    security        team
advice     a vendor: close a weakness of a product                      notice          team
outage     a vendor works on a problem of its service                   incident        vendor
payment    a payment of ours failed                                     billing         team
reminder   something of ours runs out, and we have to do something      request         team
threat     a notice, perhaps of an attack or a breach: to be looked at  security        team
=========  ===========================================================  ==============  =========
"""

from collections.abc import Set
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..statement import MailText
from .features import ROW
from .mailview import MailView, is_readable, side_of
from .marks import Places
from .matter import NOBODY, MatterClassifier, next_is
from .unit_reading import Reading

_NO_REPORTS = ("bounce", "receipt", "calendar")
_LEAST = {"alarm": 0.5, "attack": 0.5}  # minimum probability of a way; a wrong alarm costs less than a missed one
_LEAST_OTHER = 0.6
_CALM, _THREATS = ("over", "fine", "broadcast"), ("attack", "breach")
_TROUBLE = (*_THREATS, "alarm", "outage")
_PERHAPS = 0.25  # from this probability of `_THREATS`, a mail may be a threat; of `_TROUBLE`, it is not calm
_SURELY_NEWS = 0.9  # probability from which a stranger's mail that tells of a standstill is a newsletter
_SUBJECT = -1


class Report(NamedTuple):
    """What a mail reports.

    ``unit``: the unit that says so (-1: the subject); ``adds``: what it states; ``drops``: families of statements that
    it rules out; ``next_side``: who has to act, as scores of `next.…`; ``chance``: the probability of the way. A
    possible threat is stated as unsure.
    """

    way: str
    unit: int
    adds: tuple[str, ...]
    drops: tuple[str, ...]
    next_side: tuple[float, ...]
    chance: float = 1.0

    @property
    def of_notice(self) -> bool:
        """Whether `adds` and `drops` apply only to notices. Of other mail, the report only tells who has to act."""
        return self.way in _OF_NOTICES

    def hides(self, told: Set[str], side: str) -> bool:
        """Whether a calm report would hide what the sentences of the mail tell, such as an attack above a footer.

        A newsletter of a vendor may tell of a standstill of others. Of an unknown sender, it may be the sender's own.
        """
        if self.way == "broadcast" and side != "vendor" and self.chance < _SURELY_NEWS and "impact.high" in told:
            return True
        return self.way in ("over", "broadcast") and not told.isdisjoint(("security", "kind.security"))


_OF_NOTICES = ("advice", "payment", "reminder", "threat")
_ALL = ("kind.", "impact.", "urgency.", "security", "ongoing", "recovered", "act.", "ask.", "parked.", "tone.")
_CALMING = (
    "kind.",
    "impact.low",
    "urgency.low",
    "recovered",
    "act.answer",
    "act.reopen",
    "act.confirm_resolved",
    "act.close",
)
_REPORTS = {
    "alarm": (("kind:incident", "ongoing"), _CALMING, next_is("team")),
    "attack": (("kind:security", "security", "ongoing"), _CALMING, next_is("team")),
    "over": (("kind:notice", "recovered"), _ALL, NOBODY),
    "fine": (("kind:notice",), _ALL, NOBODY),
    "broadcast": (("kind:notice",), ("item.", *_ALL), NOBODY),
    "breach": (("kind:security", "security"), ("kind.", "impact.low", "urgency.low", "security"), next_is("team")),
    "outage": (("kind:incident", "ongoing"), ("kind.", "impact.low", "recovered"), next_is("vendor")),
    "advice": (("kind:notice", "ask:something"), ("kind.", "impact.", "urgency.", "security"), next_is("team")),
    "payment": (("kind:billing", "ask:something"), ("kind.", "impact.", "security"), next_is("team")),
    "reminder": (("kind:request", "ask:something"), ("kind.", "impact.", "security"), next_is("team")),
}
_DOUBTFUL = (("kind:security", "security"), ("kind.", "impact.low", "urgency.low"), next_is("team"))
WAYS = ("none", *_REPORTS)
"""The outcomes of the classifiers."""


def report_classifier(mail: MailText) -> str:
    """Return the name of the classifier that tells what this mail reports."""
    return f"report.{side_of(mail)}"


def may_report(view: MailView) -> bool:
    """Whether a mail can be a report: it begins a topic, and no program of the mail system wrote it."""
    mail = view.mail
    return mail.opens and mail.automatic not in _NO_REPORTS and bool(view.readings) and is_readable(mail)


def report_inputs(view: MailView) -> NDArray[np.float64]:
    """Return the circumstances of a mail for `report.…`."""
    mail, labels = view.mail, sum(bool(one.label) for one in view.readings)
    return np.array(
        (
            mail.side == "team",
            mail.side == "unknown",
            mail.automatic is not None,
            labels / max(1, len(view.readings)),
        ),
        np.float64,
    )


def rows_of(reading: Reading) -> Places:
    """Return the rows of the features of a unit."""
    return np.frombuffer(reading.rows, ROW).astype(np.int64)


def report_of(view: MailView, rows: Places, classifier: MatterClassifier) -> Report | None:
    """Return what a mail reports; None for other mail, and in doubt. ``rows``: the distinct features of the mail."""
    if not may_report(view) or not classifier.knows(rows):
        return None
    scores = classifier.scores(rows, report_inputs(view))
    odds = np.exp(scores - scores.max())
    chances = dict(zip(WAYS, (odds / odds.sum()).tolist(), strict=True))
    best = max(chances, key=lambda way: chances[way])
    threat, trouble = (sum(chances[way] for way in ways) for ways in (_THREATS, _TROUBLE))
    if best != "none" and chances[best] >= _LEAST.get(best, _LEAST_OTHER) and (best not in _CALM or trouble < _PERHAPS):
        return Report(best, _telling_unit(view, classifier, best), *_REPORTS[best], chances[best])
    if threat < _PERHAPS:
        return None
    return Report("threat", _telling_unit(view, classifier, max(_THREATS, key=lambda way: chances[way])), *_DOUBTFUL)


def _telling_unit(view: MailView, classifier: MatterClassifier, way: str) -> int:
    """Return the unit whose features speak most for a way; the subject if it speaks more than each of them."""
    readings = [*view.readings, *([view.subject] if view.subject is not None else [])]
    scores = [_spoken(one, classifier, WAYS.index(way)) for one in readings]
    best = int(np.argmax(scores))
    return best if best < len(view.readings) else _SUBJECT


def _spoken(reading: Reading, classifier: MatterClassifier, way: int) -> float:
    found = classifier.of_words(rows_of(reading))
    return float(found[way] - found[0])
