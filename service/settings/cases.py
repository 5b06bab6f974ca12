"""Settings of cases: their keys, when they are reopened and deleted, own rules and names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode

from service.settings.values import split


class CasePolicy(BaseSettings):
    """Settings of cases: their keys, when they are reopened and deleted, own rules and names."""

    packs: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="additional rule-pack folders, separated by `:`, loaded after the shipped ones"
    )
    site_file: Path | None = Field(
        None, description="YAML file with site data: own products, host names, people, partners, days off"
    )
    case_prefix: str = Field("SD", description="prefix of case keys: SD-1, SD-2, …")
    zone: ZoneInfo = Field(
        ZoneInfo("Asia/Tokyo"),
        description="time zone of the page, of times of day in settings, and of times in mail that state no zone",
    )
    reopen_days: int = Field(
        14, ge=0, le=3650, description="days during which a reply reopens a resolved or closed case"
    )
    retention_raw_days: int = Field(
        0, ge=0, le=36_500, description="days until the raw mails of a resolved or closed case are deleted; 0: never"
    )
    retention_cases_days: int = Field(
        0, ge=0, le=36_500, description="days until a resolved or closed case is deleted with its mails; 0: never"
    )

    @field_validator("packs", mode="before")
    @classmethod
    def _read_folders(cls, written: Any) -> Any:
        return split(written, ":")

    @field_validator("packs")
    @classmethod
    def _folders_exist(cls, folders: tuple[Path, ...]) -> tuple[Path, ...]:
        for folder in folders:
            if not folder.is_dir():
                raise ValueError(f"{folder} is not a folder; create it or correct the path")
        return folders

    @field_validator("site_file")
    @classmethod
    def _site_exists(cls, file: Path | None) -> Path | None:
        if file is not None and not file.is_file():
            raise ValueError(f"{file} is not a file; create it or correct the path")
        return file

    @field_validator("zone", mode="before")
    @classmethod
    def _read_zone(cls, written: Any) -> Any:
        if not isinstance(written, str):
            return written
        try:
            return ZoneInfo(written)
        except (OSError, ValueError, KeyError):  # unknown zone, or an invalid name
            raise ValueError(f"expected a time zone such as Asia/Tokyo or UTC, not {written!r}") from None

    @field_validator("case_prefix")
    @classmethod
    def _prefix_is_a_word(cls, prefix: str) -> str:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]{0,15}", prefix):
            raise ValueError(f"expected 1 to 16 letters and digits, beginning with a letter, not {prefix!r}")
        return prefix.upper()
