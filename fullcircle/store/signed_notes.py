"""Signed notes: text with an Ed25519 signature, in the format of C2SP (c2sp.org/signed-note), which other programs verify too.

Belongs here: keys as text and as files, signing, and verifying.
Does not belong here: what the text says (`checkpoints`).

A private key is a line ``PRIVATE+KEY+<name>+<id>+<base64>``, a public one ``<name>+<id>+<base64>``, as Go's package ``note`` has
them; the id is the beginning of a hash of name and key. Whoever has the private key can sign what they like, so it does not
belong on the machine that keeps the ledger alone.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import hashlib
import os
import re
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from fullcircle.core.settings import SettingsError

PRIVATE = "PRIVATE+KEY+"
ED25519 = b"\x01"
"""The type of signature, in front of a key's bytes."""

LONGEST = 1 << 20
"""Bytes of a note; more is none."""


class NoteError(SettingsError):
    """A key or a note is not what it has to be. The message says what was expected and what to do."""


@dataclasses.dataclass(frozen=True)
class PublicKey:
    """What verifies.

    Attributes:
        name: in each signature; without spaces and plus signs.
        key: 32 bytes.
    """

    name: str
    key: bytes

    @property
    def id(self) -> bytes:
        """Four bytes that say in a signature which key it is of."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.key).digest()[:4]

    def text(self) -> str:
        """The key as a line, without an end."""
        return f"{self.name}+{self.id.hex()}+{_base64(ED25519 + self.key)}"

    @staticmethod
    def parse(text: str) -> PublicKey:
        """The key of a line.

        Raises:
            NoteError: when it is none.
        """
        name, key = _parsed(text.strip(), "A public key, NAME+ID+BASE64, is expected. `fullcircle audit key` writes one.")
        found = PublicKey(name, key)
        _of_id(found, text.strip())
        return found


@dataclasses.dataclass(frozen=True)
class PrivateKey:
    """What signs.

    Attributes:
        name: in each signature.
        seed: 32 bytes, secret.
    """

    name: str
    seed: bytes = dataclasses.field(repr=False)

    @property
    def public(self) -> PublicKey:
        """What verifies its signatures."""
        return PublicKey(self.name, Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw())

    def text(self) -> str:
        """The key as a line, without an end."""
        return f"{PRIVATE}{self.name}+{self.public.id.hex()}+{_base64(ED25519 + self.seed)}"

    @staticmethod
    def parse(text: str) -> PrivateKey:
        """The key of a line. A message does not show it.

        Raises:
            NoteError: when it is none.
        """
        rule = "A private key, PRIVATE+KEY+NAME+ID+BASE64, is expected. `fullcircle audit key` writes one."
        if not text.startswith(PRIVATE):
            raise NoteError(rule)
        line = text.strip().removeprefix(PRIVATE)
        name, seed = _parsed(line, rule)
        found = PrivateKey(name, seed)
        _of_id(found.public, line)
        return found

    @staticmethod
    def new(name: str | None = None) -> PrivateKey:
        """A key that nobody has, from the operating system's chance.

        Args:
            name: as short as a host and a path, ``example.com/ledger``; without it one that no other key has.

        Raises:
            NoteError: when the name has spaces or plus signs.
        """
        seed = Ed25519PrivateKey.generate().private_bytes_raw()
        found = PrivateKey(name or "", seed)
        if name is None:
            return PrivateKey(f"fullcircle-ledger-{hashlib.sha256(found.public.key).hexdigest()[:8]}", seed)
        if not _is_name(name):
            raise NoteError(f"The name of a key is expected without spaces and plus signs. Received: {name!r}.")
        return found


def write_key(path: Path, key: PrivateKey) -> Path:
    """Write a private key to a new file that only its owner can read, and the public one beside it.

    Returns:
        The file of the public key, ``<path>.pub``.

    Raises:
        NoteError: when there is such a file.
    """
    public = path.with_name(f"{path.name}.pub")
    if there := next((p for p in (path, public) if os.path.lexists(p)), None):
        raise NoteError(f"A new file is expected for a key. There is one: {there}. Name another: no key is ever overwritten.")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{key.text()}\n")
    public.write_text(f"{key.public.text()}\n")
    return public


def read_private_key(path: Path) -> PrivateKey:
    """The private key of a file.

    Raises:
        NoteError: when it is none, or others may read it.
    """
    text = _read(path)
    if path.stat().st_mode & 0o077:
        raise NoteError(f"A private key is expected to be readable by its owner only: {path}. Make it so: chmod 600 {path}")
    return PrivateKey.parse(text)


def read_public_key(named: str) -> PublicKey:
    """A public key, as it stands or in a file.

    Raises:
        NoteError: when it is none.
    """
    return PublicKey.parse(named if "+" in named and not Path(named).exists() else _read(Path(named)))


def signed(text: str, key: PrivateKey) -> str:
    """The note of a text, which ends with a newline."""
    signature = Ed25519PrivateKey.from_private_bytes(key.seed).sign(text.encode())
    return f"{text}\n— {key.name} {_base64(key.public.id + signature)}\n"


def split(note: str) -> tuple[str, list[str]]:
    """Text and signature lines of a note. Nothing is verified; a note without signatures has none.

    Raises:
        NoteError: when it is no note.
    """
    text, blank, rest = note.rpartition("\n\n")
    lines = rest.split("\n")
    well = blank and lines.pop() == "" and all(re.fullmatch(r"— \S+ [A-Za-z0-9+/]+=*", line) for line in lines)
    if not well or len(note) > LONGEST or re.search(r"[\x00-\x09\x0b-\x1f]", note):
        raise NoteError("A note is expected: lines of text, a blank line, and lines that begin with a dash and a key's name.")
    return f"{text}\n", lines


def verified(note: str, key: PublicKey) -> str:
    """The text of a note that this key signed.

    Signatures of other keys are passed over, as the format wants it: others may have signed it too.

    Raises:
        NoteError: when it is not signed by this key, or is not as it was signed.
    """
    text, lines = split(note)
    own = False
    for line in lines:
        _, name, encoded = line.split(" ")
        try:
            decoded = base64.b64decode(encoded, validate=True)
        except ValueError:
            continue
        if (name, decoded[:4]) != (key.name, key.id):
            continue
        own = True
        try:
            Ed25519PublicKey.from_public_bytes(key.key).verify(decoded[4:], text.encode())
        except InvalidSignature as error:
            raise NoteError(f"The signature of {key.name} is wrong: it is not as it was signed. Take another copy.") from error
    if not own:
        names = ", ".join(line.split(" ")[1] for line in lines) or "nobody"
        raise NoteError(f"It is expected to be signed by {key.name}+{key.id.hex()}. Received: signed by {names}.")
    return text


def _parsed(line: str, rule: str) -> tuple[str, bytes]:
    name, _, rest = line.partition("+")
    _, _, encoded = rest.partition("+")
    decoded = b""
    with contextlib.suppress(ValueError):
        decoded = base64.b64decode(encoded, validate=True)
    if not _is_name(name) or decoded[:1] != ED25519 or len(decoded) != 33:
        raise NoteError(rule)
    return name, decoded[1:]


def _of_id(key: PublicKey, line: str) -> None:
    if (named := line.split("+")[1]) != key.id.hex():
        raise NoteError(f"The id of the key {key.name} is expected to be {key.id.hex()}. Received: {named}. Take another copy.")


def _is_name(name: str) -> bool:
    return re.fullmatch(r"[^\s+]+", name) is not None and name.isprintable()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise NoteError(f"A file with a key is expected: {path}. It cannot be read: {why}.") from error
