"""What happens by itself: when models are trained again, which folders are watched, from when on something is drift.

Belongs here: the settings of schedules and sensors, and the file that holds them, ``retraining.toml`` beside ``dagster.yaml`` in
DAGSTER_HOME. Without the file all settings are as they stand here. Schedules and sensors are off until someone switches them on.
Does not belong here: what a run makes, and by which settings (`fullcircle.steps.profiles`).
"""

from __future__ import annotations

import dataclasses
import os
import tomllib
import warnings
import zoneinfo
from pathlib import Path
from typing import Any

from dagster import DagsterInvalidDefinitionError, ScheduleDefinition

from fullcircle.core.settings import Parts, Settings, SettingsError, setting, unknown_name

FILE = "retraining.toml"


def listed(text: str) -> list[str]:
    """The names in a list with commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


@dataclasses.dataclass(frozen=True)
class ScheduleSettings(Settings):
    """When a schedule runs, and what it trains."""

    cron: str = setting("0 3 * * 0", "when, as five fields of cron: minute, hour, day, month, day of the week")
    time_zone: str = setting("UTC", "of the cron fields, Europe/Berlin for one")
    profile: str = setting("quick", "quick or full")
    settings: str = setting("", "that are not the profile's, as of make run SET: examples.n=50000 encoder.epochs=12 for one")
    drawings: str = setting("", "drawing classes, line,arc for one; empty: every class that was trained before")

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            zoneinfo.ZoneInfo(self.time_zone)
        except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
            raise SettingsError(
                f"time_zone is expected to be a name of the IANA time zone database, Europe/Berlin or UTC. Received: "
                f"{self.time_zone!r}."
            ) from None
        try:
            ScheduleDefinition("checked", cron_schedule=self.cron, job_name="none", execution_timezone=self.time_zone)
        except DagsterInvalidDefinitionError:
            raise SettingsError(
                f"cron is expected to be five fields, '0 3 * * 0' (Sundays at 3:00) for one. Received: {self.cron!r}."
            ) from None

    @property
    def names(self) -> list[str]:
        """The drawing classes that are named; none: those that were trained before."""
        return listed(self.drawings)


@dataclasses.dataclass(frozen=True)
class FolderSettings(Settings):
    """Which picture sources that are folders are watched."""

    sources: str = setting("", "names of registered folders, letters,digits for one; empty: all of them")
    seconds: int = setting(60, "between two looks", low=1)

    @property
    def names(self) -> list[str]:
        """The sources that are named; none: all that are folders."""
        return listed(self.sources)


@dataclasses.dataclass(frozen=True)
class InboxSettings(Settings):
    """Where pictures arrive that the champion is to read."""

    folder: str = setting("data/inbox", "holds a folder for each drawing class, line/ for one; relative to the checkout")
    seconds: int = setting(60, "between two looks", low=1)


@dataclasses.dataclass(frozen=True)
class DriftSettings(Settings):
    """From when on what arrives is another kind of pictures than what the champion was tested on."""

    seconds: int = setting(3600, "between two looks", low=1)
    window: int = setting(100, "the last so many pictures are compared", low=20)
    false_alarms_per_year: float = setting(1.0, "expected at most where nothing changed", above=0)
    retrain: bool = setting(True, "ask for a retraining whose examples cover what was seen")
    profile: str = setting("quick", "of that retraining: quick or full")


@dataclasses.dataclass(frozen=True)
class FreshnessSettings(Settings):
    """From when on a champion or a report counts as old in the UI."""

    warn_days: float = setting(8, "days after which it is marked", above=0)
    fail_days: float = setting(15, "days after which it is marked as overdue", above=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fail_days <= self.warn_days:
            raise SettingsError(
                f"freshness.fail_days is expected to be more than freshness.warn_days. Received: {self.fail_days:g} and "
                f"{self.warn_days:g}."
            )


@dataclasses.dataclass(frozen=True)
class Retraining(Parts):
    """All of it; each part is a table of the file."""

    weekly_retraining: ScheduleSettings = ScheduleSettings()
    nightly_smoke: ScheduleSettings = ScheduleSettings(cron="30 2 * * *")
    watched_folders: FolderSettings = FolderSettings()
    inbox: InboxSettings = InboxSettings()
    drift: DriftSettings = DriftSettings()
    freshness: FreshnessSettings = FreshnessSettings()


def retraining_at_load() -> Retraining:
    """The settings that definitions are made of: cron, time zone, intervals, days.

    A file that cannot be read must not take the whole code location with it, and every `make run`: there is a warning, and each
    tick, which reads the file again, fails with the same sentence, so nothing runs by other settings than those meant.
    """
    try:
        return retraining()
    except SettingsError as error:
        warnings.warn(str(error), stacklevel=2)
        return Retraining()


def retraining(home: Path | None = None) -> Retraining:
    """The settings of an instance.

    Args:
        home: its folder; None: DAGSTER_HOME.

    Raises:
        SettingsError: naming the file, the rule, what was received and the choices.
    """
    folder = home or (Path(os.environ["DAGSTER_HOME"]) if os.environ.get("DAGSTER_HOME") else None)
    if folder is None:
        return Retraining()
    file = folder / FILE
    try:
        tables: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Retraining()
    except (ValueError, OSError) as error:
        raise SettingsError(f"{file} is expected to be TOML that can be read. Received: {error}.") from error
    try:
        for name, table in tables.items():
            if name not in {field.name for field in dataclasses.fields(Retraining)}:
                raise SettingsError(unknown_name("table", name, [f.name for f in dataclasses.fields(Retraining)]))
            if not isinstance(table, dict):
                raise SettingsError(f"{name} is expected to be a table, [{name}]. Received: {table!r}.")
        return Retraining().replaced(tables)
    except SettingsError as error:
        raise SettingsError(f"{file}: {error}") from None
