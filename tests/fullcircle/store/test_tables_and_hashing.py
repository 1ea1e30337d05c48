import io
import json
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fullcircle.store.hashing import canonical_json, content_hash, digest, weights_hash
from fullcircle.store.tables import ROW_GROUP, TableReader, TableWriter, tensor_array, tensor_type, with_about


def batch(n, rng):
    images = rng.integers(0, 255, (n, 4, 5), np.uint8)
    schema = with_about(
        pa.schema([("id", pa.string()), ("value", pa.float32()), ("image", tensor_type((4, 5)))]), {"drawing": "dot"}
    )
    columns = [pa.array([f"row {i}" for i in range(n)]), pa.array(rng.random(n, np.float32)), tensor_array(images)]
    return pa.RecordBatch.from_arrays(columns, schema=schema), images


def write(path, table, size):
    with TableWriter(path, table.schema) as writer:
        for start in range(0, table.num_rows, size):
            writer.write(table.slice(start, size))


def test_a_table_reads_back_as_written(tmp_path, rng):
    table, images = batch(2500, rng)
    write(tmp_path / "t.parquet", table, 700)
    reader = TableReader(tmp_path / "t.parquet")
    assert reader.rows == 2500
    assert reader.about == {"drawing": "dot"}
    read = reader.read(["id", "image"])
    assert np.array_equal(read["image"], images)
    assert read["id"].tolist() == [f"row {i}" for i in range(2500)]
    assert reader.read(["image"], limit=10)["image"].shape == (10, 4, 5)


def test_a_frame_has_the_columns_but_for_pictures(tmp_path, rng):
    table, images = batch(1200, rng)
    write(tmp_path / "t.parquet", table, 700)
    reader = TableReader(tmp_path / "t.parquet")
    frame = reader.frame()
    assert frame.columns.tolist() == ["id", "value"]
    assert frame["id"].tolist() == [f"row {i}" for i in range(1200)]
    assert frame["value"].dtype == np.float32
    shown = reader.frame(["image", "id"], limit=3)
    assert shown.shape == (3, 2)
    assert np.array_equal(np.stack(shown["image"]), images[:3])
    with TableWriter(tmp_path / "empty.parquet", table.schema):
        pass
    assert TableReader(tmp_path / "empty.parquet").frame().shape == (0, 2)


def test_row_groups_are_even_whatever_the_batches(tmp_path, rng):
    table, _ = batch(2500, rng)
    write(tmp_path / "t.parquet", table, 37)
    metadata = pq.ParquetFile(tmp_path / "t.parquet").metadata
    assert [metadata.row_group(i).num_rows for i in range(3)] == [ROW_GROUP, ROW_GROUP, 2500 - 2 * ROW_GROUP]


def test_shuffled_blocks_hold_every_row_once(tmp_path, rng):
    table, _ = batch(3000, rng)
    write(tmp_path / "t.parquet", table, 1000)
    reader = TableReader(tmp_path / "t.parquet")
    ids = np.concatenate([b["id"] for b in reader.blocks(["id"], rng, pool=2)])
    assert sorted(ids) == sorted(f"row {i}" for i in range(3000))
    assert ids.tolist() != [f"row {i}" for i in range(3000)]


def test_an_empty_table_has_empty_columns(tmp_path, rng):
    table, _ = batch(1, rng)
    with TableWriter(tmp_path / "t.parquet", table.schema):
        pass
    assert TableReader(tmp_path / "t.parquet").read(["image", "id"])["image"].shape == (0, 4, 5)


def test_the_content_hash_of_a_table_is_that_of_its_values(tmp_path, rng):
    table, _ = batch(2000, rng)
    write(tmp_path / "a.parquet", table, 2000)
    pq.write_table(pa.Table.from_batches([table]), tmp_path / "b.parquet", compression="snappy", row_group_size=99)
    assert content_hash(tmp_path / "a.parquet") == content_hash(tmp_path / "b.parquet")
    write(tmp_path / "c.parquet", table.slice(0, 1999), 500)
    assert content_hash(tmp_path / "a.parquet") != content_hash(tmp_path / "c.parquet")
    other = pa.RecordBatch.from_arrays(table.columns, schema=with_about(table.schema, {"drawing": "disc"}))
    write(tmp_path / "d.parquet", other, 500)
    assert content_hash(tmp_path / "a.parquet") != content_hash(tmp_path / "d.parquet")


def test_content_hashes_stay_as_they_are(tmp_path):
    """Objects lie under them: a library that describes a type by other words would make every table of every store damaged."""
    columns = {
        "id": pa.array(["a", "b"]),
        "whole": pa.array([1, 2], pa.int32()),
        "real": pa.array([0.5, 1.5]),
        "sure": pa.array([True, False]),
        "image": tensor_array(np.arange(8, dtype=np.uint8).reshape(2, 2, 2)),
        "points": tensor_array(np.arange(8, dtype=np.float32).reshape(2, 2, 2)),
    }
    table = pa.Table.from_pydict(columns)
    pq.write_table(table.replace_schema_metadata({"fullcircle": "{}"}), tmp_path / "t.parquet")
    assert content_hash(tmp_path / "t.parquet") == "b403f056446cf936b2163d4a3581b7be20420433da7401c33031cea136ffcd9b"


def test_how_weights_are_to_be_read_is_content(tmp_path):
    def model(name, **attributes):
        weights = io.BytesIO()
        with h5py.File(weights, "w") as file:
            file["layers/dense/vars/0"] = np.ones(2, np.float32)
            file["layers/dense/vars/0"].attrs.update(attributes)
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("config.json", "{}")
            archive.writestr("model.weights.h5", weights.getvalue())
        return content_hash(tmp_path / name)

    assert model("a.keras") == model("b.keras") != model("c.keras", dtype="bfloat16")


def test_empty_cells_have_no_unambiguous_content(tmp_path):
    pq.write_table(pa.table({"a": pa.array([1, None])}), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match="tables hold no empty cells"):
        content_hash(tmp_path / "t.parquet")


def test_timing_and_pages_are_not_content(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"mse": 1.0, "timing": {"seconds": 3}}))
    (tmp_path / "b.json").write_text(json.dumps({"timing": {"seconds": 9}, "mse": 1.0}, indent=2))
    (tmp_path / "c.json").write_text(json.dumps({"mse": 2.0}))
    (tmp_path / "page.html").write_text("<html>")
    assert content_hash(tmp_path / "a.json") == content_hash(tmp_path / "b.json")
    assert content_hash(tmp_path / "a.json") != content_hash(tmp_path / "c.json")
    assert content_hash(tmp_path / "page.html") is None


def test_no_two_lists_of_parts_look_alike():
    assert digest([b"ab", b"c"]) != digest([b"a", b"bc"])
    assert digest([b""]) != digest([])


def test_nan_is_not_json():
    with pytest.raises(ValueError):
        canonical_json(float("nan"))


def test_weights_have_a_hash_of_shape_type_and_values():
    weights = [np.zeros((2, 3), np.float32)]
    assert weights_hash(weights) == weights_hash([w.copy() for w in weights])
    assert weights_hash(weights) != weights_hash([weights[0].reshape(3, 2)])
    assert weights_hash(weights) != weights_hash([weights[0] + 1e-7])


def test_the_content_of_a_model_is_its_architecture_and_weights(tmp_path):
    script = (
        "import sys, keras; from fullcircle.drawings import DRAWINGS; from fullcircle.drawings.scaling import scaling\n"
        "from fullcircle.models.decoders import build_decoder\n"
        "line = DRAWINGS['line']; keras.utils.set_random_seed(int(sys.argv[2])); shift = [object() for _ in range(9999)]\n"
        "build_decoder('half_planes', line, scaling('range', line.factors)).save(sys.argv[1])\n"
    )
    paths = [tmp_path / f"{i}.keras" for i in range(3)]
    for path, seed in zip(paths, ("1", "1", "2"), strict=True):
        subprocess.run([sys.executable, "-c", script, path, seed], check=True, capture_output=True)
    hashes = [content_hash(path) for path in paths]
    assert paths[0].read_bytes() != paths[1].read_bytes()  # the container carries stamps and addresses
    assert hashes[0] == hashes[1] != hashes[2]
