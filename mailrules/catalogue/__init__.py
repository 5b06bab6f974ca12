"""The catalogue of all meanings, with definitions, examples and near-misses.

It is the only source for the labels of the corpus, the request to a language model, the explanations on the page,
`docs/meanings.md`, `GET /api/meanings` and the enumerations in OpenAPI.
"""

from mailrules.catalogue.meanings import STATES, Catalogue, Meaning, load

__all__ = ["STATES", "Catalogue", "Meaning", "load"]
