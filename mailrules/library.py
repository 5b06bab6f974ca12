"""Loads the catalogue, rules, vendors, packs and the site file. Only this module reads these files."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from mailrules import catalogue
from mailrules.catalogue import Catalogue, CatalogueError, read_meanings
from mailrules.engine import judge
from mailrules.engine.checklist import Checklist
from mailrules.engine.conditions import ConditionError, Group, group_of
from mailrules.engine.house import OrganisationPhraseReader, site_finders
from mailrules.engine.judge import Rules
from mailrules.engine.pack import Pack, VendorPack
from mailrules.engine.rulefile import RuleError, RuleFile, rule_file
from mailrules.engine.sources import Library, Source
from mailrules.patterns import PatternError
from mailrules.patterns import clear_caches as forget_compiled
from mailrules.reader import mailview
from mailrules.reader.concepts import ConceptMatcher, shipped_vocabulary
from mailrules.reader.embedded import EmbeddedReader
from mailrules.reader.weights import FILES, shipped_weights
from mailrules.site import Site
from mailrules.vendors import Vendors
from mailrules.vendors.references import References
from mailrules.written import PackError as PackError
from mailrules.written import as_yaml, line_of, near, parsed

HERE = Path(__file__).parent
VENDORS, RULES, SEES = HERE / "vendors", HERE / "rules", HERE / "reader" / "sees.yaml"
MADE = {"kind": (), "priority": ("kind",), "triage": ("kind",), "checklist": ("kind",)}
"""Question → facts that its `final` rules may use in addition to the results of its own `rules`."""
WORDED = ("rules", "catalogue", "concepts", "reader")  # folders whose YAML files affect the conclusions
QUESTIONS = ("kind", "acts", "asks", "tone", "parked", "problem", "standing", "priority", "triage", "checklist")


def load(folders: Sequence[Path] = (), site: Path | None = None) -> Rules:
    """Load the shipped rules, then the packs of `folders` in this order. Raises PackError."""
    return build(collect(folders, site))


def collect(folders: Sequence[Path] = (), site: Path | None = None) -> Library:
    """Read and validate all packs. Raises PackError."""
    sources = [_shipped(file, file.stat().st_mtime_ns) for file in sorted(VENDORS.glob("*.yaml"))]
    for folder in folders:
        if not folder.is_dir():
            raise PackError(folder, 1, "", "is not a folder; SODAN_PACKS and --packs name folders of packs")
        sources += [read_pack(file) for file in sorted(folder.rglob("*.y*ml"))]
    known = read_site(site) if site else Site()
    vendors = {source.pack.vendor.id for source in sources if source.pack.vendor}
    for key, vendor in known.vendors.items():
        if vendor not in vendors and site is not None:
            line = line_of(_text(site), ("vendors", key))
            raise PackError(site, line, "vendors", f"unknown vendor {vendor!r}{near(vendor, vendors)}")
    return Library(tuple(sources), known)


def build(library: Library) -> Rules:
    """Compile a library. Raises PackError."""
    meanings = _catalogue(library)
    written = {question: _shipped_yaml(RULES / f"{question}.yaml") for question in QUESTIONS}
    files = {question: _file(question, written[question], library, meanings) for question in QUESTIONS}
    required = _required(written["checklist"]["required"], library, meanings)
    return Rules(
        version=version_of(library),
        packs=tuple(pack.pack for pack, _ in library.own),
        catalogue=meanings,
        files=files,
        answers=_answers(written["asks"]["answers"]),
        checklist=Checklist(meanings, required, files["checklist"]),
        vendors=_vendors(library),
        reader=EmbeddedReader(_matcher(library)),
        house=_house(library, meanings),
        sees={language: frozenset(items) for language, items in _shipped_yaml(SEES).items()},
        site=library.site,
    )


def clear_caches() -> None:
    """Clear all caches. Their contents can be computed again."""
    _shipped.cache_clear()
    forget_compiled()
    judge.clear_caches()
    mailview.clear_caches()


def version_of(library: Library) -> str:
    """Return `rules-<digest>`, computed from all rules, packs, the site file and the data of the embedded reader."""
    digest = hashlib.sha256(shipped_weights().version.encode())
    for name in FILES[1:]:  # the version of the embedded reader is in the digest
        digest.update((HERE / "reader" / name).read_bytes())
    for file in sorted(file for room in WORDED for file in (HERE / room).glob("*.yaml")):
        digest.update(file.read_bytes())
    for source in library.sources:
        digest.update(source.pack.pack.encode() + b"\0" + source.text.encode() + b"\0")
    digest.update(library.site.model_dump_json().encode())
    return f"rules-{digest.hexdigest()[:12]}"


@cache
def _shipped(file: Path, _written: int) -> Source:
    """Read a shipped vendor file. Cached per process until its modification time changes."""
    text = _text(file)
    return Source(file, text, parsed(VendorPack, file, text))


def read_pack(file: Path) -> Source:
    """Read one file of the organisation as a pack. Raises PackError."""
    text = _text(file)
    return Source(file, text, parsed(Pack, file, text))


def read_site(file: Path) -> Site:
    """Read the site file. Raises PackError."""
    return parsed(Site, file, _text(file))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PackError(file, 1, "", f"cannot be read: {error}") from None


def _shipped_yaml(file: Path) -> dict[str, Any]:
    return dict(as_yaml(file, _text(file)))


def _catalogue(library: Library) -> Catalogue:
    meanings = catalogue.load()
    for pack, source in library.own:
        try:
            meanings = meanings.extended(read_meanings(pack.meanings, source.file.name, pack.pack), source.file.name)
        except CatalogueError as error:
            rule = next((str(m.get("id")) for m in pack.meanings if f" {m.get('id')}: " in str(error)), pack.pack)
            raise PackError(source.file, source.line(rule), rule, str(error).rpartition(f"{rule}: ")[2]) from None
    return meanings


def _file(question: str, written: Mapping[str, Any], library: Library, meanings: Catalogue) -> RuleFile:
    """Return a shipped rule file, preceded by the organisation's rules; the same id replaces the shipped rule."""
    stage = "rules" if written.get("rules") else "final"
    rules = list(written.get(stage) or ())
    for pack, source in library.own:
        for rule in reversed(pack.rules.get(question, ())):
            alone = {"question": question, stage: [rule]}
            try:
                rule_file(
                    alone if stage == "rules" else {**written, **alone},
                    source.file.name,
                    meanings,
                    MADE.get(question, ()),
                )
            except RuleError as error:
                name = str(rule.get("id", pack.pack))
                raise PackError(source.file, source.line(name), name, str(error).rpartition(f"{name}: ")[2]) from None
            rules = [rule, *(one for one in rules if one["id"] != rule["id"])]
    try:
        return rule_file({**written, stage: rules}, question, meanings, MADE.get(question, ()))
    except RuleError as error:
        raise PackError(RULES / f"{question}.yaml", 1, question, str(error)) from None


def _required(
    written: Mapping[str, Mapping[str, Sequence[str]]], library: Library, meanings: Catalogue
) -> Mapping[str, Mapping[str, Sequence[str]]]:
    required = {kind: dict(sets) for kind, sets in written.items()}
    for pack, source in library.own:
        for kind, sets in pack.required.items():
            for towards in ("team", "vendor"):
                items = getattr(sets, towards)
                if items is None:
                    continue
                if unknown := [item for item in items if item not in meanings.items]:
                    said = f"unknown item {unknown[0]!r}{near(unknown[0], meanings.items)}"
                    raise PackError(source.file, source.line(kind), "required", said)
                required[kind][towards] = items
    return required


def _answers(written: Mapping[str, Sequence[str]]) -> dict[str, Group]:
    try:
        return {ask: group_of({"any": list(terms)}) for ask, terms in written.items()}
    except ConditionError as error:
        raise PackError(RULES / "asks.yaml", 1, "answers", str(error)) from None


def _house(library: Library, meanings: Catalogue) -> OrganisationPhraseReader:
    finders = [(finder, "site") for finder in site_finders(library.site)]
    for pack, source in library.own:
        for finder in pack.find:
            fault = meanings.fault(finder.meaning, finder.state)
            try:
                OrganisationPhraseReader([(finder, pack.pack)])
            except PatternError as error:
                fault = fault or str(error)
            if fault:
                raise PackError(source.file, source.line(finder.id), finder.id, fault)
            finders.append((finder, pack.pack))
    return OrganisationPhraseReader(finders)


def _matcher(library: Library) -> ConceptMatcher | None:
    """Return a matcher of the shipped concepts and the organisation's words; None if the organisation has no words."""
    if not any(pack.words for pack, _ in library.own):
        return None
    words = {
        concept: {language: list(some) for language, some in by.items()} for concept, by in shipped_vocabulary().items()
    }
    for pack, _ in library.own:
        for concept, by_language in pack.words.items():
            for language, some in by_language.items():
                words.setdefault(concept, {}).setdefault(language, []).extend(some)
    return ConceptMatcher(words)


def _vendors(library: Library) -> Vendors:
    packs = [source.pack for source in library.sources]
    profiles = {pack.vendor.id: pack.vendor for pack in packs if pack.vendor}
    for source in library.sources:
        vendor = source.pack.vendor
        try:
            References([vendor] if vendor else [], source.pack.references, source.pack.never)
        except (ValueError, PatternError) as error:
            rule = vendor.id if vendor else source.pack.pack
            raise PackError(source.file, source.line(rule), rule, str(error)) from None
    return Vendors(
        list(profiles.values()),
        [said for pack in packs for said in pack.references],
        library.site.vendors,
        never=[pattern for pack in packs for pattern in pack.never],
        incidental=[pack.incidental for pack in packs],
    )
