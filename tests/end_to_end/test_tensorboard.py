"""A real TensorBoard, started as `make tensorboard` starts it, and a real browser that looks at the projector."""

import base64
import contextlib
import io
import itertools
import json
import os
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image
from sklearn.datasets import load_digits
from websockets.sync.client import connect

from fullcircle.training.projector import write_projector
from fullcircle.training.tensorboard import LOGS, Scalars, new_run

ROOT = Path(__file__).parents[2]
LATENTS = "glyphs/digits/vae/latents_0123456789ab"
N = 60
DEEP_TEXT = """(() => {
  const texts = [];
  const walk = root => {
    texts.push(root.body ? root.body.innerText : root.textContent);
    for (const node of root.querySelectorAll('*')) {
      if (node.shadowRoot) walk(node.shadowRoot);
      if (node.tagName === 'IFRAME' && node.contentDocument) walk(node.contentDocument);
    }
  };
  walk(document);
  return texts.join(' ').replace(/\\s+/g, ' ');
})()"""
"""What stands on a page, in its frames and inside its components."""


@pytest.fixture(scope="module")
def latents():
    digits = load_digits()
    return digits.data[:N, 8:10] + digits.data[:N, 20:22], (digits.images[:N] * 15.9).astype(np.uint8), digits.target[:N]


@pytest.fixture(scope="module")
def store(tmp_path_factory, latents):
    """A store that holds logs: of a tiny training, and latents."""
    root = tmp_path_factory.mktemp("store")
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((8, 4))
    log = Scalars(new_run(root, "drawings", "line", "decoder"))
    model.fit(x, x[:, :1], validation_data=(x, x[:, :1]), epochs=3, verbose=0, callbacks=[log])
    write_projector(root / LOGS / LATENTS, *latents, name="vae of digits")
    return root


def free_port():
    with contextlib.closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture(scope="module")
def address(store):
    """TensorBoard, by the very command of the Makefile."""
    port = free_port()
    environment = os.environ | {"FULLCIRCLE_STORE": str(store)}
    make = ["make", "--dry-run", "--silent", "tensorboard", f"PORT={port}", f"BIN={Path(sys.executable).parent}"]
    lines = subprocess.run(make, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()
    (command,) = (line for line in lines if "--logdir" in line)
    assert "--host '127.0.0.1'" in command
    with subprocess.Popen(["bash", "-c", f"exec {command}"], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as server:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def ask(address, path, **parameters):
    """What the server answers, once it has found the runs."""
    query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
    for _ in range(240):
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/data/{path}{query}", timeout=60) as response:
            answer = response.read()
            if answer not in (b"[]", b"{}"):
                return answer
        time.sleep(0.5)
    raise AssertionError(f"{path} is empty")


def test_losses_of_trainings_are_there(address):
    tags = json.loads(ask(address, "plugin/scalars/tags"))
    (train,) = (run for run in tags if run.startswith("drawings/line/decoder/") and run.endswith("/train"))
    assert set(tags[train]) == {"epoch/loss", "epoch/learning_rate"}
    valid = train.removesuffix("train") + "valid"
    points = json.loads(ask(address, "plugin/scalars/scalars", run=valid, tag="epoch/loss"))
    assert [step for _, step, _ in points] == [1, 2, 3]


def test_the_projector_serves_latents_labels_and_sprite(address, latents):
    assert json.loads(ask(address, "plugin/projector/runs")) == [LATENTS]
    (embedding,) = json.loads(ask(address, "plugin/projector/info", run=LATENTS))["embeddings"]
    assert embedding["tensorName"] == "vae of digits"
    served = np.frombuffer(ask(address, "plugin/projector/tensor", run=LATENTS, name="vae of digits"), np.float32)
    assert served.reshape(N, 3)[:, :2] == pytest.approx(latents[0])
    labels = ask(address, "plugin/projector/metadata", run=LATENTS, name="vae of digits").decode().splitlines()
    assert [line.split("\t")[0] for line in labels[1:]] == [str(label) for label in latents[2]]
    sprite = Image.open(io.BytesIO(ask(address, "plugin/projector/sprite_image", run=LATENTS, name="vae of digits")))
    assert sprite.size == (8 * 8, 8 * 8)


@pytest.fixture(scope="module")
def page(tmp_path_factory, chromium):
    """A page of headless Chromium: sends it a command of the DevTools protocol and returns the answer."""
    profile = tmp_path_factory.mktemp("profile")
    switches = "--headless=new --no-sandbox --use-angle=swiftshader --enable-unsafe-swiftshader --disable-quic --no-first-run "
    switches += "--disable-background-networking --disable-component-update --disable-sync --disable-dev-shm-usage "
    switches += f"--window-size=1400,900 --remote-debugging-port=0 --remote-allow-origins=* --user-data-dir={profile}"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([chromium, *switches.split(), "about:blank"], **quiet) as browser:
        try:
            for _ in range(240):
                if (profile / "DevToolsActivePort").exists():
                    break
                time.sleep(0.5)
            port = (profile / "DevToolsActivePort").read_text().split()[0]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=60) as response:
                (target,) = (t for t in json.load(response) if t["type"] == "page")
            numbers = itertools.count()
            with connect(target["webSocketDebuggerUrl"], max_size=None, open_timeout=60) as socket_:

                def tell(method, **parameters):
                    number = next(numbers)
                    socket_.send(json.dumps({"id": number, "method": method, "params": parameters}))
                    while True:
                        answer = json.loads(socket_.recv(timeout=120))
                        if answer.get("id") == number:
                            assert "error" not in answer, answer
                            return answer["result"]

                yield tell
        finally:
            browser.terminate()


def test_the_projector_shows_the_points_in_a_browser(address, page):
    for _ in range(120):  # TensorBoard looks for what the projector could show only when it is first asked
        if enabled := json.loads(ask(address, "plugins_listing"))["projector"]["enabled"]:
            break
        time.sleep(0.5)
    assert enabled
    page("Page.enable")
    page("Page.navigate", url=f"{address}/#projector")
    text = ""
    for _ in range(240):
        text = page("Runtime.evaluate", expression=DEEP_TEXT, returnByValue=True)["result"].get("value", "")
        if f"Points: {N}" in text and "Computing PCA" not in text and "Total variance described: 1" in text:
            break
        time.sleep(0.5)
    assert f"Points: {N}" in text
    assert "Dimension: 3" in text
    assert "vae of digits" in text
    dark = 0
    for _ in range(60):  # the points are drawn a little after they are counted
        picture = base64.b64decode(page("Page.captureScreenshot", format="png")["data"])
        if folder := os.environ.get("FULLCIRCLE_SCREENSHOTS"):
            Path(folder, "projector.png").write_bytes(picture)
            Path(folder, "projector.txt").write_text(text)
        scene = np.asarray(Image.open(io.BytesIO(picture)).convert("L"))[130:750, 330:1090]
        dark = int((scene < 60).sum())
        if dark > 1000:
            break
        time.sleep(0.5)
    assert dark > 1000, "the black grounds of the pictures; the axes alone are three thin lines in colour"
