"""The files of a report."""

from __future__ import annotations

REPORT = "report.json"
PAGE = "report.html"
CONTACT_SHEET = "contact_sheet.webp"
