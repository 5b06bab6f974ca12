"""Decides, once for each new mail, which case it belongs to. Returns what to write.

First, ``follow_strong_evidence`` puts mails into cases and may merge cases. Then ``finish`` compares each mail without
strong evidence once with its candidates: the mail joins a case, is suggested for a case, or opens a case. Nothing here
reads the store: between the two steps, the caller adds the candidates to ``known``.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from service.cases.facts.message_facts import MessageFacts
from service.cases.placement import matcher, objections
from service.cases.placement.candidates import NEWEST, rarity
from service.cases.placement.identity import is_better_copy, known_copy, merge_copies
from service.cases.placement.keys import candidate_lookup, identity_lookup, message_id_keys
from service.cases.placement.known import CaseFacts, Copy, Evidence, Known, Plan, Suggestion, leaves_topic
from service.cases.placement.links import Link, links_of

NO_MERGE = "the evidence is not enough to merge the two cases"
ANSWERS = "the mail answers a mail of this case"


class Placer:
    """Places mails in the given order and adds them to ``known``. A new case has the id of its first message."""

    def __init__(self, known: Known, reopen: timedelta = timedelta(days=14)) -> None:
        self.known, self.reopen, self.plan = known, reopen, Plan()
        self.members: dict[int, dict[int, None]] = defaultdict(dict)
        self.new_messages: dict[int, None] = {}
        self.unmatched: dict[int, list[MessageFacts]] = {}  # a mail without strong evidence → its new messages
        self.lookups: dict[int, set[str]] = {}
        self.profiles: dict[tuple[int, ...], matcher.Profile] = {}
        self.group_by_case()

    def group_by_case(self) -> None:
        """Sort the loaded messages by case."""
        for node in self.known.nodes.values():
            if node.case is not None:
                self.members[self.root(node.case)][node.id] = None

    def follow_strong_evidence(self, mail: Sequence[MessageFacts]) -> None:
        """Follow the strong evidence of a mail. ``mail`` holds the mail itself, then the messages found inside it."""
        outer, own = mail[0], {node.id for node in mail}
        ids = {node.id: self.deduplicate(node, own) for node in mail}
        first = ids[outer.id]
        known = self.known.nodes[first]
        holds = dict.fromkeys(ids.get(i, i) for i in (*known.holds, *outer.holds))
        holds.pop(first, None)
        if tuple(holds) != known.holds:
            self.plan.nodes[first] = self.known.nodes[first] = known.evolve(holds=tuple(holds))
        for node in reversed(mail[1:]):
            if ids[node.id] == node.id and not node.shown_by:
                self.follow_links(node.id, open_new=False)
        self.follow_links(first, open_new=True)
        self.place_inner_messages(first)
        home = self.case_of_message(first) or 0
        is_new = first == outer.id and self.plan.evidence[first].kind == "new"
        if is_new and set(self.members[home]) <= {*ids.values()}:
            nodes = [self.known.nodes[i] for i in dict.fromkeys(ids.values()) if self.case_of_message(i) == home]
            self.unmatched[first] = nodes
            self.lookups[first] = {key for node in nodes for key in candidate_lookup(node)}

    def deduplicate(self, node: MessageFacts, own: set[int]) -> int:
        """Match a message with its known copy, or add it as new. Return the id of the copy or of the new message."""
        near = dict.fromkeys(i for key in identity_lookup(node) for i in self.known.own.get(key, ()) if i not in own)
        same = known_copy(node, [self.known.nodes[i] for i in near if i in self.known.nodes])
        if same is None:
            if any(self.known.owners(key) for key in message_id_keys(node)):
                self.plan.reused.add(node.id)
            self.new_messages[node.id] = None
            self.plan.nodes[node.id] = node
            self.plan.keys[node.id] = self.known.add(node)
            return node.id
        other, why = same
        self.plan.copies[node.id] = Copy(other.id, why, is_better_copy(other, node))
        whole = merge_copies(other, node)
        if whole != other:
            self.plan.nodes[other.id] = whole
            self.plan.keys[other.id] = self.known.add(whole)
        return other.id

    # ── strong evidence ──────────────────────────────────────────────────────────────────────────────────────────────

    def follow_links(self, message: int, *, open_new: bool) -> None:
        """Put a message into the case of its strongest link, and merge the cases of its other links."""
        node = self.known.nodes[message]
        runners: dict[int, Evidence] = {}
        home = None if node.case is None else self.root(node.case)
        for link in self.unambiguous_links(node, runners):
            case = self.case_of_link(link)
            if case is None or case == home:
                continue
            evidence = Evidence(link.kind, link.words, link.other.id if link.other else None)
            against = objections.objection(node, link, self.facts_of(case), self.messages_of(case), self.reopen)
            if not against and home is not None and not self.may_merge(node, home, case):
                against = NO_MERGE
            if against:
                runners.setdefault(case, replace(evidence, case=case, against=against))
                continue
            if home is None:
                home = case
                self.put_in_case(message, home, evidence)
            else:
                home = self.merge_cases(home, case)
        if home is None and open_new:
            home = self.new_case(message)
            self.put_in_case(message, home, Evidence("new"))
        if home is not None:
            self.record_other_cases(message, home, runners)

    def unambiguous_links(self, node: MessageFacts, runners: dict[int, Evidence]) -> Iterable[Link]:
        """Yield the links of a message. If mentioned numbers lead to different cases, the links by these are left out.

        The cases of the links that are left out are added to ``runners``.
        """
        found = [*links_of(node, self.known)]
        homes: dict[str, set[int]] = defaultdict(set)  # mentioned number → the cases that it leads to
        for link in found:
            if link.kind == "mention" and (case := self.case_of_link(link)) is not None:
                homes[link.words.rpartition(" ")[2]].add(case)
        at_odds = len({*map(frozenset, homes.values())}) > 1
        for link in found:
            if link.kind != "mention" or not at_odds:
                yield link
            elif (case := self.case_of_link(link)) is not None:
                runners.setdefault(case, Evidence(link.kind, link.words, case=case, against=objections.TWO_NUMBERS))

    def record_other_cases(self, message: int, home: int, runners: dict[int, Evidence]) -> None:
        """Record the other cases to which the links of a message point."""
        for case, evidence in runners.items():
            if (other := self.root(case)) == home:
                continue
            self.plan.runners_up.setdefault(message, []).append(evidence)
            if evidence.against != objections.UNKNOWN_SENDER_CLAIMS:
                self.plan.related.setdefault((home, other), (message, evidence.against))
            if evidence.against in objections.SEPARATE:
                self.facts_of(home).apart.add(case)
                self.facts_of(case).apart.add(home)

    def may_merge(self, node: MessageFacts, home: int, case: int) -> bool:
        """Whether a message that links to two cases merges them. An unknown sender alone cannot."""
        if node.doubted or self.are_apart(home, case):
            return False
        one, other = self.facts_of(home), self.facts_of(case)
        members = [*self.messages_of(home), *self.messages_of(case)]
        if not node.is_outsider or not (one.guarded or other.guarded):
            return True
        return all(objections.takes_part(node, facts, members) for facts in (one, other))

    def are_apart(self, home: int, case: int) -> bool:
        """Whether a person separated two cases, or they have numbers of one vendor, but none in common."""
        one, other = self.facts_of(home), self.facts_of(case)
        separated = home in map(self.root, other.apart) or case in map(self.root, one.apart)
        return separated or objections.numbers_at_odds(one, other)

    def place_inner_messages(self, message: int) -> None:
        """Put the messages found inside a message into its case, unless they are in a case already."""
        home = self.case_of_message(message)
        if home is None:
            return
        for inner in (self.known.nodes[i] for i in self.known.nodes[message].holds if i in self.known.nodes):
            if inner.origin != "delivered" and self.case_of_message(inner.id) is None:
                self.put_in_case(inner.id, home, Evidence("recovered", "", message))

    # ── everything else: decided once ────────────────────────────────────────────────────────────────────────────────

    def compare_content(self, message: int, nodes: Sequence[MessageFacts]) -> None:
        """Score a mail without strong evidence against its candidates."""
        outer, home = nodes[0], self.case_of_message(message) or 0
        if any(i not in self.new_messages for i in self.members[home]):
            return  # a later mail of the batch linked it to a stored case
        answered = self.plan.runners_up.setdefault(message, [])
        if outer.forged or any(r.against not in objections.APART for r in answered) or not has_content(outer, nodes):
            return
        self.plan.suggestions += [Suggestion(message, r.case, 0.5, (ANSWERS,)) for r in answered]
        if leaves_topic(outer):
            return
        candidates = self.candidates(message, nodes, home)
        if not candidates:
            return
        ranked = matcher.compare(matcher.Profile(nodes), candidates, rarity(nodes, self.known.shared))
        best, second = ranked[0], ranked[1] if len(ranked) > 1 else None
        runners = [Evidence("content", matcher.BETWEEN.join(s.reasons), case=s.case, score=s.score) for s in ranked]
        joins = matcher.joins(best, second) and self.may_join(outer, best.case) and not answered
        answered += runners[1:] if joins else runners
        if joins:
            self.merge_cases(best.case, home)
            margin = None if second is None else round(best.logit - second.logit, 2)
            for node in nodes:
                if self.plan.evidence[node.id].kind == "new":
                    self.plan.evidence[node.id] = replace(runners[0], case=0, margin=margin)
        else:
            near = [its for its in ranked[: matcher.MOST_SUGGESTED] if its.score >= matcher.SUGGEST]
            self.plan.suggestions += [Suggestion(message, s.case, s.score, s.reasons) for s in near if s.reasons]

    def may_join(self, outer: MessageFacts, case: int) -> bool:
        """Whether a mail is allowed to join a case by similar content.

        The author of the mail and an author in the case must be known and trusted. A partner must also take part in
        the case.
        """
        members = self.messages_of(case)
        known = outer.side != "unknown" and any(n.side != "unknown" and n.trusted for n in members)
        return (
            known
            and not outer.doubted
            and (outer.partner is None or objections.takes_part(outer, self.facts_of(case), members))
        )

    def candidates(self, message: int, nodes: Sequence[MessageFacts], home: int) -> dict[int, matcher.Profile]:
        """Return the cases to compare with a mail, without the mails that follow it in the batch."""
        last = min(n.id for n in nodes)
        of_batch = [n for key in self.lookups[message] & self.known.own.keys() for n in self.known.owners(key)]
        of_batch += [self.known.nodes[i] for i in [i for i in self.new_messages if i > last][-NEWEST:]]
        near = {self.root(case) for case in (*self.known.near.get(message, ()), *(n.case for n in of_batch)) if case}
        found = {}
        for case in near - {home}:
            before = [n for n in self.messages_of(case) if n.id > last]
            if before and not self.is_ruled_out(nodes[0], home, case):
                found[case] = self.profile(before)
        return found

    def profile(self, members: Sequence[MessageFacts]) -> matcher.Profile:
        """Return the profile of these messages of a case. It is cached for other mails of the batch."""
        ids = tuple(n.id for n in members)
        if ids not in self.profiles:
            self.profiles[ids] = matcher.Profile(members)
        return self.profiles[ids]

    def is_ruled_out(self, outer: MessageFacts, home: int, case: int) -> bool:
        """Whether similar content must not join two cases: they must stay apart, or one was solved long ago."""
        settled_at = self.facts_of(case).settled_at
        return self.are_apart(home, case) or (settled_at is not None and outer.at - settled_at > self.reopen)

    # ── cases ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def put_in_case(self, message: int, home: int, evidence: Evidence) -> None:
        node = self.known.nodes[message].evolve(case=home)
        self.known.nodes[message] = node
        self.members[home][message] = None
        if message in self.plan.nodes:
            self.plan.nodes[message] = node
        self.plan.evidence[message] = evidence
        self.facts_of(home).add(node)

    def new_case(self, message: int) -> int:
        return message

    def merge_cases(self, one: int, other: int) -> int:
        """Merge two cases and return the remaining one: the stored case, otherwise the older."""
        stays, goes = sorted((one, other), key=lambda case: (case < 0, abs(case)))
        self.known.aliases[goes] = stays
        facts, gone = self.facts_of(stays), self.known.cases[goes]
        facts.refs |= gone.refs
        facts.people |= gone.people
        facts.guarded |= gone.guarded
        facts.apart |= gone.apart
        settled = (facts.settled_at, gone.settled_at)
        facts.settled_at = None if None in settled else max(filter(None, settled))
        self.members[stays] |= self.members.pop(goes, {})
        if goes > 0:
            self.plan.merged_cases[goes] = stays
        return stays

    def root(self, case: int) -> int:
        while case in self.known.aliases:
            case = self.known.aliases[case]
        return case

    def facts_of(self, case: int) -> CaseFacts:
        return self.known.cases[self.root(case)]

    def case_of_link(self, link: Link) -> int | None:
        if link.other is not None:
            return self.case_of_message(link.other.id)
        case = None if link.case is None else self.root(link.case)
        return case if case in self.known.cases else None

    def case_of_message(self, message: int) -> int | None:
        case = self.known.nodes[message].case if message in self.known.nodes else None
        return None if case is None else self.root(case)

    def messages_of(self, case: int) -> list[MessageFacts]:
        return [self.known.nodes[i] for i in self.members[self.root(case)]]

    def finish(self) -> Plan:
        """Place the mails without strong evidence. In the plan, replace merged cases by the remaining cases."""
        self.group_by_case()
        for message, nodes in self.unmatched.items():
            self.compare_content(message, nodes)
        plan = self.plan
        plan.home = {i: case for i in plan.nodes if (case := self.case_of_message(i)) is not None}
        plan.merged_cases = {case: self.root(case) for case in plan.merged_cases}
        for runners in plan.runners_up.values():
            runners[:] = [replace(runner, case=self.root(runner.case)) for runner in runners]
        suggestions = [replace(found, case=self.root(found.case)) for found in plan.suggestions]
        plan.suggestions = [found for found in suggestions if found.case != self.case_of_message(found.message)]
        pairs = {(self.root(a), self.root(b)): why for (a, b), why in plan.related.items()}
        plan.related = {(a, b): why for (a, b), why in pairs.items() if a != b}
        copies = plan.copies.values()
        renewed = {copy.message for copy in copies if copy.better} | {i for i in plan.nodes if i > 0}
        renewed |= {i for i, node in plan.nodes.items() if node.hands_on}
        plan.rewritten = {*plan.merged_cases.values(), *filter(None, map(self.case_of_message, renewed))}
        plan.touched = {*plan.rewritten, *plan.home.values(), *(s.case for s in plan.suggestions)}
        plan.touched |= {*filter(None, (self.case_of_message(copy.message) for copy in copies))}
        return plan


def has_content(outer: MessageFacts, nodes: Sequence[MessageFacts]) -> bool:
    """Whether a mail has text to compare with cases.

    For automatic mail this is true only if a vendor sent it, and if it is no bounce, receipt or calendar mail.
    """
    if outer.automatic and (outer.side != "vendor" or outer.automatic in ("bounce", "calendar", "receipt")):
        return False
    return any(n.words or n.subject_words for n in nodes)
