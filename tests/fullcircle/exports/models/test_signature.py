"""Signatures over a version's files, verified by model-signing."""

import shutil

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from model_signing import verifying

from fullcircle.exports import signature


def written(path, key, encryption=None):
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()))
    return path


@pytest.fixture
def key(tmp_path):
    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "signing.pub").write_bytes(public)
    return written(tmp_path / "signing.pem", private)


def test_what_is_signed_verifies_until_a_file_changes(ask, trained_records, key, tmp_path):
    to, folder = tmp_path / "signatures" / "encoder.sig", tmp_path / "encoder"
    code, out, _ = ask("signature", "drawings/encoder", "--key", key, "--to", to)
    assert (code, out) == (0, f"{to}: 3 files signed\n")
    verifier = verifying.Config().use_elliptic_key_verifier(public_key=tmp_path / "signing.pub")
    verifier.verify(trained_records.store.path_of(trained_records.own["drawings/encoder"]), to)
    assert trained_records.store.damage(trained_records.own["drawings/encoder"]) is None
    shutil.copytree(trained_records.store.path_of(trained_records.own["drawings/encoder"]), folder)
    verifier.verify(folder, to)
    (folder / "weights.bin").write_bytes(b"others")
    with pytest.raises(ValueError, match=r"Hash mismatch for 'weights\.bin'"):
        verifier.verify(folder, to)


def test_without_the_extra_it_says_what_to_install(ask, key, tmp_path, monkeypatch):
    monkeypatch.setattr(signature, "PACKAGE", "model_signing_that_is_not_installed")
    code, _, err = ask("signature", "drawings/encoder", "--key", key, "--to", tmp_path / "a.sig")
    assert code == 2
    assert "pip install -e '.[signing]'" in err


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: written(path, ed25519.Ed25519PrivateKey.generate()), "Ed25519PrivateKey."),
        (lambda path: written(path, ec.generate_private_key(ec.SECP256K1())), "secp256k1."),
        (
            lambda path: written(path, ec.generate_private_key(ec.SECP256R1()), BestAvailableEncryption(b"a")),
            "which is none (Password was not given but private key is encrypted",
        ),
        (lambda path: path.write_text("PRIVATE+KEY+ledger+1+abc"), "which is none ("),
        (lambda path: None, "which cannot be read (No such file or directory)."),
    ],
)
def test_a_key_that_model_signing_does_not_take_is_refused(ask, tmp_path, make, message):
    path = tmp_path / "other.pem"
    make(path)
    code, _, err = ask("signature", "drawings/encoder", "--key", path, "--to", tmp_path / "a.sig")
    assert code == 2
    assert "--key is expected to name an unencrypted private key in PEM on the curve P-256, P-384 or P-521" in err
    assert message in err
    assert not (tmp_path / "a.sig").exists()


def test_a_signature_never_lies_among_the_objects(ask, trained_records, key):
    to = trained_records.store.path_of(trained_records.own["drawings/encoder"]) / "model.sig"
    code, _, err = ask("signature", "drawings/encoder", "--key", key, "--to", to)
    assert code == 2
    assert "--to is expected to name a file outside of" in err
    assert not to.exists()
