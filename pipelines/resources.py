"""Resources: the store, at a place that an environment variable can move."""

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
