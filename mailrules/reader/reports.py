"""Recognises reports: alarms, recoveries, newsletters, outages and similar mail. Nobody wrote them only for this case.

Two linear classifiers, `report.vendor` and `report.ours` (`matter.py`), decide what a mail reports. They use the
features of the mail, and facts such as the side of its author. ``bench.train_matter`` trains them. If they are
not certain enough, the mail is a `threat` if it may be about an attack or a breach; otherwise it reports nothing. Only
mail in Japanese or English can be a report.

=========  ===========================================================  ==============  =========
report     mail                                                         kind            who acts
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
threat     a notice, perhaps of an attack or a breach: needs triage     security        team
=========  ===========================================================  ==============  =========
"""

from collections.abc import Set
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..statement import MailText
from .feature_hashes import Indexes
from .features import ROW
from .mailview import MailView, is_readable, side_of
from .matter import MatterClassifier, log_probabilities, next_is
from .unit_reading import Reading

_NO_REPORTS = ("auto_reply", "bounce", "receipt", "calendar")
_LEAST = {"alarm": 0.5, "attack": 0.5}  # minimum probability of a way; a wrong alarm costs less than a missed one
_LEAST_OTHER = 0.6
_CALM, _THREATS = ("over", "fine", "broadcast"), ("attack", "breach")
_TROUBLE = (*_THREATS, "alarm", "outage")
_PERHAPS = 0.25
"""From this probability of `_THREATS` on, a mail may be a threat. From this probability of `_TROUBLE` on, a mail does
not report something calm."""
_SURELY_NEWS = 0.9  # minimum probability that a stranger's mail about a standstill is a newsletter
_SUBJECT = -1


class Report(NamedTuple):
    """What a mail reports, and what follows from it."""

    way: str  # the row of the table above
    unit: int  # the unit that says so (-1: the subject)
    adds: tuple[str, ...]  # meanings that the report states
    drops: tuple[str, ...]  # families of statements that the report rules out
    next_side: tuple[float, ...]  # who has to act, as scores of `next.…`
    chance: float = 1.0  # probability of the way

    @property
    def of_notice(self) -> bool:
        """Whether `adds` and `drops` apply only to notices. For other mail, only `next_side` of the report counts."""
        return self.way in _OF_NOTICES

    def hides(self, told: Set[str], side: str) -> bool:
        """Whether to ignore this report, because it would remove an important statement of the mail, such as an attack.

        A newsletter of a vendor may describe a standstill of others. In mail of an unknown sender, the standstill may
        be the sender's own.
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
    "over": (("kind:notice", "recovered"), _ALL, next_is("nobody")),
    "fine": (("kind:notice",), _ALL, next_is("nobody")),
    "broadcast": (("kind:notice",), ("item.", *_ALL), next_is("nobody")),
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


def report_inputs(view: MailView) -> NDArray[np.float64]:
    """Return the facts about a mail that help to decide what it reports."""
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


def rows_of(reading: Reading) -> Indexes:
    """Return the rows of the features of a unit in the table of hashes."""
    return np.frombuffer(reading.rows, ROW).astype(np.int64)


def report_of(view: MailView, rows: Indexes, classifier: MatterClassifier) -> Report | None:
    """Return what a mail reports; None if it reports nothing or the classifier is not certain enough.

    A report begins a topic, and is not written by a program of the mail system. ``rows``: the features of the mail.
    """
    begins = view.mail.opens and view.mail.automatic not in _NO_REPORTS and view.readings
    if not (begins and is_readable(view.mail) and classifier.knows(rows)):
        return None
    logs = log_probabilities(classifier.scores(rows, report_inputs(view)))
    chances = dict(zip(WAYS, np.exp(logs).tolist(), strict=True))
    best = max(chances, key=lambda way: chances[way])
    threat, trouble = (sum(chances[way] for way in ways) for ways in (_THREATS, _TROUBLE))
    if best != "none" and chances[best] >= _LEAST.get(best, _LEAST_OTHER) and (best not in _CALM or trouble < _PERHAPS):
        return Report(best, _telling_unit(view, classifier, best), *_REPORTS[best], chances[best])
    if threat < _PERHAPS:
        return None
    return Report("threat", _telling_unit(view, classifier, max(_THREATS, key=lambda way: chances[way])), *_DOUBTFUL)


def _telling_unit(view: MailView, classifier: MatterClassifier, way: str) -> int:
    """Return the unit that supports a report most; -1 if the subject supports it more."""
    of_words = np.array([classifier.of_words(rows_of(one)) for one in view.with_subject])
    best = int(np.argmax(of_words[:, WAYS.index(way)] - of_words[:, 0]))
    return best if best < len(view.readings) else _SUBJECT
