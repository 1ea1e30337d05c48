"""A version's files under an OpenSSF Model Signing signature: a Sigstore bundle that ``model_signing verify`` accepts.

Belongs here: asking the library `model-signing`, which the extra ``signing`` installs, to sign the folder of an object.

The key is one on an elliptic curve, in PEM. Those of ``fullcircle audit key`` are Ed25519 and sign checkpoints: model-signing does
not take them.
"""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

from fullcircle.core.settings import SettingsError
from fullcircle.exports.format import Format, Written
from fullcircle.lineage.history import History
from fullcircle.store.files import whole_file
from fullcircle.store.objects import Store, StoredObject

PACKAGE = "model_signing"

CURVES = ("secp256r1", "secp384r1", "secp521r1")
"""Those that model-signing takes, as `cryptography` calls them."""


def sign(stored: StoredObject, key: Path, to: Path) -> None:
    """Sign all files of an object, ``object.json`` with them.

    Args:
        stored: proved whole.
        key: file of the private key.
        to: the signature; outside of the store's objects, which hold nothing but their own files.

    Raises:
        SettingsError: when model-signing is missing, the key is none that it takes, or the signature would lie in an object.
    """
    if importlib.util.find_spec(PACKAGE) is None:
        raise SettingsError(
            "Signatures are made by model-signing. It is not installed. Install it with: pip install -e '.[signing]', in the "
            "environment that fullcircle runs in."
        )
    _check(key)
    objects = stored.path.resolve().parents[1]
    if to.resolve().is_relative_to(objects):
        raise SettingsError(f"--to is expected to name a file outside of {objects}, where objects lie. Received: {str(to)!r}.")
    from model_signing import signing

    to.absolute().parent.mkdir(parents=True, exist_ok=True)
    with whole_file(to) as path:
        signing.Config().use_elliptic_key_signer(private_key=key).sign(stored.path, path)


def _check(key: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    rule = (
        "--key is expected to name an unencrypted private key in PEM on the curve P-256, P-384 or P-521, as this makes one: "
        "openssl ecparam -name prime256v1 -genkey -noout -out signing.pem"
    )
    try:
        private = load_pem_private_key(key.read_bytes(), password=None)
    except OSError as error:
        raise SettingsError(f"{rule}. Received: {str(key)!r}, which cannot be read ({error.strerror}).") from error
    except (ValueError, TypeError) as error:
        raise SettingsError(f"{rule}. Received: {str(key)!r}, which is none ({error}).") from error
    kind = private.curve.name if isinstance(private, EllipticCurvePrivateKey) else type(private).__name__
    if kind not in CURVES:
        raise SettingsError(f"{rule}. Received: {str(key)!r}, {kind}.")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "version", metavar="ASSET[@VERSION]", help="drawings/encoder@f5ef; without @VERSION the one that is served"
    )
    parser.add_argument(
        "--partition", metavar="NAME", help="drawing class or picture source of the version, where there are several"
    )
    parser.add_argument("--key", type=Path, required=True, metavar="FILE", help="private key, PEM, on the curve P-256")
    parser.add_argument("--to", type=Path, required=True, metavar="FILE", help="the signature, encoder.sig")


def _write(arguments: argparse.Namespace) -> Written:
    store = Store(arguments.store)
    made = History.of(store).find(arguments.version, arguments.partition)
    stored = store.open(made.version, f"{made.asset} ({made.partition})")
    sign(stored, arguments.key, arguments.to)
    return Written(str(arguments.to), {"files signed": len(list(stored.path.iterdir()))})


SIGNATURE = Format(
    "signature", "a version's files signed as OpenSSF Model Signing has it, with your own key", _add_arguments, _write
)
