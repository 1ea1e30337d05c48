"""I/O: assets hand over stored objects, and get back those of this run, or else the latest, proved whole.

Objects are committed by the library before an asset returns, so there is nothing to write here but the ledger; what the UI shows
of the record is added to the materialization once it is written.
"""

import dagster as dg

from assets.materialization import Made, record_metadata
from fullcircle.steps.step import WHOLE, command_for
from fullcircle.store.champions import decides_champions, enter_decision
from fullcircle.store.objects import Store, StoredObject


class LedgerIOManager(dg.IOManager):
    """Enters what was made into the ledger, and looks up there what is to be read.

    Args:
        store: where objects and ledger are.
        run_id: of the run; what it made itself comes before what is latest.
    """

    def __init__(self, store: Store, run_id: str | None) -> None:
        self._store = store
        self._run_id = run_id

    def handle_output(self, context: dg.OutputContext, obj: Made) -> None:
        entry = dict(obj.entry)
        if decides_champions(entry["asset"]):
            enter_decision(self._store, entry)
        else:
            self._store.ledger.append(entry)
        if (found := self._store.ledger.line_of(entry["asset"], entry["partition"], entry["run_id"])) is not None:
            context.add_output_metadata(record_metadata(*found))

    def load_input(self, context: dg.InputContext) -> StoredObject:
        asset = context.asset_key.to_user_string()
        partition = context.asset_partition_key if context.has_asset_partitions else WHOLE
        return self._store.latest(asset, partition, self._run_id, command=command_for(asset, partition))


class StoreIOManager(dg.ConfigurableIOManagerFactory[LedgerIOManager]):
    """Makes the I/O manager of a run."""

    store: dg.ResourceDependency[Store]

    def create_io_manager(self, context: dg.InitResourceContext) -> LedgerIOManager:
        return LedgerIOManager(self.store, context.run_id)
