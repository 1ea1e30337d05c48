"""Notes against those of Go's package `note`, which wrote the format, and against everything that may be wrong with one."""

import base64
import re
import stat

import pytest

from fullcircle.store.signed_notes import (
    NoteError,
    PrivateKey,
    PublicKey,
    read_private_key,
    read_public_key,
    signed,
    verified,
    write_key,
)

PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
NOTE = f"{TEXT}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
"""The example of Go's package: public key, private key and note."""


def test_a_note_is_that_of_the_package_that_wrote_the_format():
    assert signed(TEXT, PrivateKey.parse(PRIVATE)) == NOTE
    assert verified(NOTE, PublicKey.parse(PUBLIC)) == TEXT
    assert PrivateKey.parse(PRIVATE).public.text() == PUBLIC
    assert PrivateKey.parse(PRIVATE).text() == PRIVATE


def test_a_new_key_signs_and_its_public_key_verifies(tmp_path):
    key = PrivateKey.new()
    public = write_key(tmp_path / "key", key)
    assert public == tmp_path / "key.pub"
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert re.fullmatch(r"fullcircle-ledger-[0-9a-f]{8}", key.name)
    assert read_private_key(tmp_path / "key") == key
    assert read_public_key(str(public)) == read_public_key(key.public.text()) == key.public
    assert verified(signed("a\n\nb\n", key), key.public) == "a\n\nb\n"
    assert PrivateKey.new("example.com/ledger").name == "example.com/ledger"
    assert PrivateKey.new().seed != key.seed
    assert base64.b64encode(key.seed).decode() not in repr(key)


def test_no_key_is_overwritten(tmp_path):
    for name in ("key", "key.pub"):
        (tmp_path / name).write_text("there")
        with pytest.raises(NoteError, match=rf"new file is expected for a key. There is one: .*/{name}\. Name another"):
            write_key(tmp_path / "key", PrivateKey.new())
        (tmp_path / name).unlink()
    assert not list(tmp_path.iterdir())


def test_a_key_that_others_can_read_is_refused(tmp_path):
    write_key(tmp_path / "key", PrivateKey.new())
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(NoteError, match="readable by its owner only: .*chmod 600"):
        read_private_key(tmp_path / "key")


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\x00"])
def test_a_name_that_a_note_cannot_hold_is_refused(name):
    with pytest.raises(NoteError, match="without spaces and plus signs. Received: "):
        PrivateKey.new(name)


@pytest.mark.parametrize(
    "text", ["", "a", "a+b+c", PUBLIC[:-4], PUBLIC.replace("AR", "BR", 1), PUBLIC.replace("+AR", "+AR*"), PRIVATE]
)
def test_what_is_no_public_key_is_refused(text, tmp_path):
    (tmp_path / "key").write_text(text)
    with pytest.raises(NoteError, match=r"A public key, NAME\+ID\+BASE64, is expected"):
        read_public_key(str(tmp_path / "key"))


@pytest.mark.parametrize("text", ["", PUBLIC, PRIVATE[:-4], PRIVATE.replace("AY", "BY")])
def test_what_is_no_private_key_is_refused_and_not_shown(text):
    with pytest.raises(NoteError, match=r"A private key, PRIVATE\+KEY\+NAME\+ID\+BASE64, is expected") as error:
        PrivateKey.parse(text)
    assert "hfZx09iUvxdX" not in str(error.value)


def test_a_key_with_a_wrong_id_is_refused():
    for key, parse in ((PUBLIC, PublicKey.parse), (PRIVATE, PrivateKey.parse)):
        with pytest.raises(NoteError, match="PeterNeumann is expected to be c74f20a3. Received: c74f20a4"):
            parse(key.replace("c74f20a3", "c74f20a4"))


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path):
    (tmp_path / "key").write_bytes(b"\xff\xfe")
    with pytest.raises(NoteError, match=r"A file with a key is expected: .*nokey\. It cannot be read: No such file"):
        read_public_key(str(tmp_path / "nokey"))
    with pytest.raises(NoteError, match="It cannot be read: it is no text"):
        read_private_key(tmp_path / "key")


def test_a_note_that_was_changed_is_refused():
    key = PublicKey.parse(PUBLIC)
    for changed in (NOTE.replace("answer", "question"), NOTE.replace("AQxV", "AQxW"), NOTE.replace("\n\n", "\nmore\n\n")):
        with pytest.raises(NoteError, match="The signature of PeterNeumann is wrong: it is not as it was signed"):
            verified(changed, key)


def test_a_note_that_is_signed_by_nobody_or_by_others_is_refused():
    key, other = PublicKey.parse(PUBLIC), PrivateKey.new("other")
    expected = r"expected to be signed by PeterNeumann\+c74f20a3. Received: signed by"
    for note, by in ((f"{TEXT}\n", "nobody"), (signed(TEXT, other), "other"), (NOTE.replace("x08g", "x08h"), "PeterNeumann")):
        with pytest.raises(NoteError, match=f"{expected} {by}"):
            verified(note, key)
    with pytest.raises(NoteError, match=f"{expected} PeterNeumann"):
        verified(f"{TEXT}\n— PeterNeumann AAAA=\n", key)  # no base64
    second = signed(TEXT, other).removeprefix(f"{TEXT}\n")
    assert verified(NOTE + second, key) == verified(f"{TEXT}\n{second}" + NOTE.removeprefix(f"{TEXT}\n"), key) == TEXT


@pytest.mark.parametrize(
    "text", ["", "a", "a\n", "a\n\nb\n", "a\n\n— b\n", "a\n\n— b c", "a\n\n— b c\nd\n", "a\tb\n\n— b cccc\n"]
)
def test_what_is_no_note_is_refused(text):
    with pytest.raises(NoteError, match="A note is expected: lines of text, a blank line"):
        verified(text, PublicKey.parse(PUBLIC))


def test_a_note_of_a_megabyte_is_none():
    with pytest.raises(NoteError, match="A note is expected"):
        verified("a" * (1 << 20) + "\n\n— b cccc\n", PublicKey.parse(PUBLIC))
