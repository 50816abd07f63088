"""The pods of all executors beside the Pod Security Standard `restricted`, and whether they get a token."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dkron_operator.plan.job.build import build_job
from dkron_pods.executors import EXECUTORS
from dkron_pods.pod_security import USER, restricted
from tests.support.builders import IMAGES, claim, job_view
from tests.support.manifests import shown

Object = dict[str, Any]

CONFIGS: dict[str, dict[str, str]] = {
    "shell": {"command": "id"},
    "docker": {"image": "alpine:3"},
    "kubernetes": {},
    "http": {"method": "GET", "url": "http://a.example/"},
    "grpc": {"url": "a.example:443/x.Y/Z"},
    "kafka": {"brokerAddress": "a.example:9092", "topic": "a", "message": "b"},
    "nats": {"url": "nats://a.example", "subject": "a", "message": "b"},
    "rabbitmq": {"url": "amqp://a.example", "queue.name": "a", "text": "b"},
    "gcppubsub": {"project": "project", "topic": "orders", "data": "Yg=="},
}
CALLS = CONFIGS.keys() - {"shell", "docker", "kubernetes"}
HOST = ("hostNetwork", "hostPID", "hostIPC")
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
LINUX_ONLY = {"runAsUser", "runAsGroup", "seccompProfile", "allowPrivilegeEscalation", "capabilities"}


def contexts(pod: Object) -> list[tuple[Object, Object]]:
    """The security context of each container, and that with what it inherits."""
    of_pod = pod.get("securityContext") or {}
    containers = (*pod.get("initContainers", ()), *pod["containers"])
    return [(own, of_pod | own) for own in (each.get("securityContext") or {} for each in containers)]


def violations(pod: Object) -> set[str]:
    """What `restricted` forbids (https://kubernetes.io/docs/concepts/security/pod-security-standards/)."""
    windows = (pod.get("os") or {}).get("name") == "windows"
    found = {key for key in HOST if pod.get(key)}
    found |= {kind for volume in pod.get("volumes", ()) for kind in volume.keys() - VOLUMES - {"name"}}
    for own, both in contexts(pod):
        capabilities = own.get("capabilities") or {}
        checks = {
            "privileged": not own.get("privileged"),
            "hostProcess": not (both.get("windowsOptions") or {}).get("hostProcess"),
            "allowPrivilegeEscalation": windows or own.get("allowPrivilegeEscalation") is False,
            "capabilities": windows
            or ("ALL" in capabilities.get("drop", ()) and set(capabilities.get("add", ())) <= {"NET_BIND_SERVICE"}),
            "runAsNonRoot": both.get("runAsNonRoot") is True,
            "runAsUser": both.get("runAsUser") != 0,
            "seccompProfile": windows
            or (both.get("seccompProfile") or {}).get("type") in {"RuntimeDefault", "Localhost"},
            "procMount": own.get("procMount", "Default") == "Default",
        }
        found |= {name for name, met in checks.items() if not met}
    ports = (port for each in pod["containers"] for port in each.get("ports", ()))
    return found | ({"hostPort"} if any(port.get("hostPort") for port in ports) else set())


def refusals(pod: Object) -> set[str]:
    """Security contexts of a pod that the API server or a kubelet refuses."""
    found = set()
    windows = (pod.get("os") or {}).get("name") == "windows"
    for own, both in contexts(pod):
        more = own.get("privileged") or "CAP_SYS_ADMIN" in (own.get("capabilities") or {}).get("add", ())
        found |= {"escalation"} if more and own.get("allowPrivilegeEscalation") is False else set()
        found |= {"root"} if both.get("runAsNonRoot") and both.get("runAsUser") == 0 else set()
        found |= {"windows"} if windows and LINUX_ONLY & both.keys() else set()
    return found


def pod_of(executor: str, *, confine: bool = True, **template: Any) -> Object:
    """The spec of the pod that a job with this executor gets; `template` is the pod in its jobTemplate."""
    if executor == "kubernetes":
        template = {"containers": [{"name": "job", "image": "b"}], **template}
    job = job_view(
        executor=executor, executorConfig=CONFIGS[executor], jobTemplate={"spec": {"template": {"spec": template}}}
    )
    assert job.problem is None, job.problem
    pod: Object = build_job(job, claim(), images=IMAGES, confine=confine)["spec"]["template"]["spec"]
    return pod


# --- each executor --------------------------------------------------------------------------------------------------


def test_all_executors_are_here() -> None:
    assert CONFIGS.keys() == EXECUTORS.keys()


@pytest.mark.parametrize("executor", sorted(CONFIGS))
def test_a_pod_is_restricted_and_gets_no_token(executor: str) -> None:
    pod = pod_of(executor, initContainers=[{"name": "first", "image": "a"}])
    assert violations(pod) == set()
    assert pod["automountServiceAccountToken"] is False
    (job,) = pod["containers"]
    assert job["securityContext"].get("readOnlyRootFilesystem", False) is (executor in CALLS)
    assert pod_of(executor, automountServiceAccountToken=True)["automountServiceAccountToken"] is True


@pytest.mark.parametrize("executor", sorted(CONFIGS))
def test_an_installation_may_leave_pods_as_they_are(executor: str) -> None:
    pod = pod_of(executor, confine=False)
    assert "securityContext" not in pod
    assert violations(pod) == (
        set() if executor in CALLS else {"allowPrivilegeEscalation", "capabilities", "runAsNonRoot", "seccompProfile"}
    )
    assert pod.get("automountServiceAccountToken") is (None if executor == "kubernetes" else False)


@pytest.mark.parametrize("name", ["docs/security.md:confined", "docs/security.md:root"])
def test_documented_template_does_what_its_page_says(name: str) -> None:
    (document,) = (each.document for each in shown() if each.name == name)
    job = job_view(**document["spec"])
    pod = build_job(job, claim(), images=IMAGES)["spec"]["template"]["spec"]
    assert ("runAsNonRoot" in violations(pod)) is name.endswith("root")
    assert ("readOnlyRootFilesystem" in contexts(pod)[0][0]) is name.endswith("confined")


def test_a_user_in_the_config_is_kept() -> None:
    for su, expected in (("1000", {"runAsUser": 1000, "runAsNonRoot": True}), ("0", {"runAsUser": 0})):
        job = job_view(executorConfig={"command": "id", "su": su})
        pod = build_job(job, claim(), images=IMAGES)["spec"]["template"]["spec"]
        ((own, both),) = contexts(pod)
        assert {key: both[key] for key in both if key.startswith("runAs")} == expected
        assert ("capabilities" in own) is (su != "0")


# --- what a template says -------------------------------------------------------------------------------------------

IDENTITY = {"runAsNonRoot": True, "runAsUser": USER, "runAsGroup": USER}
SECCOMP = {"seccompProfile": {"type": "RuntimeDefault"}}
CONFINED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
ALL = {**IDENTITY, **SECCOMP, **CONFINED}


@pytest.mark.parametrize(
    ("of_pod", "own", "expected"),
    [
        pytest.param({}, {}, ALL, id="nothing"),
        pytest.param({"runAsUser": 0}, {}, SECCOMP, id="root in the pod"),
        pytest.param({"runAsNonRoot": False}, {}, SECCOMP, id="perhaps root in the pod"),
        pytest.param({}, {"runAsUser": 0}, SECCOMP, id="root in the container"),
        pytest.param({"runAsUser": 0}, {"runAsUser": 7}, {"runAsNonRoot": True, **SECCOMP, **CONFINED}, id="not here"),
        pytest.param({"runAsUser": 7}, {}, {"runAsNonRoot": True, **SECCOMP, **CONFINED}, id="a user"),
        pytest.param({"runAsGroup": 7}, {}, {**ALL, "runAsGroup": 7}, id="a group"),
        pytest.param({"runAsNonRoot": True}, {}, {**SECCOMP, **CONFINED}, id="a user of the image that is not root"),
        pytest.param({}, {"privileged": True}, SECCOMP, id="privileged"),
        pytest.param({}, {"allowPrivilegeEscalation": True}, SECCOMP, id="sudo"),
        pytest.param({}, {"capabilities": {"add": ["CAP_SYS_ADMIN"]}}, SECCOMP, id="a capability"),
        pytest.param(
            {}, {"capabilities": {"add": ["NET_BIND_SERVICE"]}},
            {**ALL, "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]}}, id="the allowed capability",
        ),
        pytest.param({}, {"capabilities": {"drop": []}}, {**ALL, "capabilities": {"drop": []}}, id="none dropped"),
        pytest.param({"seccompProfile": {"type": "Unconfined"}}, {}, {**IDENTITY, **CONFINED}, id="a profile"),
        pytest.param({"runAsUser": None}, {"allowPrivilegeEscalation": None}, ALL, id="null"),
        pytest.param({"fsGroup": 7}, {"readOnlyRootFilesystem": True}, ALL, id="what no default is about"),
    ],
)  # fmt: skip
def test_container_gets_defaults_beside_its_template(of_pod: Object, own: Object, expected: Object) -> None:
    pod = pod_of("kubernetes", securityContext=of_pod, containers=[{"name": "a", "image": "b", "securityContext": own}])
    ((_, both),) = contexts(pod)
    said = {key: value for key, value in (of_pod | own).items() if value is not None}
    assert both == {**said, **expected}


def test_root_container_leaves_the_others_restricted() -> None:
    root = {"name": "root", "image": "a", "securityContext": {"runAsUser": 0}}
    pod = pod_of("http", initContainers=[root], containers=[{"name": "beside", "image": "b"}])
    assert violations({**pod, "initContainers": []}) == set()
    assert violations({**pod, "containers": []}) == {
        "allowPrivilegeEscalation",
        "capabilities",
        "runAsNonRoot",
        "runAsUser",
    }
    assert "securityContext" not in pod


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, {"runAsNonRoot": True}), ({"hostProcess": True}, {}), ({"runAsUserName": "ContainerAdministrator"}, {})],
    ids=["plain", "host process", "administrator"],
)
def test_a_pod_of_windows_gets_no_field_of_linux(options: Object, expected: Object) -> None:
    said = {"windowsOptions": options} if options else {}
    pod = pod_of("kubernetes", os={"name": "windows"}, securityContext=said)
    assert [both for _, both in contexts(pod)] == [{**said, **expected}]


@pytest.mark.parametrize("context", ["root", [], 7], ids=type)
def test_invalid_security_context_is_left_to_the_api_server(context: object) -> None:
    assert restricted({"securityContext": context, "containers": []})["securityContext"] == context


users = st.sampled_from([0, 7, USER])
capabilities = st.fixed_dictionaries(
    {},
    optional={
        "add": st.lists(st.sampled_from(["NET_BIND_SERVICE", "CAP_SYS_ADMIN", "CHOWN"]), max_size=2),
        "drop": st.lists(st.sampled_from(["ALL", "NET_RAW"]), max_size=1),
    },
)
inherited: Any = {
    "runAsNonRoot": st.booleans(),
    "runAsUser": users,
    "runAsGroup": users,
    "seccompProfile": st.sampled_from([{"type": "Unconfined"}, {"type": "Localhost", "localhostProfile": "a"}]),
}
own_fields: Any = {
    **inherited,
    "privileged": st.booleans(),
    "allowPrivilegeEscalation": st.booleans(),
    "capabilities": capabilities,
    "readOnlyRootFilesystem": st.booleans(),
}
containers = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from("abcd"), "image": st.just("i")},
        optional={"securityContext": st.fixed_dictionaries({}, optional=own_fields)},
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda each: str(each["name"]),
)
templates = st.fixed_dictionaries(
    {"containers": containers},
    optional={
        "initContainers": containers,
        "securityContext": st.fixed_dictionaries({}, optional={**inherited, "fsGroup": users}),
        "automountServiceAccountToken": st.booleans(),
    },
)


def leaves(value: object, path: tuple[object, ...] = ()) -> dict[tuple[object, ...], object]:
    """Each value that a template sets, by its place; lists of texts are values."""
    if isinstance(value, dict):
        pairs: Any = value.items()
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        pairs = enumerate(value)
    else:
        return {path: value}
    return {place: leaf for key, each in pairs for place, leaf in leaves(each, (*path, key)).items()}


@given(templates)
def test_template_is_kept_and_only_it_can_break_the_rules(template: Object) -> None:
    pod = pod_of("kubernetes", **template)
    said, found = leaves(template), leaves(pod)
    assert {place: found.get(place) for place, leaf in said.items() if leaf != {}} == {
        place: leaf for place, leaf in said.items() if leaf != {}
    }
    assert refusals(pod) <= refusals(template)
    if not any(own or both for own, both in contexts(template)):
        assert violations(pod) == set()


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"hostNetwork": True}, "hostNetwork"),
        ({"volumes": [{"name": "a", "hostPath": {"path": "/"}}]}, "hostPath"),
        ({"containers": [{"name": "job", "securityContext": {"privileged": True}}]}, "privileged"),
        ({"containers": [{"name": "job", "ports": [{"hostPort": 80}]}]}, "hostPort"),
    ],
)
def test_violation_by_a_template_is_found(change: Object, what: str) -> None:
    assert what in violations(pod_of("http", **change))
