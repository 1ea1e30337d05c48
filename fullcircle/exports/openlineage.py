"""OpenLineage: events for Marquez and other catalogues, as JSON lines or sent to a server.

Belongs here: arguments, and where events go. What is in them is the business of `openlineage_events`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fullcircle.core.progress import Progress
from fullcircle.core.settings import SettingsError
from fullcircle.exports.format import ExportError, Format, Written, add_to, add_version, text_file
from fullcircle.exports.records import Selection
from fullcircle.store.objects import Store

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent
    from openlineage.client.transport.http import HttpTransport

KEY_VARIABLE = "OPENLINEAGE_API_KEY"
"""Environment variable with the key that a server asks for; OpenLineage's own name for it."""

RETRIES = {"total": 3, "connect": 0, "allowed_methods": ["POST"], "backoff_factor": 0.2, "status_forcelist": [502, 503, 504]}
"""A gateway's refusal may pass, a server's own does not. An event that is posted twice is had once."""

NOTES = Progress(lambda text: print(text, file=sys.stderr))


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_version(parser, without="all that is on record")
    add_to(
        parser,
        metavar="FILE|URL",
        about=f"an event a line; to http(s)://HOST:PORT each event is posted, with {KEY_VARIABLE} as the key; - for stdout",
    )
    parser.add_argument(
        "--namespace", default="fullcircle", metavar="NAME", help="of jobs and datasets in the catalogue (default: %(default)s)"
    )


def _write(arguments: argparse.Namespace) -> Written:
    from openlineage.client.serde import Serde

    from fullcircle.exports.openlineage_events import events

    store = Store(arguments.store)
    selection = Selection.of(store, arguments.version, arguments.partition)

    def all_events() -> Iterator[RunEvent]:
        return events(store, selection, arguments.namespace)

    if urlsplit(arguments.to).scheme in ("http", "https"):
        return Written(arguments.to, {"events": _post(arguments.to, all_events)})
    count = 0
    with text_file(arguments.to) as file:
        for event in all_events():
            file.write(f"{Serde.to_json(event)}\n")
            count += 1
    return Written(arguments.to, {"events": count})


def _post(url: str, events: Callable[[], Iterator[RunEvent]]) -> int:
    """Post events, each by itself, as the specification has it.

    Returns:
        Their number.

    Raises:
        ExportError: at the first that is not taken.
    """
    from requests import HTTPError, RequestException

    transport = _transport(url)
    total = sum(1 for _ in events())  # so that a fault in the ledger shows before anything is sent
    try:
        for done, event in enumerate(events()):
            try:
                transport.emit(event)
            except RequestException as error:
                answer = error.response if isinstance(error, HTTPError) else None
                why = f"{answer.status_code} {answer.reason}" if answer is not None else f"no answer, {type(error).__name__}"
                raise ExportError(
                    f"{url} is expected to take OpenLineage events. Received: {why}, at event {done + 1:,} of {total:,}; "
                    f"{f'the {done:,} before it were' if done else 'none was'} taken. Run the command again once it takes them: "
                    "the same events have the same ids."
                ) from error
            NOTES.step("events", done + 1, total, "events")
    finally:
        transport.close()
    return total


def _transport(url: str) -> HttpTransport:
    from openlineage.client.transport.http import ApiKeyTokenProvider, HttpConfig, HttpTransport, TokenProvider

    parts = urlsplit(url)
    if not parts.hostname or parts.username is not None:
        raise SettingsError(
            f"--to is expected to be a file or http(s)://HOST:PORT, with the key in {KEY_VARIABLE}. Received: "
            + ("one with a user in it." if parts.hostname else f"{url!r}.")
        )
    key = os.environ.get(KEY_VARIABLE)
    auth = ApiKeyTokenProvider({"api_key": key}) if key else TokenProvider({})
    config = HttpConfig(f"{parts.scheme}://{parts.netloc}", auth=auth, retry=RETRIES)
    if parts.path.strip("/"):
        config.endpoint = f"{parts.path}{f'?{parts.query}' if parts.query else ''}"
    return HttpTransport(config)


OPENLINEAGE = Format("openlineage", "events for Marquez and other catalogues of data", _add_arguments, _write)
