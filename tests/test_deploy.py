"""What deploy/ states, held against the rest of the project. That it works is shown by end_to_end/test_postgres.py."""

import datetime
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from pipelines.tags import UNATTENDED

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
OURS = ("code", "webserver", "daemon")
PAGE = (ROOT / "docs" / "production.md").read_text()


def stated(path):
    return yaml.safe_load(path.read_text())


def test_the_instance_differs_from_that_of_a_checkout_in_its_storage_only():
    production, checkout = stated(DEPLOY / "dagster.yaml"), stated(ROOT / "dagster_home" / "dagster.yaml")
    storage = production.pop("storage")
    assert production == checkout
    database = storage["postgres"]["postgres_db"]
    assert database.pop("scheme") == "postgresql+psycopg2"
    assert {setting: list(value) for setting, value in database.items()} == {
        name: ["env"] for name in ("hostname", "port", "username", "password", "db_name")
    }
    for service in OURS:
        assert {value["env"] for value in database.values()} == set(SERVICES[service]["environment"])


def test_no_run_hangs_for_ever_and_what_a_training_keeps_outlives_it():
    from fullcircle.training.loop import KEPT_DAYS

    longest = stated(ROOT / "dagster_home" / "dagster.yaml")["run_monitoring"]["max_runtime_seconds"]
    assert int(UNATTENDED["dagster/max_runtime"]) < longest == datetime.timedelta(days=KEPT_DAYS).total_seconds()


def test_every_setting_of_runs_has_its_reason():
    text = (ROOT / "dagster_home" / "dagster.yaml").read_text()
    before = {name: line for line, name in re.findall(r"^(.*)\n(\w+):$", text, re.MULTILINE)}
    assert len(before) > 5
    for name in before.keys() - {"telemetry", "nux"}:
        assert before[name].startswith("# "), name


def test_the_services_are_those_of_the_page():
    assert set(SERVICES) == {"postgres", *OURS} == set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    for name, service in SERVICES.items():
        assert re.search(r":[^/:]+$", service["image"]), name
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] == "CMD"
    for name in OURS:
        assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]
        assert (SERVICES[name]["build"]["context"], SERVICES[name]["build"]["dockerfile"]) == ("..", "deploy/Dockerfile")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert SERVICES["code"]["image"] == f"fullcircle:${{FULLCIRCLE_VERSION:-{version}}}"


def test_only_the_ui_is_reached_from_outside_and_only_from_this_machine():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"webserver": ["127.0.0.1:${PORT:-3000}:3000"]}
    assert not any("network_mode" in service or "privileged" in service for service in SERVICES.values())


def test_no_password_is_in_a_file():
    for service in SERVICES.values():
        assert service["environment"]["POSTGRES_PASSWORD"].startswith("${POSTGRES_PASSWORD:?")
    secret = ["deploy/.env", "deploy/backup/x/database.dump"]
    ignored = subprocess.run(["git", "check-ignore", *secret], cwd=ROOT, capture_output=True, text=True)
    assert ignored.stdout.split() == secret
    assert (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()[1] == "*"


def test_what_lasts_is_in_volumes_where_the_image_looks_for_it():
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    for volume, variable in {"store": "FULLCIRCLE_STORE", "dagster_home": "DAGSTER_HOME"}.items():
        place = f"/var/lib/fullcircle/{volume}"
        assert f"{variable}={place}" in dockerfile
        assert all(f"{volume}:{place}" in SERVICES[service]["volumes"] for service in OURS)
    assert "database:/var/lib/postgresql/data" in SERVICES["postgres"]["volumes"]
    assert set(COMPOSE["volumes"]) == {"store", "dagster_home", "database"}
    mounted = {each["target"]: each for each in SERVICES["code"]["volumes"] if isinstance(each, dict)}
    settings = mounted["/var/lib/fullcircle/dagster_home/dagster.yaml"]
    assert (settings["source"], settings["read_only"]) == ("./dagster.yaml", True)


def test_the_code_location_is_where_the_workspace_looks_for_it():
    (location,) = stated(DEPLOY / "workspace.yaml")["load_from"]
    (of_checkout,) = stated(ROOT / "workspace.yaml")["load_from"]
    code, server = SERVICES["code"], location["grpc_server"]
    assert server["location_name"] == of_checkout["python_module"]["location_name"]
    # Under its own name it knows its own runs: `pipelines.run_processes`.
    assert (server["host"], str(server["port"])) == (code["hostname"], code["command"][code["command"].index("--port") + 1])
    assert code["command"][-2:] == ["--location-name", server["location_name"]]


def test_the_image_gets_every_file_that_its_recipe_copies():
    copied = re.findall(r"^COPY (.+) \S+$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    sources = {source for line in copied for source in line.split()}
    let_through = re.findall(r"^!(.+)$", (DEPLOY / "Dockerfile.dockerignore").read_text(), re.MULTILINE)
    assert sources == set(let_through)
    assert all((ROOT / source).exists() for source in sources)
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {package.rstrip("*") for package in packages} <= sources


def pins(name):
    return set(re.findall(r"^\S+==\S+.*(?:\n    --hash=.*)+", (ROOT / name).read_text(), re.MULTILINE))


def test_each_lock_file_holds_the_pins_of_the_one_before():
    plain, production, dev = (pins(f"requirements{which}.lock") for which in ("", "-postgres", "-dev"))
    assert len(plain) > 50
    assert plain < production < dev
    assert {pin.partition("==")[0] for pin in production - plain} == {"dagster-postgres", "psycopg2-binary"}


def test_every_command_of_the_page_is_of_a_service_that_is_there():
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL))
    typed = re.findall(r"docker compose (\w+)((?: -\S+)*) ?([\w ]*)", blocks)
    assert {command for command, _, _ in typed} == {"up", "stop", "exec", "run", "build"}
    for command, _, rest in typed:
        services = rest.split() if command in ("up", "stop", "build") else rest.split()[:1]
        assert set(services) <= set(SERVICES), (command, rest)


@pytest.mark.parametrize("heading", ["Backup", "Restore", "Upgrade"])
def test_what_the_page_types_is_run_by_the_end_to_end_test(heading):
    assert PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0].count("```sh\n") == 1
    assert f'typed("{heading}", ' in (ROOT / "tests" / "end_to_end" / "test_postgres.py").read_text()
