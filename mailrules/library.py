"""Loads the catalogue, rules, vendors, packs and the site file. Only this module reads these files."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from mailrules import catalogue
from mailrules.catalogue import Catalogue
from mailrules.engine.checklist import Checklist
from mailrules.engine.conditions import group_of
from mailrules.engine.judge import Rules, kept_conclusions
from mailrules.engine.organisation_phrases import OrganisationPhraseReader, site_finders
from mailrules.engine.pack import Pack, VendorPack
from mailrules.engine.rulefile import FACTS, Rule, RuleFile, WrittenRule, rule_of
from mailrules.engine.sources import Library, Source
from mailrules.patterns import compile_pattern
from mailrules.reader import mailview
from mailrules.reader.concepts import ConceptMatcher, shipped_vocabulary
from mailrules.reader.embedded import EmbeddedReader
from mailrules.reader.weights import FILES, shipped_weights
from mailrules.resources import read_yaml
from mailrules.site import Site
from mailrules.vendors import Vendors
from mailrules.vendors.references import References
from mailrules.yaml_validation import PackError as PackError
from mailrules.yaml_validation import line_of, near, validated

HERE = Path(__file__).parent
VENDORS = HERE / "vendors"
FINAL_FACTS = {"kind": (), "priority": ("kind",), "triage": ("kind",), "checklist": ("kind",)}
"""Question → facts that its `final` rules may use in addition to the results of its own `rules`."""
FOLDERS = ("rules", "catalogue", "concepts", "reader")  # folders whose YAML files affect the conclusions
QUESTIONS = ("kind", "acts", "asks", "tone", "parked", "problem", "standing", "priority", "triage", "checklist")


def load(folders: Sequence[Path] = (), site: Path | None = None) -> Rules:
    """Load the shipped rules, then the packs of `folders` in this order. Raises PackError."""
    return build(collect(folders, site))


def collect(folders: Sequence[Path] = (), site: Path | None = None) -> Library:
    """Read and validate all packs. Raises PackError."""
    sources = [_shipped(file, file.stat().st_mtime_ns) for file in sorted(VENDORS.glob("*.yaml"))]
    for folder in folders:
        if not folder.is_dir():
            raise PackError(folder, None, "", "is not a folder; SODAN_PACKS and --packs name folders of packs")
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
    written = {question: read_yaml("rules", f"{question}.yaml") for question in QUESTIONS}
    files = {question: _file(question, written[question], library, meanings) for question in QUESTIONS}
    required = _required(written["checklist"]["required"], library, meanings)
    return Rules(
        version=version_of(library),
        packs=tuple(pack.pack for pack, _ in library.own),
        catalogue=meanings,
        files=files,
        answers={ask: group_of({"any": list(terms)}) for ask, terms in written["asks"]["answers"].items()},
        checklist=Checklist(meanings, required, files["checklist"]),
        vendors=_vendors(library),
        reader=EmbeddedReader(_matcher(library)),
        organisation_phrases=_organisation_phrases(library, meanings),
        detectable_absences={
            language: frozenset(items) for language, items in read_yaml("reader", "detectable_absences.yaml").items()
        },
        site=library.site,
    )


def clear_caches() -> None:
    """Clear all caches. Their contents can be computed again. Automata of patterns grow with every new text."""
    for cached in (_shipped, compile_pattern, kept_conclusions):
        cached.cache_clear()
    mailview.clear_caches()


def version_of(library: Library) -> str:
    """Return `rules-<digest>`, a version that changes with any rule, pack or reader data."""
    digest = hashlib.sha256(shipped_weights().version.encode())
    for name in FILES[1:]:  # the version of the embedded reader is in the digest
        digest.update((HERE / "reader" / name).read_bytes())
    for file in sorted(file for folder in FOLDERS for file in (HERE / folder).glob("*.yaml")):
        digest.update(file.read_bytes())
    for source in library.sources:
        digest.update(source.pack.pack.encode() + b"\0" + source.text.encode() + b"\0")
    digest.update(library.site.model_dump_json().encode())
    return f"rules-{digest.hexdigest()[:12]}"


@cache
def _shipped(file: Path, _written: int) -> Source:
    """Read a shipped vendor file. Cached per process until its modification time changes."""
    text = _text(file)
    return Source(file, text, validated(VendorPack, file, text))


def read_pack(file: Path) -> Source:
    """Read one file of the organisation as a pack. Raises PackError."""
    text = _text(file)
    return Source(file, text, validated(Pack, file, text))


def read_site(file: Path) -> Site:
    """Read the site file. Raises PackError."""
    return validated(Site, file, _text(file))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "the text is not UTF-8"
        raise PackError(file, None, "", f"cannot be read: {reason}") from None


@contextmanager
def _placed(source: Source, entry: str) -> Iterator[None]:
    """Raise a ValueError again as a PackError that names this entry of a pack."""
    try:
        yield
    except ValueError as error:
        raise PackError(source.file, source.line(entry), entry, str(error)) from None


def _catalogue(library: Library) -> Catalogue:
    meanings = catalogue.load()
    for pack, source in library.own:
        for meaning in pack.meanings:
            with _placed(source, meaning.id):
                meanings = meanings.extended([meaning], pack.pack)
    return meanings


def _file(question: str, written: Mapping[str, Any], library: Library, meanings: Catalogue) -> RuleFile:
    """Return a shipped rule file with the organisation's rules.

    A rule of the organisation replaces a shipped rule with its id.
    """
    shipped = Source(HERE / "rules" / f"{question}.yaml", "", VendorPack(pack=question))
    stages = {
        stage: {rule["id"]: (WrittenRule(**rule), question, shipped) for rule in written.get(stage) or ()}
        for stage in ("rules", "final")
    }
    stage = "rules" if stages["rules"] else "final"
    for pack, source in library.own:
        own = {rule.id: (rule, source.file.name, source) for rule in pack.rules.get(question, ())}
        stages[stage] = own | {id: rule for id, rule in stages[stage].items() if id not in own}

    def compiled(stage: str, facts: Collection[str]) -> Iterator[Rule]:
        for rule, file, source in stages[stage].values():
            with _placed(source, rule.id):
                yield rule_of(rule, file, meanings, facts)

    rules = tuple(compiled("rules", FACTS))
    made = {rule.gives.partition(" is ")[0] for rule in rules if " is " in rule.gives}
    return RuleFile(question, rules, tuple(compiled("final", FACTS | made | set(FINAL_FACTS.get(question, ())))))


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


def _organisation_phrases(library: Library, meanings: Catalogue) -> OrganisationPhraseReader:
    finders = [(finder, "site") for finder in site_finders(library.site)]
    for pack, source in library.own:
        for finder in pack.find:
            with _placed(source, finder.id):
                if fault := meanings.fault(finder.meaning, finder.state):
                    raise ValueError(fault)
                OrganisationPhraseReader([(finder, pack.pack)])
            finders.append((finder, pack.pack))
    return OrganisationPhraseReader(finders)


def _matcher(library: Library) -> ConceptMatcher | None:
    """Return a matcher with the words of the organisation; None if it has none."""
    if not any(pack.words for pack, _ in library.own):
        return None
    words = deepcopy(shipped_vocabulary())
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
        with _placed(source, vendor.id if vendor else source.pack.pack):
            References([vendor] if vendor else [], source.pack.references, source.pack.never)
    return Vendors(
        list(profiles.values()),
        [said for pack in packs for said in pack.references],
        library.site.vendors,
        never=[pattern for pack in packs for pattern in pack.never],
        incidental=[pack.incidental for pack in packs],
    )
