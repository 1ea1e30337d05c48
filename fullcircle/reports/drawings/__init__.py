"""The reports on drawing classes.

To add one: a file beside these with its `Report`, and its line here. Its asset, its step, its place in jobs and, where it compares
valid with test, its check follow.
"""

from fullcircle.reports.drawings.decoder import DECODER_REPORT
from fullcircle.reports.drawings.encoder import ENCODER_REPORT
from fullcircle.reports.drawings.report import Report

REPORTS = {
    report.name: report
    for report in (
        DECODER_REPORT,
        ENCODER_REPORT,
    )
}
"""By name of the asset."""

__all__ = ["REPORTS", "Report"]
