"""The embedded reader: mail text in, statements out.

units → words (normal forms) → concepts, shapes, clauses → signals → features → weights → statements.
"""

from .embedded import EmbeddedReader

__all__ = ["EmbeddedReader"]
