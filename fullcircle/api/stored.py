"""What runs have stored: tables as frames, models as networks.

Belongs here: choosing the latest version of an asset and handing back what it holds.
Does not belong here: what an object is and whether it is whole (`fullcircle.store`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fullcircle.core.default_store import default_store
from fullcircle.core.settings import SettingsError, unknown_name
from fullcircle.store.objects import Store, StoredObject

if TYPE_CHECKING:
    import keras
    import pandas as pd

    from fullcircle.models.stored_autoencoder import Trained

TABLES, NETWORKS = ".parquet", ".keras"


def load(asset: str, partition: str, *, store: str | Path | None = None, unverified: bool = False) -> keras.Model | Trained:
    """The network of the latest version of a model that passed its blocking checks, proved whole and loaded in safe mode.

    Args:
        asset: ``"drawings/encoder"``, ``"drawings/decoder"``, or an autoencoder, ``"glyphs/vae"`` for one.
        partition: the drawing class, ``"line"``, or the picture source, ``"tifinagh"``.
        store: folder of the store; without it ``FULLCIRCLE_STORE``, or the folder ``store`` of the checkout.
        unverified: take the last version, whatever its checks found.

    Returns:
        A Keras model. Of an autoencoder `encode` and `decode`, with its two Keras models as `encoder` and `decoder`.

    Raises:
        NothingMaterializedError: when there is no version, or none that passed; says the command that makes one.
        SettingsError: when there is no such asset, or it holds no network.
        StoredObjectError: when it is not whole.

    Example:
        >>> import fullcircle as fc
        >>> encoder = fc.load("drawings/encoder", "line")
        >>> encoder.input_shape
        (None, 64, 64, 1)
    """
    stored = _latest(asset, partition, store, unverified)
    networks = _files(stored, NETWORKS)
    if not networks:
        raise SettingsError(f"fc.load takes an asset that holds a network. Received: {_held(asset, stored)}")
    if len(networks) == 1:
        from fullcircle.models.stored import model_of

        return model_of(stored)
    from fullcircle.models.stored_autoencoder import halves_of

    return halves_of(stored)


def table(
    asset: str,
    partition: str,
    *,
    columns: Sequence[str] | None = None,
    limit: int | None = None,
    name: str | None = None,
    store: str | Path | None = None,
    unverified: bool = False,
) -> pd.DataFrame:
    """The rows of the latest version of a table that passed its blocking checks, proved whole, as a pandas frame.

    Args:
        asset: ``"drawings/test"``, ``"drawings/readings"``, ``"glyphs/augmented"``, ...
        partition: the drawing class, ``"line"``, or the picture source, ``"tifinagh"``.
        columns: which; without it all but pictures, which a frame holds as objects, one array a row.
        limit: only the first so many rows.
        name: which table, where an asset holds several.
        store: folder of the store; without it ``FULLCIRCLE_STORE``, or the folder ``store`` of the checkout.
        unverified: take the last version, whatever its checks found.

    Raises:
        NothingMaterializedError: when there is no version, or none that passed; says the command that makes one.
        SettingsError: when there is no such asset, table or column, or the asset holds several tables and none is named.
        StoredObjectError: when it is not whole.

    Example:
        >>> import fullcircle as fc
        >>> frame = fc.table("drawings/test", "line", columns=["image", "line_width_px"], limit=10)
        >>> frame.image[0].shape
        (64, 64)
    """
    stored = _latest(asset, partition, store, unverified)
    tables = _files(stored, TABLES)
    if not tables:
        raise SettingsError(f"fc.table takes an asset that holds a table. Received: {_held(asset, stored)}")
    if name is None and len(tables) > 1:
        raise SettingsError(
            f"{asset} holds several tables. Choose one of them, name={tables[0]!r} for one: {', '.join(tables)}."
        )
    if name is not None and name not in tables:
        raise SettingsError(unknown_name(f"table of {asset}", name, tables))
    reader = stored.table(name or tables[0])
    for column in columns or ():
        if column not in reader.schema.names:
            raise SettingsError(unknown_name(f"column of {asset}", column, reader.schema.names))
    return reader.frame(columns, limit)


def _latest(asset: str, partition: str, folder: str | Path | None, unverified: bool) -> StoredObject:
    """The latest version, with an error that knows names that are nearly right."""
    store = Store(folder or default_store())
    known = store.ledger.latest_of_all(unverified=True)
    if known and asset not in (assets := sorted({asset for asset, _ in known})):
        raise SettingsError(unknown_name(f"asset in {store.root}", asset, assets))
    what = "SOURCE" if asset.startswith("glyphs/") else "DRAWING"
    partitions = sorted(other for of, other in known if of == asset)
    if partitions and partition not in partitions:
        raise SettingsError(
            f"{unknown_name(f'partition of {asset}', partition, partitions)} Make another with: make run {what}={partition}"
        )
    return store.latest(asset, partition, unverified=unverified, command=f"make run {what}={partition}")


def _files(stored: StoredObject, ending: str) -> list[str]:
    """Names of an object's files that end so, without the ending."""
    return sorted(path.stem for path in stored.path.glob(f"*{ending}"))


def _held(asset: str, stored: StoredObject) -> str:
    """What an object holds, and what to call for it."""
    files = ", ".join(sorted(path.name for path in stored.path.iterdir()))
    for function, ending in (("load", NETWORKS), ("table", TABLES)):
        if _files(stored, ending):
            return f"{asset}, which holds {files}. Call fc.{function} for it."
    return f"{asset}, which holds {files}. They are in {stored.path}."
