"""Following a run in the terminal: its event log as lines people read, and why it failed or waits.

Belongs here: what is printed of a run that is under way. How it is launched and ended is `launch`'s business.
"""

import time
from pathlib import Path

import dagster as dg

from fullcircle.core.progress import duration
from pipelines.run_processes import clock, close_dead_runs, name_of
from pipelines.tags import LAUNCH_TAG

LAST_LINES = 15
"""How much of the log is shown where nothing else says why a run failed."""

POOLS_SECONDS = 3.0
"""How often it is asked whether the run waits for a slot of a pool."""


class Follower:
    """Prints what a run logs since it was last looked at.

    Args:
        instance: has the run.
        launch: value of the run's `LAUNCH_TAG`; the run need not be there yet.
        log: the file with all that its processes print.
        label: what its lines begin with, where several are followed at once.

    Attributes:
        run: as it was last seen; None before it is there.
        failures: why steps and blocking checks failed, and the run itself.
    """

    def __init__(self, instance: dg.DagsterInstance, launch: str, log: Path, label: str = "") -> None:
        self._instance, self._launch, self._log, self._label = instance, launch, log, label
        self._began = time.monotonic()
        self._cursor: str | None = None
        self._last_logged: dict[str | None, str] = {}
        self._crashes: dict[str | None, str] = {}
        self._pools_asked = 0.0
        self._waits_for: set[tuple[str, str]] = set()
        self.run: dg.DagsterRun | None = None
        self.failures: list[str] = []

    @property
    def over(self) -> bool:
        """Whether the run had ended when it was last looked at; then all that it logged has been shown."""
        return self.run is not None and self.run.is_finished

    def look(self) -> None:
        """Show what is new."""
        # Before its events: those of a run that is over are all there.
        self.run = self._find()
        if self.run is None:
            return
        while True:
            found = self._instance.get_records_for_run(self.run.run_id, self._cursor)
            self._cursor = found.cursor
            for record in found.records:
                self._show(record.event_log_entry)
            if not found.has_more:
                break
        if not self.over and time.monotonic() - self._pools_asked > POOLS_SECONDS:
            self._pools_asked = time.monotonic()
            self._show_waiting(self.run)

    def _find(self) -> dg.DagsterRun | None:
        if self.run is not None:  # another may have the tag by now: a run that is executed again keeps its tags
            return self._instance.get_run_by_id(self.run.run_id)
        runs = self._instance.get_runs(dg.RunsFilter(tags={LAUNCH_TAG: self._launch}), limit=1)
        return runs[0] if runs else None

    def _show(self, entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        if event is None:
            self._last_logged[entry.step_key] = entry.user_message
            self.say(entry.user_message)
        elif event.event_type == dg.DagsterEventType.ENGINE_EVENT:
            # Of a process that died Dagster says by what signal: of a step's with an error, of the run's own with none.
            if event.engine_event_data.error is not None or " was terminated by signal " in (event.message or ""):
                self._crashes[event.step_key] = event.message or ""
        elif event.is_step_failure:
            self.failures.append(f"{event.step_key}: {self._why(event)}")
        elif event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            warns = check.severity == dg.AssetCheckSeverity.WARN
            verdict = "passed" if check.passed else "WARNING" if warns else "FAILED"
            self.say(f"check {check.asset_key.to_user_string()} {check.check_name}: {verdict}. {check.description or ''}")
            if not check.passed and not warns:
                self.failures.append(f"{check.check_name}: {check.description}")
        elif event.is_step_materialization and event.asset_key:
            self.say(f"made {event.asset_key.to_user_string()}")
        elif event.event_type == dg.DagsterEventType.RUN_FAILURE and not self.failures:
            reasons = [*self._crashes.values()] or [event.message or "The run failed and gave no reason."]
            self.failures.append(f"{' '.join(reasons)} Log: {self._log}")

    def _why(self, event: dg.DagsterEvent) -> str:
        """Why a step failed: its error, or of what its process died, what it was doing, and where all that it printed is."""
        error = event.step_failure_data.error
        if error and error.cls_name == "ChildProcessCrashException":
            crash = self._crashes.get(event.step_key, "its process ended without a word.")
            last = self._last_logged.get(event.step_key)
            return f"{crash} {f'The last it logged: {last!r}.' if last else 'It had logged nothing.'} Log: {self._log}"
        cause = error.cause if error and error.cause else error
        return (cause.message.strip() if cause else event.message) or ""

    def _show_waiting(self, run: dg.DagsterRun) -> None:
        """Say once of each other run that holds a slot which a step of this one waits for: which it is, and since when."""
        storage = self._instance.event_log_storage
        for pool in storage.get_concurrency_keys():
            info = storage.get_concurrency_info(pool)
            if not any(s.run_id == run.run_id and s.assigned_timestamp is None for s in info.pending_steps):
                continue
            for holder in {slot.run_id for slot in info.claimed_slots} - {run.run_id}:
                if (pool, holder) in self._waits_for:
                    continue
                self._waits_for.add((pool, holder))
                dead = {closed.run_id for closed in close_dead_runs(self._instance)}
                record = self._instance.get_run_record_by_id(holder)
                if record is None or holder in dead:
                    continue
                since = f", at work since {clock(record.start_time)}" if record.start_time else ""
                self.say(f"waiting for pool {pool} (limit {info.slot_count}): held by {name_of(record.dagster_run)}{since}")

    def say(self, text: str) -> None:
        """One line, with the time since the launch before it."""
        print(f"[{duration(time.monotonic() - self._began):>5}] {self._label}{text}", flush=True)


def last_lines(log: Path) -> str:
    """The end of what a run's processes printed."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(f"    {line}" for line in lines[-LAST_LINES:]) or "    (it is empty)"
