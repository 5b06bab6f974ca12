"""The embedded reader: finds the statements of one mail without network access.

Shapes and concepts are found in normal forms and weighted by linear classifiers trained on the development files of
the corpus. A meaning is stated if its probability reaches a threshold. The thresholds keep the required precision on
mail of writers who took no part in training. Items between the lower and the upper threshold are `unsure`.
"""

from dataclasses import replace

from ..statement import MailText, ReaderResult
from .concepts import ConceptMatcher, shipped_matcher
from .decision import Decision
from .mailview import (
    MailView,
    UnitCache,
    is_readable,
    mail_inputs,
    side_of,
    view_mail,
    with_subject_as_text,
)
from .matter import (
    FURTHEST,
    announces,
    matter_inputs,
    next_classifier,
    next_inputs,
    next_scores,
    tells_continuation,
    tells_departure,
    tells_vendor,
)
from .reports import Report, report_classifier, report_of
from .unit_scores import MailScores, mail_scores
from .weights import Weights, shipped_weights

_KEPT = 1700  # readings of units in the cache (about 8 MB)
_TELLING, _TELLS = ("item:", "ask:"), 0.0  # a sentence with this score of one of these meanings describes the matter
_CONTINUES = 0.5
"""From this score of `MatterClassifier` on, a mail without reply headers is read as a reply. An urgent mail needs the
highest score, because a reply says less about the impact."""
_FROM_OUTSIDE, _SURELY_URGENT = ("unknown", "vendor"), 0.45
"""Mail of these sides is P1 or P2 from this probability on, and otherwise goes to triage. Most of it is newsletters,
discussions and news of other companies, so that a lower threshold would give many false alarms. The value was chosen by
hand, not by training."""


class EmbeddedReader:
    """Reads one mail at a time. It caches the readings of units; results do not depend on the cache."""

    name = "embedded"

    def __init__(self, matcher: ConceptMatcher | None = None, weights: Weights | None = None) -> None:
        self._matcher = matcher or shipped_matcher()
        self._weights = weights or shipped_weights()
        self._units = UnitCache(_KEPT)
        self.version = self._weights.version

    def read(self, mail: MailText) -> ReaderResult:
        """Return the statements of one mail, grouped by family, and the scores of the whole mail."""
        decision = self.decide(mail)
        report = decision.report.way if decision.report else ""
        statements = tuple(decision.statements())
        return ReaderResult(
            statements, decision.continues, decision.departs, decision.next_side, report, decision.vendor_author
        )

    def decide(self, mail: MailText) -> Decision:
        """Read one mail and compute the probabilities; `sodan explain` shows the decision."""
        view, side, matter = self.view(mail), side_of(mail), self._weights.matter
        scores, chances = self.probabilities(view)
        if mail.opens and view.subject is not None and self._subject_tells_it(view, scores):
            view = with_subject_as_text(view, self._matcher, self._units)
            scores, chances = self.probabilities(view)
        thresholds, continues, departs, by_vendor = self._weights.thresholds[side], 0.0, 0.0, 0.0
        told: tuple[float, ...] = ()
        report: Report | None = None
        if is_readable(mail):
            inputs, classifier = matter_inputs(view, chances, scores.units), matter[next_classifier(mail)]
            if classifier.knows(scores.rows):
                told = next_scores(classifier.scores(scores.rows, next_inputs(mail, inputs)))
            report = report_of(view, scores.rows, matter[report_classifier(mail)])
            if tells_continuation(mail):
                continues = matter["continuation"].score(scores.rows, inputs)
            if tells_vendor(mail):
                by_vendor = matter["vendor_author"].score(scores.rows, inputs)
            if tells_departure(mail):
                departs = float(announces(view)) if mail.opens else matter["departure"].score(scores.rows, inputs)
        if mail.side in _FROM_OUTSIDE:
            thresholds = thresholds | {"urgent": _SURELY_URGENT}
        least = _CONTINUES if chances.get("urgent", 0.0) < thresholds["urgent"] else FURTHEST
        if mail.opens and continues >= least and report is None:
            view = replace(view, mail=replace(mail, opens=False))
            scores, chances = self.probabilities(view)
        rows, units = scores.units, self._weights.units[side]
        return Decision(
            view, rows, units, chances, thresholds, continues, departs, told, self._matcher, report, by_vendor
        )

    def probabilities(self, view: MailView) -> tuple[MailScores, dict[str, float]]:
        """Return the scores of a mail and the probabilities of the meanings."""
        scores = mail_scores(view, self._weights)
        parts = self._weights.mail[side_of(view.mail)]
        return scores, parts.probabilities(mail_inputs(view, scores.units, scores.whole))

    def _subject_tells_it(self, view: MailView, scores: MailScores) -> bool:
        """Whether the subject describes the matter and no sentence of the text does ("see subject")."""
        if view.mail.side == "vendor":
            return False
        columns = self._weights.units["ours"].column
        telling = [number for meaning, number in columns.items() if meaning.startswith(_TELLING)]
        *text, subject = scores.units[:, telling].max(1).tolist()
        return not text or (max(text) < _TELLS and subject > max(text))

    def view(self, mail: MailText) -> MailView:
        """Split one mail into units and read those that are new."""
        return view_mail(mail, self._matcher, self._units)
