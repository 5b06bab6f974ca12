"""Readers: mail text in, statements out."""
