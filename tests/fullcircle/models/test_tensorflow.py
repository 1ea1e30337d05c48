import subprocess
import sys

from fullcircle.models.tensorflow import without_banner

SAID = b"""\
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795200357.443633   31912 port.cc:153] oneDNN custom operations are on.
I0000 00:00:1795200357.444714   31912 cudart_stub.cc:31] Could not find cuda drivers on your machine, GPU will not be used.
E0000 00:00:1795200357.444714   31912 cuda_dnn.cc:8] Unable to register cuDNN factory
The TensorFlow library was compiled to use AVX512F instructions, but these are not available on your machine.
"""


def test_only_the_banner_is_silenced():
    assert without_banner(SAID).splitlines() == SAID.splitlines()[3:]
    assert without_banner(b"") == b""


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
