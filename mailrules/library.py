"""Finds packs on disk and makes rules of them: the only part of ``mailrules`` that touches files.

A pack that is wrong is refused with one line: file, line, rule, and what is wrong. Shipped packs come first; a rule of
the same id in a later folder replaces the earlier one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

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

SHIPPED = Path(__file__).parent / "packs"
_NEVER = "\ue000"
"""A private-use character: the phrase of a signal that has no words at this site."""
OWN_SIGNALS = ("vendor_product", "site_product", "site_installed", "site_host")
"""Signals made from vendor profiles and the site file."""


class PackError(ValueError):
    """A pack that cannot be used. Its text is one line: ``file:line: rule: message``."""

    def __init__(self, file: Path | str, line: int, rule: str, message: str) -> None:
        self.file, self.line, self.rule, self.message = str(file), line, rule, " ".join(message.split())
        super().__init__(f"{self.file}:{line}: {rule + ': ' if rule else ''}{self.message}")


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
    return gather(sources, read_site(site) if site else Site())


def gather(sources: Sequence[Source], site: Site | None = None) -> Library:
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
    return Library(tuple(sources), signals, decisions, site or Site())


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
    data = _yaml(file, text)
    try:
        return Source(file, text, Pack.model_validate(data), shipped)
    except ValidationError as error:
        raise _placed(file, text, error) from None


def read_site(file: Path) -> Site:
    """The site file. Raises ``PackError``."""
    text = _text(file)
    try:
        site = Site.model_validate(_yaml(file, text) or {})
    except ValidationError as error:
        raise _placed(file, text, error) from None
    for pattern in site.hosts:
        try:
            compile_pattern(pattern)
        except PatternError as error:
            raise PackError(file, 1, "hosts", str(error)) from None
    return site


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PackError(file, 1, "", f"cannot be read: {error}") from None


def _yaml(file: Path, text: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader: plain values only
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        raise PackError(file, mark.line + 1 if mark else 1, "", f"is not YAML: {problem}") from None


class _Loader(yaml.CSafeLoader):
    """libyaml with the scalars of YAML 1.2 (core schema, §10.3): ``no``, ``off`` and ``12:30`` are words."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the library's own way
        first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] in ("null", "float", "merge")]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789"))


def _placed(file: Path, text: str, error: ValidationError) -> PackError:
    """The first thing that is wrong, with its line: the text is read again, this time keeping the lines."""
    first = error.errors()[0]
    node: Any = yaml.compose(text, Loader=_Loader)
    line, rule = 1, ""
    for step in first["loc"]:
        rule = _id_of(node) or rule
        if isinstance(node, yaml.MappingNode):
            key, node = next(((k, v) for k, v in node.value if k.value == str(step)), (None, None))
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            key = node = node.value[step]
        else:
            break
        if key is None:
            break
        line = key.start_mark.line + 1
    rule = _id_of(node) or rule
    where = ".".join(str(step) for step in first["loc"] if isinstance(step, str))
    return PackError(file, line, rule, f"{where}: {first['msg']}" if where else first["msg"])


def _id_of(node: Any) -> str:
    """The ``id`` that stands in a mapping."""
    if not isinstance(node, yaml.MappingNode):
        return ""
    return next((str(value.value) for key, value in node.value if key.value == "id"), "")


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
    unknown = set(library.site.vendors.values()) - {profile.id for profile in profiles}
    if unknown:
        raise PackError("site file", 1, "vendors", f"no pack knows the vendor {sorted(unknown)[0]!r}")
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
