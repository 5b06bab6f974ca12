"""Field types for packs and the site file: words, times of day, countries, time zones."""

from datetime import time
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from holidays.registry import COUNTRIES
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from mailrules.patterns import compile_pattern


def _has_a_letter(word: str) -> str:
    if not word.strip().rstrip("*").strip():
        raise ValueError(f"a name without a letter: {word!r}")
    return word


def _matches_a_name(host: str) -> str:
    if compile_pattern(host).search("") is not None:
        raise ValueError(f"{host!r} also matches an empty text; write a pattern that needs at least one character")
    return host


def _is_address(value: str) -> str:
    local, at, domain = value.strip().rpartition("@")
    if not at or not domain or "@" in local or " " in value.strip():
        raise ValueError(f"expected an address or @domain, not {value!r}")
    return value.strip()


def _as_clock(value: Any) -> Any:
    if isinstance(value, str) and value[1:2] == ":":
        return f"0{value}"
    return time(0) if value == "24:00" else value


def _known_country(value: str) -> str:
    country = "none" if value.lower() == "none" else value.upper()
    if country != "none" and country not in _COUNTRIES:
        raise ValueError(f"no holidays are known for {value!r}: write an ISO 3166 code such as JP, or none")
    return country


_COUNTRIES = frozenset(code for entry in COUNTRIES.values() for code in entry[1:] if len(code) == 2)
"""Read from the registry of the library: its own list of countries imports the module of every country."""


class Model(BaseModel):
    """Base class: an unknown key is an error, so that a misspelt field is reported."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Bilingual(Model):
    """The same text in Japanese and English."""

    ja: str
    en: str

    def in_language(self, language: str) -> str:
        return self.ja if language == "ja" else self.en


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]  # an identifier
_ONE_OR_MORE = BeforeValidator(lambda value: [value] if isinstance(value, str) else value)
Words = Annotated[list[str], _ONE_OR_MORE]
Names = Annotated[list[Annotated[str, AfterValidator(_has_a_letter)]], _ONE_OR_MORE]
Hosts = Annotated[list[Annotated[str, AfterValidator(_matches_a_name)]], _ONE_OR_MORE]  # RE2 patterns
Addresses = Annotated[str, AfterValidator(_is_address)]  # an address, or ``@domain`` for all addresses of a domain
Clock = Annotated[time, BeforeValidator(_as_clock)]
"""A time of day such as ``09:00``. ``24:00``, the end of the day, is stored as midnight."""
Country = Annotated[str, AfterValidator(_known_country)]  # an ISO 3166 code, or ``none``


class OpeningHours(Model):
    """Working days and hours. Closing at midnight means the end of the day."""

    days: Literal["mon-fri", "mon-sat", "all"] = "mon-fri"
    open: Clock = time(9)
    close: Clock = time(17, 30)
    zone: ZoneInfo = ZoneInfo("Asia/Tokyo")

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> Self:
        if self.close != time(0) and self.open >= self.close:
            raise ValueError(f"open ({self.open:%H:%M}) must be before close ({self.close:%H:%M})")
        return self
