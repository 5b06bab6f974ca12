"""Finds packs on disk and makes rules of them: the only part of ``mailrules`` that touches files.

A pack that is wrong is refused with one line: file, line, rule, and what is wrong. Shipped packs come first; a rule of
the same id in a later folder replaces the earlier one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from mailrules.checklist import Checklist
from mailrules.decisions import Decider
from mailrules.judge import Rules
from mailrules.literals import needs
from mailrules.pack import Decision, Item, Pack, Signal, Vendor
from mailrules.patterns import PatternError, Syntax, compile_pattern
from mailrules.patterns import let_go as forget_compiled
from mailrules.reading import Reader, States
from mailrules.references import References
from mailrules.signals import Spotter
from mailrules.site import Site
from mailrules.vendors import Vendors
from mailrules.written import PackError as PackError
from mailrules.written import as_pack, as_site, line_of, near

SHIPPED = Path(__file__).parent / "packs"
_NEVER = "\ue000"
"""A private-use character: the phrase of a signal that has no words at this site."""
OWN_SIGNALS = ("vendor_product", "site_product", "site_installed", "site_host")
"""Signals made from vendor profiles and the site file."""


@dataclass(frozen=True)
class Source:
    """A pack with its file."""

    file: Path
    text: str
    pack: Pack
    shipped: bool

    def line(self, rule: str) -> int:
        """The line where a rule of this id begins, 1 if there is none."""
        match = re.search(
            rf"^[ \t]*(?:-[ \t]*)?\{{?[ \t]*id:[ \t]*['\"]?{re.escape(rule)}['\"]?[ \t]*(?:$|[,}}#])", self.text, re.M
        )
        return self.text.count("\n", 0, match.start()) + 1 if match else 1


@dataclass(frozen=True)
class Library:
    """Every pack that was found, and which signal and decision stand after overriding."""

    sources: tuple[Source, ...]
    signals: dict[str, tuple[Signal, Source]]
    decisions: dict[str, tuple[Decision, Source]]
    site: Site = field(default_factory=Site)


def load(folders: Sequence[Path] = (), site: Path | None = None) -> Rules:
    """The shipped packs, then those of ``folders`` in their order, as rules. Raises ``PackError``."""
    return build(collect(folders, site))


def collect(folders: Sequence[Path] = (), site: Path | None = None) -> Library:
    """Read and validate all packs. Raises ``PackError``."""
    sources = [_shipped(file, file.stat().st_mtime_ns) for file in sorted(SHIPPED.rglob("*.yaml"))]
    for folder in folders:
        if not folder.is_dir():
            raise PackError(folder, 1, "", "is not a folder of packs")
        sources += [read_pack(file, shipped=False) for file in sorted(folder.rglob("*.y*ml"))]
    return gather(sources, read_site(site) if site else Site(), site)


def gather(sources: Sequence[Source], site: Site | None = None, site_file: Path | None = None) -> Library:
    """Put packs together; later rules replace earlier ones of the same id, within the shipped ones that is an error."""
    signals: dict[str, tuple[Signal, Source]] = {}
    decisions: dict[str, tuple[Decision, Source]] = {}
    names: dict[str, Source] = {}
    for source in sources:
        if source.pack.pack in names and source.shipped:
            raise PackError(source.file, 1, source.pack.pack, f"the pack is already in {names[source.pack.pack].file}")
        names[source.pack.pack] = source
        for kind, rules in (("signal", source.pack.signals), ("decision", source.pack.decisions)):
            kept: dict[str, Any] = signals if kind == "signal" else decisions
            mine: set[str] = set()
            for rule in rules:
                earlier = kept.get(rule.id)
                if rule.id in mine or (earlier and earlier[1].shipped and source.shipped):
                    where = earlier[1].file.name if earlier else source.file.name
                    raise PackError(source.file, source.line(rule.id), rule.id, f"this {kind} is already in {where}")
                if rule.id in OWN_SIGNALS:
                    raise PackError(source.file, source.line(rule.id), rule.id, "this name is made by the library")
                mine.add(rule.id)
                kept[rule.id] = (rule, source)
    site = site or Site()
    _check_partners(site, site_file, {source.pack.vendor.id for source in sources if source.pack.vendor})
    return Library(tuple(sources), signals, decisions, site)


def _check_partners(site: Site, file: Path | None, vendors: Collection[str]) -> None:
    """The site file maps domains to vendors that some pack knows."""
    for key, vendor in site.vendors.items():
        if vendor not in vendors:
            line = line_of(_text(file), ("vendors", key)) if file else 1
            said = f"no pack knows the vendor {vendor!r}{near(vendor, vendors)}"
            raise PackError(file or "site file", line, "vendors", said)


def build(library: Library) -> Rules:
    """Compile a library. Raises ``PackError``."""
    profiles = list(_profiles(library))
    signals = [signal for signal, _ in library.signals.values()] + _own_signals(profiles, library.site)
    syntax = Syntax()
    for signal, source in library.signals.values():
        _try_patterns(signal, source, syntax)
    spotter = Spotter(signals)
    decisions = [(decision, source.pack.pack) for decision, source in library.decisions.values()]

    def complain(rule: str, message: str) -> None:
        source = library.decisions[rule][1]
        raise PackError(source.file, source.line(rule), rule, message)

    decider = Decider(decisions, spotter.index, complain)
    items = list(_items(library))
    _check_outcomes(library, {item.id for item in items})
    packs = [source.pack for source in library.sources]
    vendors = _vendors(library, profiles)
    states: dict[str, list[str]] = {}
    required: dict[str, Any] = {}
    for source in library.sources:
        pack = source.pack
        for patterns in pack.states.values():
            _try(patterns, False, source, "states", syntax)
        for state, patterns in pack.states.items():
            states.setdefault(state, []).extend(patterns)
        required.update({str(kind): needs for kind, needs in pack.required.items()})
    return Rules(
        version=version_of(library),
        packs=tuple(pack.pack for pack in packs),
        reader=Reader(spotter, decider, States(states), vendors),
        vendors=vendors,
        checklist=Checklist(items, required),
        tones={tone.id: tone for pack in packs for tone in pack.tones},
        decisions=tuple(decisions),
        site=library.site,
    )


def let_go() -> None:
    """Forget what only serves to load packs once more, and what grew with the texts read: all can be made anew."""
    _shipped.cache_clear()
    needs.cache_clear()
    forget_compiled()


def version_of(library: Library) -> str:
    """``packs-<digest>`` over every word of every pack."""
    digest = hashlib.sha256()
    for source in library.sources:
        digest.update(source.pack.pack.encode() + b"\0" + source.text.encode() + b"\0")
    digest.update(library.site.model_dump_json().encode())
    return f"packs-{digest.hexdigest()[:12]}"


@cache
def _shipped(file: Path, _written: int) -> Source:
    """A shipped pack, read once a process as long as nobody writes to it."""
    return read_pack(file, shipped=True)


def read_pack(file: Path, *, shipped: bool) -> Source:
    """One file as a pack. Raises ``PackError``."""
    text = _text(file)
    return Source(file, text, as_pack(file, text), shipped)


def read_site(file: Path) -> Site:
    """The site file. Raises ``PackError``."""
    return as_site(file, _text(file))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PackError(file, 1, "", f"cannot be read: {error}") from None


def _profiles(library: Library) -> Iterator[Vendor]:
    """Vendor profiles; a later pack's profile of the same id replaces the earlier."""
    profiles = {source.pack.vendor.id: source.pack.vendor for source in library.sources if source.pack.vendor}
    yield from profiles.values()


def _items(library: Library) -> Iterable[Item]:
    return {item.id: item for source in library.sources for item in source.pack.checklist}.values()


def _own_signals(profiles: Sequence[Vendor], site: Site) -> list[Signal]:
    products = [word for profile in profiles for word in (*profile.products, *profile.names)]
    return [
        Signal(id="vendor_product", phrases=products or [_NEVER]),
        Signal(id="site_product", phrases=[*site.products, *site.installed] or [_NEVER]),
        Signal(id="site_installed", phrases=list(site.installed) or [_NEVER]),
        Signal(id="site_host", patterns=[rf"\b(?:{host})\b" for host in site.hosts], phrases=[_NEVER]),
    ]


def _try_patterns(signal: Signal, source: Source, syntax: Syntax) -> None:
    outside = (*signal.labels, *signal.files, *signal.headers.values())
    written = (*signal.patterns, *signal.not_, *signal.not_after, *signal.not_before)
    _try((*outside, *written), signal.case, source, signal.id, syntax)
    for phrase in signal.phrases:
        if not phrase.rstrip("*").strip():
            raise PackError(source.file, source.line(signal.id), signal.id, f"empty phrase {phrase!r}")


def _try(patterns: Iterable[str], case: bool, source: Source, rule: str, syntax: Syntax) -> None:
    """Patterns of shipped packs are compiled by the tests, and only read here: most are never looked for."""
    check = syntax.check if source.shipped else compile_pattern
    for pattern in patterns:
        try:
            check(pattern, case)
        except PatternError as error:
            raise PackError(source.file, source.line(rule), rule, str(error)) from None


def _vendors(library: Library, profiles: Sequence[Vendor]) -> Vendors:
    for source in library.sources:
        profile = source.pack.vendor
        try:
            References([profile] if profile else [], source.pack.references, source.pack.never)
        except ValueError as error:
            rule = profile.id if profile else source.pack.pack
            raise PackError(source.file, source.line(rule), rule, str(error)) from None
    generic = [said for source in library.sources for said in source.pack.references]
    packs = [source.pack for source in library.sources]
    return Vendors(
        profiles,
        generic,
        library.site.vendors,
        never=[pattern for pack in packs for pattern in pack.never],
        incidental=[pack.incidental for pack in packs],
    )


def _check_outcomes(library: Library, items: set[str]) -> None:
    """Outcomes name items, tones and topics that some pack lists."""
    tones = {tone.id for source in library.sources for tone in source.pack.tones}
    topics = {topic.id for source in library.sources for topic in source.pack.topics}
    for decision, source in library.decisions.values():
        then = decision.then
        asked = (then.ask or "").partition(":")[2]
        for kind, name, known in (
            ("item", then.item if then.item != "about" else None, items),
            ("item", asked or None, items),
            ("tone", then.tone, tones),
            ("topic", then.parked, topics),
        ):
            if name and name not in known:
                raise PackError(
                    source.file, source.line(decision.id), decision.id, f"no pack lists the {kind} {name!r}"
                )
    for signal, source in library.signals.values():
        if signal.about and signal.about not in items:
            raise PackError(source.file, source.line(signal.id), signal.id, f"no pack lists the item {signal.about!r}")
