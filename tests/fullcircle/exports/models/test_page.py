"""What docs/exports.md says can be typed beside our own commands: others' programs, on what ours have written."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from fullcircle import cli

PAGE = Path(__file__).parents[4] / "docs" / "exports.md"
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS)
def test_the_commands_of_the_page_run_one_after_the_other(block, trained_records, tmp_path, monkeypatch):
    version = trained_records.own["drawings/encoder"]
    (tmp_path / "store").symlink_to(trained_records.store.root)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FULLCIRCLE_STORE", "store")
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    for line in block.replace("VERSION", f"{version[:2]}/{version}").splitlines():
        program, *arguments = shlex.split(line)
        if program == "fullcircle":
            assert cli.main(arguments) == 0
        else:
            done = subprocess.run([program, *arguments], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr


def test_the_page_has_a_block_for_each_program_of_others():
    assert {line.split()[0] for block in BLOCKS for line in block.splitlines()} == {
        "fullcircle",
        "mlcroissant",
        "model_signing",
        "openssl",
    }
