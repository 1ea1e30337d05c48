"""A real webserver on a real instance: the assets are there; a bad value, or a source that is not fit, is refused at launch."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from fullcircle.models.autoencoders import AUTOENCODERS
from fullcircle.store.objects import Store
from pipelines.jobs import JOBS

ROOT = Path(__file__).parents[2]


def free_port():
    with contextlib.closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture(scope="module")
def graphql(tmp_path_factory, with_tables):
    """Asks the webserver a question; in its store are the tables of `digits`, 28 x 28."""
    home = tmp_path_factory.mktemp("home")
    (home / "dagster.yaml").write_text((ROOT / "dagster_home" / "dagster.yaml").read_text())
    with_tables(Store(home / "store"), "digits", samples=40)
    port = free_port()
    command = [Path(sys.executable).parent / "dagster-webserver", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)]
    environment = os.environ | {"DAGSTER_HOME": str(home), "FULLCIRCLE_STORE": str(home / "store")}

    def ask(query, **variables):
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{port}/graphql", body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as refused:  # Dagster answers a refused launch with status 500 and the reason
            answer = json.load(refused)
        assert "errors" not in answer, answer
        return answer["data"]

    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            for _ in range(120):
                with contextlib.suppress(OSError):
                    ask("{ version }")
                    break
                time.sleep(0.5)
            yield ask
        finally:
            server.terminate()


def test_the_graph_is_there(graphql):
    nodes = graphql("{ assetNodes { assetKey { path } groupName isPartitioned dependencyKeys { path } } }")["assetNodes"]
    assert all(n["assetKey"]["path"][0] in ("drawings", "glyphs", "lineage") for n in nodes)
    whole = {n["assetKey"]["path"][-1] for n in nodes if not n["isPartitioned"]}
    assert whole == {"recognition_report", "audit_report"}
    assert all(d["path"][0] == n["assetKey"]["path"][0] for n in nodes for d in n["dependencyKeys"])

    def of(prefix):
        own = [n for n in nodes if n["assetKey"]["path"][0] == prefix]
        return {n["assetKey"]["path"][-1]: {d["path"][-1] for d in n["dependencyKeys"]} for n in own}

    depends = of("drawings")
    assert depends["examples"] == set()
    assert depends["train"] == depends["test"] == depends["valid"] == {"examples"}
    assert depends["decoder"] == {"train", "valid"}
    assert depends["encoder"] == {"train", "valid", "decoder"}
    assert depends["readings"] == {"test", "valid", "encoder"}
    assert depends["decoder_report"] == {"test", "valid", "decoder"}
    assert depends["encoder_report"] == {"test", "valid", "decoder", "encoder", "readings"}
    assert depends["recognition_report"] == {"train", "test", "valid", "decoder", "encoder"}
    assert depends["champion"] == {"encoder", "decoder"}
    assert depends["inbox"] == {"champion", "encoder", "decoder"}
    assert depends["feature_patterns"] == {"test", "encoder"}
    splits = {"originals", "augmented"}
    assert of("glyphs") == {
        "originals": set(),
        "augmented": {"originals"},
        "train": splits,
        "test": splits,
        "valid": splits,
        **{model: {"train", "valid"} for model in AUTOENCODERS},
        **{f"{model}_report": {"originals", "train", "test", "valid", model} for model in AUTOENCODERS},
        **{f"{model}_champion": {"test", model} for model in AUTOENCODERS},
        **{f"{model}_feature_patterns": {"test", model} for model in AUTOENCODERS},
    }


RUNS = "query ($tags: [ExecutionTag!]) { runsOrError(filter: {tags: $tags}) { ... on Runs { results { status } } } }"

LAUNCH = """
mutation ($run_config: RunConfigData!, $job: String!, $tags: [ExecutionTag!]!, $assets: [AssetKeyInput!]) {
  launchRun(executionParams: {
    selector: {repositoryName: "__repository__", repositoryLocationName: "full_circle", jobName: $job, assetSelection: $assets}
    runConfigData: $run_config
    executionMetadata: {tags: $tags}
  }) {
    __typename
    ... on LaunchRunSuccess { run { status } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on PythonError { message }
  }
}
"""


def keys(*names):
    return [{"path": ["glyphs", name]} for name in names]


def tags(**of_dagster):
    return [{"key": f"dagster/{name}", "value": value} for name, value in of_dagster.items()]


@pytest.mark.parametrize("job", ["learn_drawing", "__ASSET_JOB"])
@pytest.mark.parametrize(
    ("op", "config", "message"),
    [
        ("drawings__examples", {"n": 0}, "examples.n is expected to be at least 1. Received: 0."),
        (
            "drawings__decoder",
            {"model": "gan"},
            "decoder.model (half_planes | article) got gan",
        ),
    ],
)
def test_a_bad_value_is_refused_at_launch(graphql, job, op, config, message):
    answer = graphql(LAUNCH, job=job, tags=tags(partition="line"), run_config={"ops": {op: {"config": config}}})["launchRun"]
    assert answer["__typename"] in ("RunConfigValidationInvalid", "PythonError"), answer
    assert message in json.dumps(answer), answer
    runs = graphql(RUNS, tags=tags(partition="line"))["runsOrError"]["results"]
    assert runs == []


@pytest.mark.parametrize("job", ["train_autoencoders", "__ASSET_JOB"])
def test_a_model_that_does_not_take_the_pictures_is_refused_at_launch(graphql, job):
    answer = graphql(LAUNCH, job=job, tags=tags(partition="digits"), run_config={}, assets=keys("colour_vae"))["launchRun"]
    assert answer["__typename"] == "PythonError"
    assert (
        "colour_vae is expected to be built for a canvas whose height and width are multiples of 16 px. Received: (28, 28, 1) of "
        "the picture source 'digits'. Choose from: dense_autoencoder, digit_autoencoder, conv_autoencoder" in answer["message"]
    )


@pytest.mark.parametrize(
    ("model", "given"),
    [
        ("dense_autoencoder", {"partition": "digits"}),  # takes every canvas
        ("colour_vae", {"partition": "digits", "backfill": "b"}),  # Dagster would end the whole backfill
        ("colour_vae", {"partition": "tifinagh"}),  # no splits are there
    ],
)
def test_what_is_not_refused_is_queued(graphql, model, given):
    answer = graphql(LAUNCH, job="train_autoencoders", tags=tags(**given), run_config={}, assets=keys(model, f"{model}_report"))
    assert answer["launchRun"]["run"]["status"] == "QUEUED"


@pytest.mark.parametrize(
    ("job", "given", "message"),
    [
        ("learn_drawing", {}, "A drawing class is expected as the run's partition. Received: none. Choose one of line, "),
        (
            "prepare_glyphs",
            {"partition": "../../x"},
            "A picture source is expected as the run's partition. Received: '../../x'.",
        ),
    ],
)
def test_a_run_without_a_known_partition_is_refused_at_launch(graphql, job, given, message):
    answer = graphql(LAUNCH, job=job, tags=tags(**given), run_config={})["launchRun"]
    assert answer["__typename"] == "PythonError"
    assert message in answer["message"]


def test_the_jobs_are_few_and_each_says_what_it_does(graphql):
    selector = '{repositoryName: "__repository__", repositoryLocationName: "full_circle"}'
    query = f"{{ repositoryOrError(repositorySelector: {selector}) {{ ... on Repository {{ jobs {{ name description }} }} }} }}"
    found = graphql(query)["repositoryOrError"]["jobs"]
    jobs = {job["name"]: job["description"] for job in found if not job["name"].startswith("__")}
    assert list(jobs) == sorted(job.name for job in JOBS)
    assert all(text.endswith(".") and len(text) > 40 for text in jobs.values())
