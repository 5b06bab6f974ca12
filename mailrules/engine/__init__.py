"""Judges a case from statements and facts: rule files, conditions, explanations, linting."""
