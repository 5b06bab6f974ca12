"""Mail that reports something, not written by a person for this case alone: alarms, recoveries, newsletters, outages.

The classifiers know few such mails, and the same words decide: "Status: Down" is an alarm, "Errors: 0" is not. The
words are in `reports.yaml`.

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
=========  ===========================================================  ==============  =========
"""

import re
from collections.abc import Iterator
from functools import cache, cached_property
from typing import NamedTuple

from ..resources import read_yaml
from .mailview import MailView
from .matter import NOBODY, next_is

_MOST_UNITS, _LONGEST = 40, 400
_FOOTER_UNITS, _FOOTER = 3, 100  # units at the end, and characters of a unit, that may be the footer of a newsletter
_NO_REPORTS = ("bounce", "receipt", "calendar")
_MARKS = " *・■□●◆【】-"
_BAD, _GOOD = " ✗ ", " ✓ "
_SUBJECT = -1


class Report(NamedTuple):
    """What a mail reports.

    ``unit``: the unit that says so (-1: the subject); ``adds``: what it states; ``drops``: families of statements that
    it rules out; ``next_side``: who has to act, as scores of `next.…`.
    """

    way: str
    unit: int
    adds: tuple[str, ...]
    drops: tuple[str, ...]
    next_side: tuple[float, ...]

    @property
    def of_notice(self) -> bool:
        """Whether only a notice can be such a report: of other mail, it tells no more than who has to act."""
        return self.way in _OF_NOTICES


_OF_NOTICES = ("advice", "payment", "reminder")
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


def report_of(view: MailView) -> Report | None:
    """Return what a mail reports; None for other mail. Only a mail that begins a topic reports."""
    if not view.mail.opens or view.mail.automatic in _NO_REPORTS or not view.readings:
        return None
    found = _Words(view).report()
    if found is None:
        return None
    way, unit = found
    return Report(way, unit, *_REPORTS[way])


class _Words:
    """The words of one mail: its subject and its units in lower case, by their numbers."""

    def __init__(self, view: MailView) -> None:
        self._mail, self._readings = view.mail, view.readings[:_MOST_UNITS]
        self._texts = {at: one.folded[:_LONGEST].lower() for at, one in enumerate(self._readings)}
        if view.subject is not None:
            self._texts[_SUBJECT] = view.subject.folded[:_LONGEST].lower()

    def report(self) -> tuple[str, int] | None:
        from_outside = self._mail.side in ("vendor", "unknown")
        if self._mail.side == "vendor" and (found := self._outage()):
            return found
        if from_outside and (at := self._broadcast()) is not None:
            return "broadcast", at
        if self._by_machine and (found := self._attack() or self._state()):
            return found
        if not from_outside:
            return None
        if (at := self._breach()) is not None:
            return "breach", at
        if self._mail.side == "vendor" and not self._any("tickets") and self._says("over", _SUBJECT):
            return "over", _SUBJECT
        return self._advice() or self._reminder()

    # ── who writes ──────────────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def _by_machine(self) -> bool:
        """Whether a machine that watches something wrote the mail: by its address, or by its form."""
        if self._any("tickets") or self._has("code", _SUBJECT):
            return False
        if self._surely_machine:
            return True
        labels = [label for one in self._readings if (label := one.label.lower().strip(_MARKS))]
        by_person = (
            self._mail.side == "team" or self._any("personal") or any(map(_patterns()["form"].fullmatch, labels))
        )
        return not by_person and 2 * len(labels) >= len(self._readings)

    @property
    def _surely_machine(self) -> bool:
        return self._watches or self._mail.automatic == "notification"

    @cached_property
    def _watches(self) -> bool:
        """Whether the address of the author is that of a machine."""
        name, _, host = self._mail.author.lower().partition("@")
        labels = host.split(".")
        words = [*re.split(r"[-_.+]", name), *(labels[:1] if len(labels) > 2 else [])]
        return any(map(_patterns()["machines"].fullmatch, words))

    # ── what it says ────────────────────────────────────────────────────────────────────────────────────────────────

    def _has(self, words: str, at: int) -> bool:
        return _patterns()[words].search(self._texts.get(at, "")) is not None

    def _with(self, *words: str) -> Iterator[int]:
        """Yield the numbers of the units, and of the subject, with a word of each list."""
        return (at for at in self._texts if all(self._has(one, at) for one in words))

    def _any(self, *words: str) -> bool:
        return next(self._with(*words), None) is not None

    @cached_property
    def _states(self) -> dict[int, str]:
        """The texts as they tell how it is now: without earlier states, and marked where nothing is or stays wrong."""
        found = {}
        for at, text in self._texts.items():
            now = _patterns()["earlier"].sub(" ", text)
            now = _patterns()["not_over"].sub(_BAD, _patterns()["none_bad"].sub(_GOOD, now))
            found[at] = now
        return found

    def _says(self, words: str, at: int) -> bool:
        text = self._states.get(at, "")
        mark = {"bad": _BAD, "done": _GOOD}.get(words, "\0")
        return mark in text or _patterns()[words].search(text) is not None

    def _state(self) -> tuple[str, int] | None:
        """Return what a machine says about the state of a thing: a line "Status: …" counts before the subject.

        Other sentences count only if the address is that of a machine.
        """
        if self._any("drill"):
            return "fine", _SUBJECT
        lines = [at for at in self._texts if at >= 0 and self._is_state_line(at)]
        bad = next((at for at in lines if self._says("bad", at)), None)
        if bad is not None:
            return "alarm", bad
        over = next((at for at in lines if self._says("over", at)), None)
        if over is None and self._says("over", _SUBJECT):
            over = _SUBJECT
        if over is not None:
            return "over", over
        every = [_SUBJECT, *(at for at in self._texts if at >= 0 and self._watches)]
        if not self._surely_machine and not self._has("title", _SUBJECT):
            return None
        if self._any("planned") or self._has("announced", _SUBJECT):
            return None
        bad = next((at for at in every if self._says("bad", at) and not self._has("announced", at)), None)
        good = next(((way, at) for at in every for way in ("over", "done") if self._says(way, at)), None)
        if bad is not None and (good is None or good[0] == "done" or bad == _SUBJECT):
            return "alarm", bad
        if good is None and (stops := self._stops()) is not None:
            return "alarm", stops
        if good is not None:
            return ("over" if good[0] == "over" else "fine"), good[1]
        return ("fine", _SUBJECT) if self._surely_machine and self._has("summary", _SUBJECT) else None

    def _stops(self) -> int | None:
        """Return the first sentence of a machine by which something stands still, in any of the reader's words."""
        readings = self._readings if self._watches else ()
        return next((at for at, one in enumerate(readings) if "stop.down" in one.concepts and not one.mild), None)

    def _is_state_line(self, at: int) -> bool:
        label = self._readings[at].label.lower()
        return bool(label) and _patterns()["state_label"].fullmatch(label.strip(_MARKS)) is not None

    def _attack(self) -> tuple[str, int] | None:
        """Return what a security tool says about an attack."""
        if self._any("advisory") or self._any("drill"):
            return None
        threats = list(self._with("suspected"))
        if not threats:
            return None
        if self._any("unhandled"):
            return "attack", threats[0]
        if self._any("handled") or self._has("summary", _SUBJECT):
            return None if self._any("review") else ("fine", threats[0])
        return ("attack", threats[0]) if self._any("detected") else None

    def _broadcast(self) -> int | None:
        last = len(self._readings) - _FOOTER_UNITS
        footers = (
            at
            for at in self._with("footer")
            if at >= max(0, last) and len(self._texts[at]) <= _FOOTER and not self._has("asking", at)
        )
        return next(footers, next(self._with("advert"), None))

    def _breach(self) -> int | None:
        taken = [at for at in self._with("taken", "data") if not self._has("unreal", at)]
        return taken[0] if taken and self._any("yours") and not self._any("advisory") else None

    def _outage(self) -> tuple[str, int] | None:
        found = None if any(map(self._any, ("planned", "tickets", "way_round"))) else next(self._with("trouble"), None)
        return ("outage", found) if found is not None and self._any("worked_on") else None

    def _advice(self) -> tuple[str, int] | None:
        at = next(self._with("patch"), None) if self._any("advisory") else None
        return None if at is None else ("advice", at)

    def _reminder(self) -> tuple[str, int] | None:
        at = next(self._with("demand"), None) if self._mail.side == "vendor" or self._any("yours") else None
        if at is None:
            return None
        return ("payment", at) if self._any("payment") else ("reminder", at) if self._any("ends") else None


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    lists = {name: "|".join(text.splitlines()) for name, text in read_yaml("reader", "reports.yaml").items()}
    for name in ("bad", "count"):
        lists["none_bad"] = lists["none_bad"].replace(f"<{name}>", lists[name])
    return {name: re.compile(text, re.IGNORECASE | re.ASCII) for name, text in lists.items()}
