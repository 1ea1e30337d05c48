"""Resources: the store, at a place that an environment variable can move."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from fullcircle.core.default_store import default_store
from fullcircle.store.objects import Store


class StoreResource(dg.ConfigurableResource[Store]):
    """The folder of objects and ledger that assets read and write.

    Attributes:
        root: folder; made when something is first written.
    """

    root: str = str(default_store())

    def create_resource(self, context: dg.InitResourceContext) -> Store:
        return Store(Path(self.root))

    @contextlib.contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Store]:
        """The store, in use as long as a step has it: until what the step made, or found to be made, is in the ledger."""
        store = self.create_resource(context)
        with store.in_use():
            yield store
