import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PRINTED = b"""\
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795200357.443633   31912 port.cc:153] oneDNN custom operations are on.
I0000 00:00:1795200357.444714   31912 cudart_stub.cc:31] Could not find cuda drivers on your machine, GPU will not be used.
E0000 00:00:1795200357.444714   31912 cuda_dnn.cc:8] Unable to register cuDNN factory
The TensorFlow library was compiled to use AVX512F instructions, but these are not available on your machine.
"""


LOAD = "from fullcircle.models.tensorflow import load_tensorflow; load_tensorflow(); import os; os.write(2, b'after\\n')"


def loading(folder, code):
    """What a process says on stderr that loads a TensorFlow which is nothing but this code; and its exit code."""
    (folder / "tensorflow.py").write_text(f"import os, sys\nPRINTED = {PRINTED!r}\n{code}")
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")]), str(Path(__file__).parents[3])])
    environment = os.environ | {"PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", LOAD], env=environment, capture_output=True, timeout=60)
    return done.stderr.splitlines(), done.returncode


def test_only_the_banner_is_silenced(tmp_path):
    printed, code = loading(tmp_path, "os.write(2, PRINTED)")
    assert code == 0
    assert printed == [*PRINTED.splitlines()[3:], b"after"]


@pytest.mark.parametrize(("how", "code"), [("os.abort()", -signal.SIGABRT), ("os._exit(3)", 3)])
def test_what_a_library_says_before_it_ends_the_process_is_read(tmp_path, how, code):
    printed, ended = loading(tmp_path, f"os.write(2, PRINTED + b'F0000 no such instruction')\n{how}")
    assert ended == code
    assert printed == [*PRINTED.splitlines()[3:], b"F0000 no such instruction"]


def test_what_python_says_of_a_failed_import_is_read(tmp_path):
    printed, code = loading(tmp_path, "sys.stderr.write('a warning\\n')\nraise ImportError('no such library')")
    assert code == 1
    assert printed[0] == b"a warning"
    assert printed[-1] == b"ImportError: no such library"


def test_a_process_that_was_started_meanwhile_is_not_waited_for(tmp_path):
    code = (
        "import subprocess\nimport fullcircle.models.tensorflow as t\nt.FILTER_SECONDS = 0.5\n"
        "subprocess.Popen(['sleep', '5'], stdout=subprocess.DEVNULL)"
    )
    began = time.monotonic()
    printed, code = loading(tmp_path, code)
    assert (printed, code) == ([b"after"], 0)
    assert time.monotonic() - began < 60


LOOP = """
from fullcircle.models.tensorflow import load_tensorflow
load_tensorflow()
import tensorflow as tf
for i in range(8):
    tf.function(lambda x: x + 1)(tf.constant(float(i)))
    @tf.function
    def compiled(x):
        return x + i
    compiled(tf.constant(1.0))
tf.get_logger().warning("worth reading")
"""


def test_networks_compiled_once_each_are_not_warned_of_and_other_warnings_are():
    done = subprocess.run([sys.executable, "-c", LOOP], capture_output=True, text=True, timeout=300, check=True)
    assert "worth reading" in done.stderr
    assert "retracing" not in done.stderr
