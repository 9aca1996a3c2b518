"""Salesbook: a CRM export in, a month's sales report out."""

__version__ = "0.1.0"
