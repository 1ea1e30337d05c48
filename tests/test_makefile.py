"""What is given to `make` reaches the program as it was given, and nothing of it is run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

VALUES = [
    "folder:~/my pictures",
    "folder:/a  b/`touch ran`",
    "folder:/$(touch ran)",
    "folder:/$(shell touch ran)",
    "folder:/${HOME}$HOME$$",
    'folder:/she wrote "no"',
    "folder:/it's 'so'",
    "folder:/ⵣ ünï",
    "folder:/a;touch ran&|>ran",
    "folder:/a#b,c)(d\\",
    "-x",
]


@pytest.fixture
def make(tmp_path):
    """Runs a target with a program that says what it was given in place of all others."""
    for program in ("python", "tensorboard"):
        stub = tmp_path / "bin" / program
        stub.parent.mkdir(exist_ok=True)
        stub.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
        stub.chmod(0o755)

    def run(target, **values):
        command = ["make", "--silent", "-f", ROOT / "Makefile", "-o", ".venv/.installed", f"BIN={tmp_path / 'bin'}", target]
        given = [f"{name}={value}" for name, value in values.items()]
        plain = {name: value for name, value in os.environ.items() if name not in values}
        for arguments, environment in (([*command, *given], plain), (command, plain | values)):
            done = subprocess.run(arguments, cwd=tmp_path, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            yield json.loads(done.stdout)

    return run


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize(("target", "option"), [("run", []), ("features", ["--features"])])
def test_a_value_is_text_to_make_and_to_the_shell(make, tmp_path, target, option, value):
    for got in make(target, SOURCE=value, MODELS=value, PROFILE=value):
        assert got == ["-m", "pipelines.run", *option, f"--source={value}", f"--models={value}", f"--profile={value}"]
    for got in make(target, DRAWING=value, FORCE="1"):
        assert got == ["-m", "pipelines.run", *option, f"--drawing={value}", "--profile=quick", "--force"]
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("value", [value.replace(" ", "_") for value in VALUES])
def test_settings_and_benchmarks_are_words(make, tmp_path, value):
    words = [f"a.b={value}", "examples.n=500"]
    for got in make("run", SET=" ".join(words)):
        assert got == ["-m", "pipelines.run", "--profile=quick", *(f"--set={word}" for word in words)]
    for got in make("bench", BENCH=f"reading {value}", SET=" ".join(words)):
        assert got == ["-m", "benchmarks", "reading", value, *(f"--set={word}" for word in words)]
    assert not (tmp_path / "ran").exists()


def test_what_is_pruned_is_removed_only_when_that_is_asked_for(make, tmp_path):
    for got in make("prune", KEEP="`touch ran`"):
        assert got == ["-m", "pipelines.prune", "--keep=`touch ran`"]
    for got in make("prune", DELETE="1"):
        assert got == ["-m", "pipelines.prune", "--delete"]
    assert not (tmp_path / "ran").exists()


def test_places_are_text_too(make, tmp_path):
    store = f"{tmp_path}/it's a `touch ran` $(touch ran)"
    for got in make("tensorboard", FULLCIRCLE_STORE=store, HOST="`touch ran`", PORT="$(touch ran)"):
        assert got[:2] == ["--logdir", f"{store}/logs"]
        assert got[-4:] == ["--host", "`touch ran`", "--port", "$(touch ran)"]
    assert Path(store, "logs").is_dir()
    for got in make("ui", HOST="`touch ran`"):
        assert got == ["-m", "pipelines.ui", "--host", "`touch ran`", "--port", "3000"]
    assert not (tmp_path / "ran").exists()
