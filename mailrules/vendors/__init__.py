"""Vendors: one YAML file each, and the code that recognises vendors and their case numbers."""

from mailrules.vendors.profile import Incidental, ReferencePattern, Vendor
from mailrules.vendors.recognise import Recognised, Vendors, check

__all__ = ["Incidental", "Recognised", "ReferencePattern", "Vendor", "Vendors", "check"]
