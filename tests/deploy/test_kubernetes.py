"""The manifests against the program they start: rendered by kustomize, checked field by field, then by schema."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any, get_type_hints

import pytest
import yaml
from fastapi.routing import iter_route_contexts
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import create_async_engine

from lemai_chassis import kafka, operations, reference, service
from lemai_chassis.delivery.engine import Engine, Storage
from lemai_chassis.settings import Settings

JsonObject = dict[str, Any]
REPOSITORY = Path(__file__).parents[2]
BASE = "deploy/k8s/base"
SERVICES = sorted(project.parent.name for project in (REPOSITORY / "services").glob("*/pyproject.toml"))
KINDS = {"ConfigMap", "Deployment", "NetworkPolicy", "PersistentVolumeClaim", "PodDisruptionBudget", "Service"}
SECRET = "postgresql+asyncpg://known:to@the.cluster/only"
PROBES = {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
KUBERNETES = "1.36"


def render(folder: Path) -> list[JsonObject]:
    rendered = subprocess.run([_tool("kubectl"), "kustomize", folder], check=True, capture_output=True)
    return list(yaml.safe_load_all(rendered.stdout))


def problems(objects: Sequence[JsonObject]) -> list[str]:
    """What of the manifests does not fit the services, each naming its service."""
    config = {found["metadata"]["name"]: found["data"] for found in objects if found["kind"] == "ConfigMap"}
    found = [f"{kind}: neither needed nor checked" for kind in sorted({each["kind"] for each in objects} - KINDS)]
    for name in SERVICES:
        deployment, address = _named(objects, "Deployment", name), _named(objects, "Service", name)
        if deployment is None or address is None:
            found.append(f"{name}: has no Deployment or no Service")
            continue
        pod = deployment["spec"]["template"]
        found += [f"{name}: {problem}" for problem in _pod_problems(name, pod["spec"], config)]
        budget = _named(objects, "PodDisruptionBudget", name)
        if budget is None or budget["spec"]["selector"]["matchLabels"].items() - pod["metadata"]["labels"].items():
            found.append(f"{name}: has no PodDisruptionBudget")
        if address["spec"]["selector"].items() - pod["metadata"]["labels"].items():
            found.append(f"{name}: its Service selects other pods")
        ports = {port["name"] for port in pod["spec"]["containers"][0]["ports"]}
        found += [
            f"{name}: no port {p['targetPort']}" for p in address["spec"]["ports"] if p["targetPort"] not in ports
        ]
    return found


def _pod_problems(name: str, pod: JsonObject, config: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    [migrate], [running] = pod["initContainers"], pod["containers"]
    program = ["python", "-m", name.replace("-", "_")]
    if find_spec(f"{program[-1]}.__main__") is None:
        yield f"{program[-1]} is no program"
    for container, command in ((migrate, [*program, "migrate"]), (running, program)):
        if container["command"] != command:
            yield f"{container['name']} runs {' '.join(container['command'])}"
        if not container["image"].startswith(f"lemai/{name}:"):
            yield f"{container['name']} is of {container['image']}"
        yield from _hardening_problems(pod, container)
        if wrong := list(_settings_problems(name, container, config)):
            yield from wrong
        elif container is running:
            yield from _place_problems(name, pod, config)
    yield from _probe_problems(running)
    graceful_s = running["lifecycle"]["preStop"]["sleep"]["seconds"] + service.STOP_TIMEOUT_S + kafka.STOP_TIMEOUT_S
    if pod["terminationGracePeriodSeconds"] <= graceful_s:
        yield f"is killed before it has stopped, which takes {graceful_s} s"


def _settings_problems(name: str, container: JsonObject, config: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    fields = _settings_type(name).model_fields
    given = _environment(container, config)
    for variable in sorted(given.keys() - {field.upper() for field in fields}):
        yield f"{container['name']}: {variable} is no setting"
    for field, how in fields.items():
        if how.is_required() and field.upper() not in given:
            yield f"{container['name']}: {field.upper()} is missing"
        is_secret = SecretStr in (how.annotation, *getattr(how.annotation, "__args__", ()))
        if is_secret and given.get(field.upper(), SECRET) != SECRET:
            yield f"{container['name']}: {field.upper()} stands in the manifest"


def _probe_problems(container: JsonObject) -> Iterator[str]:
    offered = {route.path for route in iter_route_contexts(_operations().routes)}
    ports = {port["name"] for port in container["ports"]}
    for probe, path in PROBES.items():
        asked = container.get(probe, {}).get("httpGet")
        if asked is None:
            yield f"has no {probe}"
        elif asked["path"] != path or path not in offered or asked["port"] not in ports:
            yield f"{probe} asks {asked['port']}{asked['path']}"


def _hardening_problems(pod: JsonObject, container: JsonObject) -> Iterator[str]:
    context = pod["securityContext"] | container.get("securityContext", {})
    wanted = {
        "runAsNonRoot": True,
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    for key, value in wanted.items():
        if context.get(key) != value:
            yield f"{container['name']}: {key} is {context.get(key)}"
    resources = container.get("resources", {})
    if not {"cpu", "memory"} <= resources.get("requests", {}).keys() or "memory" not in resources.get("limits", {}):
        yield f"{container['name']}: resources are not bounded"


def _place_problems(name: str, pod: JsonObject, config: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """It listens where its port is, every path a setting names is on a volume, and every volume is there."""
    [container] = pod["containers"]
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    if missing := set(mounts.values()) - {volume["name"] for volume in pod["volumes"]}:
        yield f"no volume {', '.join(sorted(missing))}"
    told = _environment(container, config)
    paths = {variable: value for variable, value in told.items() if value.startswith("/")}
    for variable, value in paths.items():
        if not any(PurePosixPath(value).is_relative_to(mount) for mount in mounts):
            yield f"{variable}={value} is on no volume"
    # Some settings want a file that is there, as it will be on its volume.
    there = {variable.lower(): __file__ if variable in paths else value for variable, value in told.items()}
    settings = _settings_type(name).model_validate(there)
    if settings.http_host != "0.0.0.0" or settings.http_port != container["ports"][0]["containerPort"]:
        yield f"listens on {settings.http_host}:{settings.http_port}"


def _settings_type(name: str) -> type[Settings]:
    bootstrap = import_module(f"{name.replace('-', '_')}.bootstrap")
    settings_type: type[Settings] = get_type_hints(bootstrap.build)["settings"]
    return settings_type


def _environment(container: JsonObject, config: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """What the container is told; values that are only referenced read SECRET."""
    told: dict[str, str] = {}
    for source in container["envFrom"]:
        told |= config[source["configMapRef"]["name"]]
    return told | {variable["name"]: variable.get("value", SECRET) for variable in container["env"]}


def _operations() -> Any:
    engine = Engine(create_async_engine("postgresql+asyncpg://"), "manifests", Storage.of())
    return operations.router(engine, lambda: 0, [])


def _named(objects: Sequence[JsonObject], kind: str, name: str) -> JsonObject | None:
    return next((each for each in objects if (each["kind"], each["metadata"]["name"]) == (kind, name)), None)


def _secrets(node: object) -> set[str]:
    """Names of the secrets that manifests refer to."""
    match node:
        case {"secretKeyRef": {"name": str(name)}} | {"secretName": str(name)}:
            return {name}
        case dict():
            return _secrets(list(node.values()))
        case list():
            return {name for inner in node for name in _secrets(inner)}
    return set()


def _tool(name: str) -> Path:
    return Path(sys.executable).with_name(name)


@pytest.fixture(scope="module")
def objects() -> list[JsonObject]:
    return render(REPOSITORY / BASE)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the manifests to plant mistakes in."""
    for folder in (BASE, "config"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    return tmp_path


def test_the_manifests_fit_the_services(objects: list[JsonObject]) -> None:
    assert problems(objects) == []


def test_the_manifests_fit_the_schemas_of_kubernetes(objects: list[JsonObject], tmp_path: Path) -> None:
    assert _validate(objects, tmp_path).returncode == 0


def test_a_misspelt_field_is_refused_by_the_schemas(objects: list[JsonObject], tmp_path: Path) -> None:
    misspelt = yaml.safe_load(yaml.safe_dump(objects).replace("readOnlyRootFilesystem", "readonlyRootFilesystem"))

    assert _validate(misspelt, tmp_path).returncode != 0


def test_the_reference_data_comes_along_unchanged(objects: list[JsonObject], tmp_path: Path) -> None:
    [text] = [each["data"]["lemai.yaml"] for each in objects if "lemai.yaml" in each.get("data", {})]
    (tmp_path / "lemai.yaml").write_text(text, encoding="utf-8")

    assert reference.read(tmp_path / "lemai.yaml") == reference.read(REPOSITORY / "config" / "lemai.yaml")


def test_the_guide_names_every_secret_and_its_overlay_works(objects: list[JsonObject], copy: Path) -> None:
    guide = (REPOSITORY / BASE).with_name("README.md").read_text(encoding="utf-8")
    [overlay] = re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)
    folder = copy / "deploy/k8s/overlays/example"
    folder.mkdir(parents=True)
    (folder / "kustomization.yaml").write_text(overlay, encoding="utf-8")
    (folder / "lemai.yaml").write_text("version: ours", encoding="utf-8")
    (folder / "acme.yaml").write_text("id: acme", encoding="utf-8")

    rendered = render(folder)
    config = [each["data"] for each in rendered if each["kind"] == "ConfigMap"]
    named = {each["metadata"]["name"] for each in rendered if each["kind"] == "ConfigMap"}
    deployment = _named(rendered, "Deployment", "kingdee-adapter")
    assert deployment is not None
    [mounted] = [each["projected"] for each in deployment["spec"]["template"]["spec"]["volumes"] if "projected" in each]
    assert {source["configMap"]["name"] for source in mounted["sources"]} <= named

    assert {"lemai.yaml": "version: ours"} in config
    assert "lemai-kafka-bootstrap:9093" in [data.get("KAFKA_BOOTSTRAP_SERVERS") for data in config]
    assert {name for name in _secrets(objects) if f"`{name}`" not in guide} == set()


def test_exchange_folders_outlive_the_pod_and_have_one_writer(objects: list[JsonObject]) -> None:
    deployment = _named(objects, "Deployment", "kingdee-adapter")
    assert deployment is not None
    spec = deployment["spec"]
    [claim] = [volume for volume in spec["template"]["spec"]["volumes"] if "persistentVolumeClaim" in volume]
    [root] = [v["value"] for v in spec["template"]["spec"]["containers"][0]["env"] if v["name"] == "DOCKING_ROOT"]
    mounts = {mount["name"]: mount["mountPath"] for mount in spec["template"]["spec"]["containers"][0]["volumeMounts"]}

    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    assert mounts[claim["name"]] == root
    assert _named(objects, "PersistentVolumeClaim", claim["persistentVolumeClaim"]["claimName"])


def test_a_network_policy_holds_for_every_pod_and_opens_what_the_settings_name(objects: list[JsonObject]) -> None:
    policy = _named(objects, "NetworkPolicy", "lemai-dock")
    assert policy is not None
    selected = policy["spec"]["podSelector"]["matchLabels"].items()
    pods = [each["spec"]["template"] for each in objects if each["kind"] == "Deployment"]
    assert [pod for pod in pods if selected - pod["metadata"]["labels"].items()] == []

    [broker] = {each["data"]["KAFKA_BOOTSTRAP_SERVERS"] for each in objects if "KAFKA_CA_FILE" in each.get("data", {})}
    ranges = [(out["port"], out.get("endPort", out["port"])) for out in policy["spec"]["egress"][0]["ports"]]
    assert any(low <= int(broker.rpartition(":")[2]) <= high for low, high in ranges)
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]


def test_memory_fits_the_largest_sheets_and_files(objects: list[JsonObject]) -> None:
    for name in ("catalog-svc", "kingdee-adapter"):
        deployment = _named(objects, "Deployment", name)
        assert deployment is not None
        [running] = deployment["spec"]["template"]["spec"]["containers"]
        assert running["resources"]["limits"]["memory"] == "1Gi"


@pytest.mark.parametrize(
    ("file", "right", "wrong", "found"),
    [
        ("order-svc.yaml", "DATABASE_URL", "DATABASE_ULR", ["DATABASE_ULR is no setting", "DATABASE_URL is missing"]),
        ("stock-svc.yaml", "valueFrom: {", "value: clear #", ["DATABASE_URL stands in the manifest"]),
        ("kustomization.yaml", "HTTP_PORT=8000", "HTTP_PORT=8001", ["listens on 0.0.0.0:8001"]),
        ("every-deployment.yaml", "path: /readyz", "path: /ready", ["readinessProbe asks http/ready"]),
        ("every-deployment.yaml", "livenessProbe:", "liveness:", ["has no livenessProbe"]),
        ("every-deployment.yaml", "drop: [ALL]", "drop: [NET_RAW]", ["capabilities is {'drop': ['NET_RAW']}"]),
        ("every-deployment.yaml", "Seconds: 30", "Seconds: 10", ["is killed before it has stopped"]),
        (
            "kingdee-adapter.yaml",
            "value: /var/lib",
            "value: /data",
            ["DOCKING_ROOT=/data/lemai/docking is on no"],
        ),
        ("stock-svc.yaml", "targetPort: http", "targetPort: web", ["no port web"]),
    ],
)
def test_a_planted_mistake_is_refused(copy: Path, file: str, right: str, wrong: str, found: list[str]) -> None:
    path = copy / BASE / file
    assert right in path.read_text(encoding="utf-8")
    path.write_text(path.read_text(encoding="utf-8").replace(right, wrong), encoding="utf-8")

    refused = problems(render(copy / BASE))

    assert all(any(problem in refusal for refusal in refused) for problem in found), refused


def test_the_image_installs_a_service_with_everything_it_needs(tmp_path: Path) -> None:
    """The Dockerfile's own install step, on this machine: an image cannot be built without a container engine."""
    dockerfile = (REPOSITORY / "deploy/k8s/Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
    [install] = re.findall(r"^RUN cd /src && (uv pip install .*)$", dockerfile, re.MULTILINE)
    uv, python = _tool("uv"), tmp_path / "bin" / "python"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, tmp_path], check=True)
    environment = os.environ | {"PACKAGE": "marketplace_adapter", "PATH": f"{uv.parent}:{os.environ['PATH']}"}
    subprocess.run(["sh", "-ec", install.replace("/venv", str(tmp_path))], cwd=REPOSITORY, check=True, env=environment)

    used = "from lemai_marketplace.plugins import load; load('tmall'); import marketplace_adapter.bootstrap"
    subprocess.run([python, "-c", used], cwd=tmp_path, check=True)


def _validate(objects: Sequence[JsonObject], folder: Path) -> subprocess.CompletedProcess[bytes]:
    file = folder / "objects.yaml"
    file.write_text(yaml.safe_dump_all(objects), encoding="utf-8")
    return subprocess.run(
        [_tool("kubernetes-validate"), "-k", KUBERNETES, "--strict", file], capture_output=True, check=False
    )
