"""Facts of a case that need no rules: kind, language, vendor, case numbers."""

from collections.abc import Iterable, Sequence
from itertools import chain

from mailrules.engine import mails
from mailrules.judgement import Finding, Reading, Reference
from mailrules.thread import RuleInput, Thread
from mailrules.vendors import Vendors
from mailrules.vendors.case_numbers import added_number

_MOST_SUBJECTS = 20  # maximum number of our subjects that are compared with those of vendors


def kind_of(concluded: Sequence[mails.ConcludedMail]) -> str | None:
    """Return the first known kind of a mail of our side, otherwise of a mail by a person, otherwise of any mail.

    What our people write above a forwarded mail takes precedence over the mail of a stranger, unless it is only a
    remark.
    """
    telling = mails.informative_mails(concluded)
    above = any(one.turn.wrapper for one in telling)
    for counts in (
        lambda turn: above and mails.ours(turn) and turn.side != "unknown",
        mails.ours,
        lambda turn: turn.automatic is None,
        lambda _: True,
    ):
        found = next((one.reading.kind for one in telling if counts(one.turn) and one.reading.kind), None)
        if found:
            return found
    return None


def inquires(thread: Thread) -> bool:
    """Whether the team asks a vendor for help in this case."""
    return any(
        turn.side == "team" and ("vendor" in turn.towards or (turn.vendor and "requester" not in turn.towards))
        for turn in thread
    )


def language_of(thread: Thread) -> str:
    spoken = [turn.language for turn in thread if turn.language not in ("", "und")]
    own = [t.language for t in thread if t.side != "vendor" and t.language not in ("", "und")]
    return (own or spoken or ["und"])[0]


def vendor_of(thread: Thread, readings: Sequence[Reading], vendors: Vendors) -> str | None:
    """Return the vendor of a case, or None.

    Vendors in addresses come first, then vendors in texts; in each group, newer mails come first. A platform (a help
    desk service such as Zendesk) is returned only if there is no other vendor.
    """
    platform: str | None = None
    by_address = (turn.vendor or vendors.of_address(turn.author) for turn in reversed(thread))
    for vendor in chain(by_address, (reading.vendor for reading in reversed(readings))):
        if vendor and not vendors.is_platform(vendor):
            return vendor
        platform = platform or vendor
    return platform


def references_of(thread: Thread, readings: Sequence[Reading], vendor: str | None) -> tuple[Reference, ...]:
    """Return the case numbers in the mails, and those that a vendor added to a subject of ours."""
    found: dict[tuple[str, str], Reference] = {}
    subjects: dict[str, None] = {}  # of new mails of our side
    for turn, reading in zip(thread, readings, strict=True):
        if turn.side == "requester" and vendor is None:
            continue
        if turn.side != "vendor" and turn.subject_is_new and len(subjects) < _MOST_SUBJECTS:
            subjects[turn.subject] = None
        for reference in reading.references or _added_by_vendor(turn, subjects):
            key = (reference.vendor, reference.ref)
            if key not in found or (reference.stated and not found[key].stated):
                found[key] = reference
    return tuple(found.values())


def _added_by_vendor(turn: RuleInput, subjects: Iterable[str]) -> tuple[Reference, ...]:
    company = turn.vendor or turn.partner
    if turn.side != "vendor" or company is None:
        return ()
    number = next(filter(None, (added_number(turn.subject, one) for one in subjects)), None)
    return (Reference(company, number, True, number),) if number else ()


def parked_of(concluded: Sequence[mails.ConcludedMail]) -> tuple[Finding, ...]:
    found: dict[str | None, Finding] = {}
    for finding in mails.findings_of_case(concluded, "parked"):
        found.setdefault(finding.value, finding)
    return tuple(found.values())
