"""Cases joined by an argument over their content, where no header and no known number says so.

These arguments, and only these:

* **The number that was waited for.** A vendor's mail that answers no mail we know, to one of us who wrote to that
  vendor (or noted a ticket there) shortly before and has got no number yet. It must repeat the subject, or share
  identifiers or telling words, with exactly one such inquiry more than with any other; a mere receipt may go by time
  alone, when only one inquiry waits.
* **The person who was asked.** A vendor's mail without a number, by the very person whom we asked or who wrote to us in
  an exchange that still goes on; it must share telling words beside those of its subject with that exchange, clearly
  more than with any other of that person's.
* **Another person takes over.** The same by anybody of that vendor's, to one of us who takes part in the exchange; it
  must share an identifier and three words more, or two figures, beside those of the subjects; or it names the user; or
  it greets whoever asked and shares many plain words.
* **The cause of what is over.** Our team asks a vendor for it under a new subject, in words that point to one exchange.
* **The inquiry on behalf of a user.** Our team writes to a vendor under a new subject, while a user's case about that
  vendor's product waits for the team, and they share telling words, more than with any other waiting case. Or the same
  inquiry bounced, and is sent again.
* **The second report.** Another user tells of the same trouble ("us too", "same as Tanaka-san"), within three days, in
  words that point to one report: an identifier, a code, a figure or the name of who reported it among them; or somebody
  tells that it works again, or that it is back, in words that point to one case.
* **The note on what is handed on.** A colleague says in his own words whose trouble the vendor's mail is about that he
  forwards: an identifier, or the name of who reported it and more.
* **The ticket that is open already.** Our answer to a user says that a ticket is open with a vendor: the one that by
  then stands alone, whose receipt came within the day before, and which shares an identifier or much with the report.

Subject words and people alone join nothing. Each join names the words it rests on. Two mails are compared when they
share a key of content (``keys.content_keys``) that no crowd holds: a word, a person, a vendor that more than ``CROWD``
cases had in that fortnight, up to the mail in question, tells none of them from the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from service.case.answers import answers_by_time, answers_by_words, unasked_answer
from service.case.exchanges import asks_for_the_cause
from service.case.group import Evidence, Group, Groups
from service.case.node import Node
from service.case.reach import Alive, Join, Reach, own_of
from service.case.reports import fresh_inquiry, join_again, join_inquiry, join_second, second_report
from service.case.tickets import join_told, told_ticket


def join_by_content(groups: Groups, reach: Reach | None = None) -> dict[int, Evidence]:
    """Join groups, in the order in which their mails were written: each knows what went before it. The new evidence."""
    found: dict[int, Evidence] = {}
    alive = Alive(groups, reach)
    if reach is not None:
        for group in groups.kept():
            firsts = _firsts(group)
            seeking = [one for one in firsts if seeks(one)]
            reach.openers |= {one.id: (firsts[0] if one.side == "vendor" else one).id for one in seeking}
            reach.beside |= dict.fromkeys((one.id for one in seeking), frozenset(one.id for one in seeking))
        _stay(groups, alive, found)
    if reach is not None and not reach.complete:
        return found

    others = groups.kept()
    begun = [(*_begun(group), group, False) for group in others]
    told = [(m.at, group.index, group, True) for group in others for m in group.members if m.tells_ticket]
    opened: dict[int, int] = {}
    """Message → what opened the case that it was joined to last."""
    for _, _, group, tells in sorted([*begun, *told], key=lambda one: one[:2]):
        if not tells and groups.root(group.index) != group.index:
            continue
        # by the time we tell of a ticket it is known whom it was opened for
        group, argue = (groups.all[groups.root(group.index)], join_told) if tells else (group, _argued)
        while (join := argue(groups, others, group, alive)) is not None:
            # what an inquiry and its answer are together may belong to a report
            message, opener = join.message.id, next(iter(own_of(join.group.members)), None)
            group = groups.union(group, join.group)
            if message in opened:
                # one mail speaks for two cases: what opened the one before rests on it as well
                found.setdefault(opened[message], replace(found[message], message=message))
            found[message] = Evidence("content", join.words, join.pointed.id)
            if opener is not None:
                opened[message] = opener.id
    return found


def _argued(groups: Groups, others: Sequence[Group], group: Group, alive: Alive) -> Join | None:
    by_vendor = (answers_by_words, answers_by_time)
    arguments = (join_second, join_again, *by_vendor, join_inquiry, asks_for_the_cause)
    joins = (argue(groups, others, group, alive) for argue in arguments)
    return next((join for join in joins if join is not None), None)


def seeks(node: Node) -> bool:
    """Whether content may join the mail to an earlier one: a vendor's, the team's to a vendor, and a user's that tells
    of what was told before. All others wait."""
    asks = node.side == "team" and node.to_vendor is not None
    return node.side == "vendor" or asks or node.second or node.tells_ticket


def _begun(group: Group) -> tuple[datetime, int]:
    own = (m.at for m in own_of(group.members))
    return next(own, group.members[0].at), group.index


def _firsts(group: Group) -> list[Node]:
    """Which of its messages an argument may be about or rest on, now or when the group was joined to another."""
    own = own_of(group.members)
    people = [m for m in own if not m.automatic]
    # what a vendor's receipt belongs to is asked again when somebody writes for the vendor
    begun = bool(own) and own[0].side == "vendor"
    spoken = (m for m in group.members if begun and m.side == "vendor" and not m.automatic and m.origin != "quoted")
    by_vendor, noted = next(spoken, None), next((m for m in people if begun and m.notes), None)
    ticket = told_ticket(group) if any(m.tells_ticket for m in own) else None
    return [*own[:1], *people[:1], *[m for m in (by_vendor, noted, ticket) if m is not None]]


def _stay(groups: Groups, alive: Alive, found: dict[int, Evidence]) -> None:
    """Leave groups where content put them before, when they were not compared with all that may matter."""
    kept = groups.kept()
    of_case: dict[int, list[Group]] = defaultdict(list)
    for group in kept:
        for case in {m.case for m in group.members if m.case is not None}:
            of_case[case].append(group)
    for group in kept:
        if not any(m.placed == "content" for m in group.members):
            continue
        for opener in (unasked_answer(group), fresh_inquiry(group), second_report(group), told_ticket(group)):
            if opener is None or opener.case is None or opener.placed != "content" or opener.id in alive:
                continue
            root = groups.root(group.index)
            rested = groups.of(opener.rests) if opener.rests is not None else None
            if rested is None or not any(m.case == opener.case for m in rested.members):
                rested = next((one for one in of_case[opener.case] if groups.root(one.index) != root), None)
            if rested is not None:
                groups.union(groups.all[root], rested)
                found[opener.id] = Evidence("content", "", opener.rests)
