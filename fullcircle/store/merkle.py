"""Merkle trees as in RFC 6962: one hash for a list of lines, and short proofs of what the list holds and what it grew from.

Belongs here: hashes, roots, proofs and their verification, in the words of the RFC's section 2.1.
Does not belong here: where the lines come from (`chain`), who signs a root (`checkpoints`).

A leaf is ``SHA-256(0x00 || line)``, a node ``SHA-256(0x01 || left || right)``; the left side of a tree of n leaves has the largest
power of two of leaves that is smaller than n. Hashes are 32 bytes each. Proofs are lists of hashes from the leaf upwards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

EMPTY = hashlib.sha256().digest()
"""The root of no leaves."""


class ProofError(ValueError):
    """A proof has too many hashes or too few for the sizes that it is of."""


def leaf_hash(line: bytes) -> bytes:
    """Hash of a leaf."""
    return hashlib.sha256(b"\x00" + line).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of a node over two others."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree that grows: the hashes of its complete subtrees, at most one of each size, are all that is kept.

    Attributes:
        size: number of leaves.
    """

    def __init__(self) -> None:
        self.size = 0
        self._complete: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """Append a leaf, by its hash."""
        complete, size = self._complete, self.size
        while size & 1:
            leaf = node_hash(complete.pop(), leaf)
            size >>= 1
        complete.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """The root over the leaves so far."""
        if not self._complete:
            return EMPTY
        *left, found = self._complete
        for subtree in reversed(left):
            found = node_hash(subtree, found)
        return found


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaves, by their hashes."""
    tree = Tree()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes by which leaf `index`, counted from 0, is proved to be one of these."""
    if len(leaves) == 1:
        return []
    k = _left(len(leaves))
    if index < k:
        return [*inclusion_proof(leaves[:k], index), root(leaves[k:])]
    return [*inclusion_proof(leaves[k:], index - k), root(leaves[:k])]


def root_from_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root of the tree of `size` leaves in which leaf `index` has this hash, if the proof is one of that.

    Raises:
        ProofError: when it cannot be.
    """
    if not 0 <= index < size:
        raise ProofError(f"The index of a leaf is expected to be below the number of leaves, {size}. Received: {index}.")
    if (size == 1) != (not proof):
        raise ProofError("A proof is expected to have one hash for each node above its leaf. Received: another number.")
    if size == 1:
        return leaf
    k, last = _left(size), proof[-1]
    if index < k:
        return node_hash(root_from_inclusion(leaf, index, k, proof[:-1]), last)
    return node_hash(last, root_from_inclusion(leaf, index - k, size - k, proof[:-1]))


def consistency_proof(leaves: Sequence[bytes], size: int) -> list[bytes]:
    """The hashes by which a tree is proved to begin with the tree of its first `size` leaves, of which there is at least one."""
    return _consistency(leaves, size, whole=True)


def _consistency(leaves: Sequence[bytes], size: int, *, whole: bool) -> list[bytes]:
    if size == len(leaves):
        return [] if whole else [root(leaves)]
    k = _left(len(leaves))
    if size <= k:
        return [*_consistency(leaves[:k], size, whole=whole), root(leaves[k:])]
    return [*_consistency(leaves[k:], size - k, whole=False), root(leaves[:k])]


def is_consistent(old_size: int, old_root: bytes, size: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether a proof shows that the tree of `size` leaves begins with the `old_size` leaves of the old one."""
    if not 0 < old_size <= size:
        return False
    hashes = list(proof)

    def roots(old: int, new: int, whole: bool) -> tuple[bytes, bytes]:
        if old == new:
            same = old_root if whole else hashes.pop()
            return same, same
        k, last = _left(new), hashes.pop()
        if old <= k:
            before, after = roots(old, k, whole)
            return before, node_hash(after, last)
        before, after = roots(old - k, new - k, False)
        return node_hash(last, before), node_hash(last, after)

    try:
        return roots(old_size, size, True) == (old_root, new_root) and not hashes
    except IndexError:
        return False


def _left(size: int) -> int:
    """The largest power of two that is smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1
