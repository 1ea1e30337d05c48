"""Names of the columns that tables of pictures share.

Belongs here: names that more than one room reads.
"""

from __future__ import annotations

ORIGINAL, OPERATIONS = "original", "operations"

ID, UNIT, IMAGE = "id", "unit", "image"

LABEL, GROUP = "label", "group"

KEYPOINTS = "keypoints"
