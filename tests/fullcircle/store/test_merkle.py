"""Against the roots and proofs that Certificate Transparency's own tests have, and against what any tampering must change."""

import base64
import hashlib

import pytest

from fullcircle.store.merkle import (
    EMPTY,
    ProofError,
    Tree,
    consistency_proof,
    inclusion_proof,
    is_consistent,
    leaf_hash,
    node_hash,
    root,
    root_from_inclusion,
)

LEAVES = [
    leaf_hash(bytes.fromhex(data))
    for data in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""Of the first one to eight leaves, as certificate-transparency's merkletree tests have them."""

SIZES = range(1, 20)


def leaves(n):
    return [leaf_hash(str(i).encode()) for i in range(n)]


def definition(found):
    """The root as section 2.1 of the RFC writes it."""
    if len(found) < 2:
        return found[0] if found else hashlib.sha256().digest()
    k = max(2**i for i in range(32) if 2**i < len(found))
    return hashlib.sha256(b"\x01" + definition(found[:k]) + definition(found[k:])).digest()


def test_the_roots_are_those_of_certificate_transparency():
    assert [root(LEAVES[: i + 1]).hex() for i in range(8)] == ROOTS
    assert EMPTY.hex() == root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(
    ("size", "index", "path"),
    [
        (1, 0, []),
        (8, 0, ["96a296d2", "5f083f0a", "6b47aaf2"]),
        (8, 5, ["bc1a0643", "ca854ea1", "d37ee418"]),
        (3, 2, ["fac54203"]),
        (5, 1, ["6e340b9c", "5f083f0a", "bc1a0643"]),
    ],
)
def test_the_inclusion_proofs_are_those_of_certificate_transparency(size, index, path):
    assert [h.hex()[:8] for h in inclusion_proof(LEAVES[:size], index)] == path


@pytest.mark.parametrize(
    ("size", "old", "path"),
    [
        (1, 1, []),
        (8, 1, ["96a296d2", "5f083f0a", "6b47aaf2"]),
        (8, 6, ["0ebc5d34", "ca854ea1", "d37ee418"]),
        (5, 2, ["5f083f0a", "bc1a0643"]),
    ],
)
def test_the_consistency_proofs_are_those_of_certificate_transparency(size, old, path):
    assert [h.hex()[:8] for h in consistency_proof(LEAVES[:size], old)] == path


def test_the_example_of_the_rfc():
    """Section 2.1.3: seven leaves d0 to d6, whose proofs are given by the names of the nodes."""
    a, b, c, d, e, f, j = found = leaves(7)
    g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
    k, l = node_hash(g, h), node_hash(i, j)  # noqa: E741 - the RFC's names
    assert root(found) == node_hash(k, l)
    assert inclusion_proof(found, 0) == [b, h, l]
    assert inclusion_proof(found, 3) == [c, g, l]
    assert inclusion_proof(found, 4) == [f, j, k]
    assert inclusion_proof(found, 6) == [i, k]
    assert consistency_proof(found, 3) == [c, d, g, l]
    assert consistency_proof(found, 4) == [l]
    assert consistency_proof(found, 6) == [i, j, k]


def test_a_tree_that_grows_has_the_root_of_the_definition():
    tree, found = Tree(), leaves(40)
    for n, leaf in enumerate(found):
        assert (tree.size, tree.root()) == (n, definition(found[:n]))
        tree.add(leaf)


@pytest.mark.parametrize("size", SIZES)
def test_every_leaf_is_proved_and_no_other(size):
    found = leaves(size)
    whole = root(found)
    for index, leaf in enumerate(found):
        proof = inclusion_proof(found, index)
        assert root_from_inclusion(leaf, index, size, proof) == whole
        assert root_from_inclusion(leaf_hash(b"other"), index, size, proof) != whole
        for at in range(len(proof)):
            assert root_from_inclusion(leaf, index, size, [*proof[:at], leaf_hash(b"x"), *proof[at + 1 :]]) != whole
        for other in set(range(size)) - {index}:
            try:
                assert root_from_inclusion(leaf, other, size, proof) != whole
            except ProofError:
                assert len(inclusion_proof(found, other)) != len(proof)
        with pytest.raises(ProofError, match="one hash for each node above its leaf"):
            root_from_inclusion(leaf, index, size, [*proof, whole])
        if proof:
            with pytest.raises(ProofError, match="one hash for each node above its leaf"):
                root_from_inclusion(leaf, index, size, proof[1:])


@pytest.mark.parametrize("index", [-1, 3, 4])
def test_an_index_outside_of_the_tree_is_refused(index):
    with pytest.raises(ProofError, match=rf"below the number of leaves, 3\. Received: {index}\."):
        root_from_inclusion(LEAVES[0], index, 3, [LEAVES[1]])


@pytest.mark.parametrize("size", SIZES)
def test_every_beginning_is_proved_and_no_other(size):
    found = leaves(size)
    new = root(found)
    for old_size in range(1, size + 1):
        old, proof = root(found[:old_size]), consistency_proof(found, old_size)
        assert is_consistent(old_size, old, size, new, proof)
        other = root([leaf_hash(b"other"), *found[1:old_size]])
        assert not is_consistent(old_size, other, size, new, proof)
        assert not is_consistent(old_size, old, size, other, proof)
        assert not is_consistent(old_size, old, size, new, [*proof, new])
        assert not is_consistent(old_size, old, size, new, proof[1:]) or not proof
        for at in range(len(proof)):
            assert not is_consistent(old_size, old, size, new, [*proof[:at], other, *proof[at + 1 :]])
    assert not is_consistent(0, EMPTY, size, new, [])
    assert not is_consistent(size + 1, new, size, new, [])


def tampered(found, rng):
    """A list of leaves, changed in one of the ways that a ledger can be."""
    n, way = len(found), rng.integers(6)
    i, j = rng.choice(n, 2, replace=False)
    if way == 0:
        return [*found[:i], leaf_hash(b"edited"), *found[i + 1 :]]
    if way == 1:
        return [*found[:i], *found[i + 1 :]]
    if way == 2:
        return [*found[:i], leaf_hash(b"inserted"), *found[i:]]
    if way == 3:
        return [found[j] if k == i else found[i] if k == j else leaf for k, leaf in enumerate(found)]
    if way == 4:
        return found[: min(i, j)]
    i = min(i, j)  # the last line once more is an honest append
    return [*found[:i], found[i], *found[i:]]


def test_every_change_of_the_lines_changes_the_root(rng):
    for _ in range(400):
        found = leaves(int(rng.integers(2, 70)))
        changed = tampered(found, rng)
        assert root(changed) != root(found)
        # ... and lines that were appended afterwards do not hide it.
        later = [*changed, *(leaf_hash(b"later") for _ in range(len(found) - len(changed) + 3))]
        assert root(later[: len(found)]) != root(found)


class Many:
    """A million equal leaves, of which only as many are there as are asked for."""

    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, of):
        return Many(len(range(self.n)[of]))

    def __iter__(self):
        return iter([LEAVES[0]])


@pytest.mark.parametrize("index", [0, 123_456, 999_999])
def test_a_proof_of_one_line_among_a_million_is_short(index):
    """Its length depends on nothing but the number of lines: 20 hashes at most, in base64 with a newline 45 bytes each."""
    assert len(inclusion_proof(Many(1_000_000), index)) * len(base64.b64encode(EMPTY) + b"\n") <= 20 * 45 < 2048
