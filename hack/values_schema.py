"""Writes the chart's values.schema.json: strict, so that a misspelt value is refused before anything is installed.

What stands in `cluster` follows from the models, the names of alerts from files/alerts.yaml. `make generate` runs it;
with `--check` it only tells whether the file is as it should be.
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from charttools.swagger import closed
from dkron_crds.cluster import DkronCluster
from dkron_crds.generate.structural import structural_schema
from dkron_crds.node_tags import LABEL_VALUE
from generated_page import write_or_compare

Schema = dict[str, Any]

CHART = Path(__file__).parents[1] / "charts" / "dkron-operator"
FILE = CHART / "values.schema.json"
DRAFT = "http://json-schema.org/draft-07/schema#"
NAME = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$"
TEXT: Schema = {"type": "string"}
SWITCH: Schema = {"type": "boolean"}
OBJECT: Schema = {"type": "object"}
OBJECTS: Schema = {"type": "array", "items": OBJECT}
TEXTS: Schema = {"type": "array", "items": TEXT}
WORDS: Schema = {"type": "array", "items": {"type": "string", "pattern": r"^[^\s,]+$"}}
"""Texts that are joined with commas."""
LABELS: Schema = {"type": "object", "additionalProperties": TEXT}
NAMESPACE: Schema = {"type": "string", "maxLength": 63, "pattern": NAME}
NAMESPACES: Schema = {"type": "array", "items": NAMESPACE | {"minLength": 1}}
SERVED: Schema = {
    "type": "array",
    "uniqueItems": True,
    "items": {"type": "string", "maxLength": 63, "pattern": r"^(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$"},
}
"""Namespaces, or `*` for all."""
PORT: Schema = {"type": "integer", "minimum": 1, "maximum": 65535}
PERIOD: Schema = {"type": "string", "pattern": r"^([0-9]+(ms|[smhdwy]))+$"}
MOST_OPERATORS = 5
"""One works and the others wait, each with all jobs in memory: more of them make nothing safer."""
TAG: Schema = {"type": "string", "minLength": 1, "pattern": LABEL_VALUE}
INTERVAL: Schema = {"type": "string", "pattern": r"^((24h)?|(1?[0-9]h|2[0-3]h)?([0-5]?[0-9]m)?([0-5]?[0-9]s)?)$"}
"""Up to a day: an interval between days is not compared."""
DIGEST: Schema = {"type": "string", "pattern": r"^(sha256:[0-9a-f]{64})?$"}


def strict(**properties: Schema) -> Schema:
    """An object that has no other keys."""
    return {"type": "object", "additionalProperties": False, "properties": properties}


def shared(name: str) -> Schema:
    """What is defined once, under `definitions`."""
    return {"$ref": f"#/definitions/{name}"}


def number(minimum: int, maximum: int | None = None) -> Schema:
    """An integer between two others."""
    return {"type": "integer", "minimum": minimum} | ({} if maximum is None else {"maximum": maximum})


def one_of(*texts: str) -> Schema:
    """One of a few words."""
    return {"type": "string", "enum": list(texts)}


def several_of(*texts: str) -> Schema:
    """At least one of a few words, each once."""
    return {"type": "array", "items": one_of(*texts), "minItems": 1, "uniqueItems": True}


def component(*, replicas: Schema, **own: Schema) -> Schema:
    """The values of a program that runs in pods, and those that it has alone."""
    return strict(
        replicas=replicas,
        **own,
        log=strict(format=one_of("json", "text"), level=one_of("debug", "info", "warning", "error")),
        resources=strict(requests=OBJECT, limits=OBJECT, claims=OBJECTS),
        startupProbe=shared("probe"),
        livenessProbe=shared("probe"),
        readinessProbe=shared("probe"),
        terminationGracePeriodSeconds=number(1),
        podSecurityContext=OBJECT,
        securityContext=OBJECT,
        priorityClassName=TEXT,
        nodeSelector=LABELS,
        affinity=OBJECT,
        tolerations=OBJECTS,
        topologySpreadConstraints=OBJECTS,
        podLabels=LABELS,
        podAnnotations=LABELS,
        extraArgs=TEXTS,
        extraEnv=OBJECTS,
        extraEnvFrom=OBJECTS,
        extraVolumes=OBJECTS,
        extraVolumeMounts=OBJECTS,
        podDisruptionBudget=strict(enabled=SWITCH, maxUnavailable={"type": ["integer", "string"]}),
        serviceAccount=strict(create=SWITCH, name=TEXT, annotations=LABELS, automount=SWITCH),
    )


def probe() -> Schema:
    """The timing of a probe; what is asked is the chart's business."""
    seconds = {"initialDelaySeconds": number(0), "periodSeconds": number(1), "timeoutSeconds": number(1)}
    return strict(**seconds, failureThreshold=number(1), successThreshold=number(1)) | {"type": ["object", "null"]}


def monitored(**own: Schema) -> Schema:
    """Something that a monitoring system finds by its labels."""
    return strict(enabled=SWITCH, labels=LABELS, annotations=LABELS, **own)


def alerts() -> Schema:
    """What can be changed of an alert, for each that there is."""
    groups = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    severity = one_of("critical", "warning", "info")
    changes = strict(enabled=SWITCH, severity=severity, threshold={"type": "number"}, **{"for": PERIOD})
    return strict(**{rule["alert"]: changes for group in groups for rule in group["rules"]})


def schema() -> Schema:
    """The whole schema."""
    values = strict(
        nameOverride=TEXT,
        fullnameOverride=TEXT,
        commonLabels=LABELS,
        image=strict(
            registry=TEXT,
            repository=TEXT | {"minLength": 1},
            tag=TEXT,
            digest=DIGEST,
            pullPolicy=one_of("Always", "IfNotPresent", "Never"),
        ),
        imagePullSecrets={"type": "array", "items": strict(name=TEXT)},
        crds=strict(enabled=SWITCH, keep=SWITCH, annotations=LABELS),
        watchNamespaces=NAMESPACES,
        rbac=strict(create=SWITCH, aggregate=SWITCH, nodes=SWITCH, secretNames=TEXTS),
        operator=component(
            replicas=number(0, MOST_OPERATORS),
            strategy=strict(type=one_of("RollingUpdate", "Recreate")),
            minReadySeconds=number(0),
            refusedNamespaces=NAMESPACES,
            lease=strict(
                durationSeconds=number(1, 3600),
                renewDeadlineSeconds={"type": "number", "exclusiveMinimum": 0},
                retryPeriodSeconds={"type": "number", "minimum": 0.1},
            ),
        ),
        api=component(
            replicas=number(0),
            enabled=SWITCH,
            mode=one_of("sidecar", "deployment"),
            namespace=NAMESPACE,
            namespaces=SERVED,
            auth=several_of("kubernetes", "dkron", "none"),
            audiences=WORDS,
            allowedHosts=WORDS,
            corsOrigins=TEXTS,
            rate={"type": "number", "minimum": 0},
            runWaits=SWITCH,
            service=strict(
                type=one_of("ClusterIP"), port=PORT, sessionAffinity=one_of("ClientIP", "None"), annotations=LABELS
            ),
        ),
        jobs=strict(
            inReleaseNamespace=SWITCH,
            podSecurity=one_of("restricted", "unset"),
            defaultImage=TEXT,
            executorImage=TEXT,
            inlineCalls=number(0, 1000),
            inlineAllow=WORDS,
            inlineDeny=WORDS,
            strict=SWITCH,
            datacenter=TAG,
            region=TAG,
            outputDir={"type": "string", "pattern": "^(/.*)?$"},
            serviceAccount=strict(create=SWITCH, name=TEXT, annotations=LABELS),
        ),
        cluster=cluster(),
        guardRails=strict(
            enabled=SWITCH,
            action=one_of("Deny", "Warn"),
            batchJobs=SWITCH,
            images=WORDS,
            serviceAccounts=WORDS,
            allowHostPath=SWITCH,
            allowHostNamespaces=SWITCH,
            allowPrivileged=SWITCH,
            requiredLimits=WORDS,
            minimumInterval=INTERVAL,
            largestTemplate=number(0),
        ),
        networkPolicy=strict(
            enabled=SWITCH,
            api=strict(**{"from": OBJECTS}),
            metrics=strict(**{"from": OBJECTS}),
            egress=strict(enabled=SWITCH, apiServerPorts={"type": "array", "items": PORT}, to=OBJECTS),
        ),
        ingress=strict(
            enabled=SWITCH,
            className=TEXT,
            annotations=LABELS,
            hosts=TEXTS,
            path={"type": "string", "pattern": "^/"},
            pathType=one_of("Exact", "Prefix", "ImplementationSpecific"),
            tls={"type": "array", "items": strict(secretName=TEXT, hosts=TEXTS)},
        ),
        httpRoute=strict(
            enabled=SWITCH, annotations=LABELS, parentRefs=OBJECTS, hostnames=TEXTS, matches=OBJECTS, filters=OBJECTS
        ),
        monitoring=strict(
            perJob=SWITCH,
            checkResources=SWITCH,
            serviceMonitor=monitored(
                interval=PERIOD,
                scrapeTimeout=PERIOD,
                authorization=OBJECT,
                metricRelabelings=OBJECTS,
                relabelings=OBJECTS,
            ),
            prometheusRule=monitored(
                namespace=NAMESPACE, selector=TEXT, alerts=alerts(), ruleLabels=LABELS, additionalRules=OBJECTS
            ),
            dashboard=monitored(namespace=NAMESPACE),
            kubeStateMetrics=monitored(namespace=NAMESPACE, serviceAccount=strict(name=TEXT, namespace=NAMESPACE)),
        ),
        tracing=strict(endpoint={"type": "string", "pattern": r"^(https?://\S+)?$"}, resourceAttributes=LABELS),
        tests=strict(enabled=SWITCH, timeoutSeconds=number(1)),
        extraObjects={"type": "array", "items": {"type": ["object", "string"]}},
        **{"global": OBJECT},  # Helm hands it to every chart that is a part of another
    )
    return {
        "$schema": DRAFT,
        "title": "Values of the chart dkron-operator",
        **values,
        "definitions": {"probe": probe()},
    }


def cluster() -> Schema:
    """The spec of the DkronCluster as a strict schema; what needs more than a schema, the API server says."""
    spec = structural_schema(DkronCluster)["properties"]["spec"]
    return closed(spec)


def main() -> int:
    """Write the file, or compare; the exit status."""
    wanted = json.dumps(schema(), indent=2) + "\n"
    return write_or_compare(FILE, wanted, source="hack/values_schema.py and the models", arguments=sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
