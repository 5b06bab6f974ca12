"""What an editor says of a pack and of a site file, by a validator that knows nothing of sodan."""

import json
import re
from pathlib import Path

import pytest
import yaml
from jsonschema_rs import Draft202012Validator

from mailrules.library import VENDORS, PackError, read_pack, read_site
from mailrules.schema import schema
from mailrules.written import as_yaml

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "packs.md").read_text(encoding="utf-8")
WRONG = yaml.safe_load(Path(__file__).with_name("schemas.yaml").read_text(encoding="utf-8"))
SITE = re.findall(r"^```yaml\n(products: .*?)^```$", PAGE, re.M | re.S)


def problems(of: str, file: Path) -> list[str]:
    validator = Draft202012Validator(json.loads(schema(of)), validate_formats=True)
    found = validator.iter_errors(as_yaml(file, file.read_text(encoding="utf-8")))
    return [f"{file.name}: {error.message}" for error in found]


def test_every_shipped_pack_and_those_of_the_page_are_good_by_the_schema(tmp_path: Path) -> None:
    files = sorted(VENDORS.glob("*.yaml"))
    assert len(files) > 150
    for number, text in enumerate(re.findall(r"^```yaml\n(pack: .*?)^```$", PAGE, re.M | re.S)):
        files.append(tmp_path / f"shown{number}.yaml")
        files[-1].write_text(text, encoding="utf-8")
    assert [problem for file in files for problem in problems("pack", file)] == []


def test_the_site_file_of_the_page_is_good_by_the_schema_and_is_read(tmp_path: Path) -> None:
    (text,) = SITE
    file = tmp_path / "site.yaml"
    file.write_text(text, encoding="utf-8")
    assert problems("site", file) == []
    assert [one.side for one in read_site(file).people] == ["team", "vendor"]


@pytest.mark.parametrize(("of", "text"), WRONG)
def test_what_is_refused_is_wrong_by_the_schema_too(tmp_path: Path, of: str, text: str) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(text, encoding="utf-8")
    assert problems(of, file)
    with pytest.raises(PackError):
        read_site(file) if of == "site" else read_pack(file)
