"""The embedded reader: mail text in, statements out.

Steps: split the text into units (sentences, list and form lines); find the normal forms of the words; find concepts
(groups of words), shapes (codes, times, amounts) and clauses; combine these to signals; compute the features; sum their
weights; decide the statements.
"""

from .embedded import EmbeddedReader

__all__ = ["EmbeddedReader"]
