import pytest

from service.settings import Settings, load


@pytest.fixture(scope="session")
def model_settings() -> Settings:
    given = {"database_url": "sqlite:///unused.db", "model_url": "http://127.0.0.1:9/v1", "model": "test-model"}
    return load(intake="intake@corp.example", **given)
