"""Writes the chart's values.schema.json: strict, so that a misspelt value is refused before anything is installed.

What stands in `cluster` follows from the models, the names of alerts from files/alerts.yaml, the descriptions from the
comments in values.yaml. `make generate` runs it; with `--check` it only tells whether the file is as it should be.
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
from values_comments import Comments, comments

Schema = dict[str, Any]

CHART = Path(__file__).parents[1] / "charts" / "dkron-operator"
FILE = CHART / "values.schema.json"
DRAFT = "http://json-schema.org/draft-07/schema#"
NAME = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$"
TEXT: Schema = {"type": "string"}
SWITCH: Schema = {"type": "boolean"}
AUTO: Schema = {"enum": ["auto", True, False]}
OBJECT: Schema = {"type": "object"}
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
ADDRESS: Schema = {"type": "string", "pattern": r"^(https?://\S+)?$"}
HOURS: Schema = {"type": "string", "pattern": r"^([0-9]+[hms])*$"}
"""As Go writes durations."""
PATH: Schema = {"type": "string", "pattern": r"^(/[A-Za-z0-9._~-]+)*$"}
DIGEST: Schema = {"type": "string", "pattern": r"^(sha256:[0-9a-f]{64})?$"}


def strict(**properties: Schema) -> Schema:
    """An object that has no other keys."""
    return {"type": "object", "additionalProperties": False, "properties": properties}


def said(text: str, schema: Schema) -> Schema:
    """With this description, at the beginning. A comment in values.yaml replaces it."""
    return {"description": text} | schema | {"description": text}


def objects(what: str) -> Schema:
    """Several objects of Kubernetes' API, or of another that the chart only passes on."""
    return {"type": "array", "items": said(what, OBJECT)}


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
        resources=resources(),
        startupProbe=shared("probe"),
        livenessProbe=shared("probe"),
        readinessProbe=shared("probe"),
        terminationGracePeriodSeconds=number(1),
        podSecurityContext=OBJECT,
        securityContext=OBJECT,
        priorityClassName=TEXT,
        nodeSelector=LABELS,
        affinity=OBJECT,
        tolerations=objects("a toleration of a pod"),
        topologySpreadConstraints=objects("a topology spread constraint of a pod"),
        podLabels=LABELS,
        podAnnotations=LABELS,
        extraArgs=TEXTS,
        extraEnv=objects("an environment variable of a container"),
        extraEnvFrom=objects("a ConfigMap or Secret with environment variables of a container"),
        extraVolumes=objects("a volume of a pod"),
        extraVolumeMounts=objects("a mount of a container"),
        runtimeClassName=TEXT,
        hostAliases=objects("an address and its names"),
        dnsPolicy=one_of("", "ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
        dnsConfig=OBJECT,
        initContainers=objects("a container"),
        extraContainers=objects("a container"),
        podDisruptionBudget=strict(enabled=SWITCH, maxUnavailable={"type": ["integer", "string"]}),
        serviceAccount=said(
            "The account of its pods", strict(create=SWITCH, name=TEXT, annotations=LABELS, automount=SWITCH)
        ),
    )


def resources() -> Schema:
    """What a container asks for."""
    return strict(
        requests=said("What a node has to have left, by the name of the resource", OBJECT),
        limits=said("The most that the container may use, by the name of the resource", OBJECT),
        claims=said("Claims of the pod that the container uses", objects("a claim by its name")),
    )


def short_lived(**own: Schema) -> Schema:
    """The values of pods that end by themselves, and those that they have alone."""
    return strict(
        **own,
        resources=resources(),
        priorityClassName=TEXT,
        nodeSelector=LABELS,
        affinity=OBJECT,
        tolerations=objects("a toleration of a pod"),
    )


def service(**own: Schema) -> Schema:
    """The values of a Service, and those that it has alone."""
    return strict(
        **own,
        annotations=LABELS,
        ipFamilyPolicy=one_of("", "SingleStack", "PreferDualStack", "RequireDualStack"),
        ipFamilies={"type": "array", "items": one_of("IPv4", "IPv6"), "maxItems": 2, "uniqueItems": True},
    )


def probe() -> Schema:
    """The timing of a probe; what is asked is the chart's business."""
    timing = strict(
        initialDelaySeconds=said("Seconds before the first probe", number(0)),
        periodSeconds=said("Seconds between two probes", number(1)),
        timeoutSeconds=said("Seconds that an answer may take", number(1)),
        failureThreshold=said("Probes in a row that have to fail", number(1)),
        successThreshold=said("Probes in a row that have to succeed after one that has failed", number(1)),
    )
    return timing | {"type": ["object", "null"]}


def tls() -> Schema:
    """The certificate of the REST API."""
    return strict(
        secretName=TEXT,
        certManager=strict(
            enabled=SWITCH,
            checkResources=SWITCH,
            issuerRef=strict(name=TEXT, kind=TEXT, group=TEXT),
            duration=HOURS,
            renewBefore=HOURS,
            dnsNames=TEXTS,
        ),
    )


def oidc() -> Schema:
    """The issuer whose tokens the REST API takes."""
    authorities = strict(name=TEXT, key=TEXT | {"minLength": 1})
    return strict(
        issuer=ADDRESS,
        audience=WORDS,
        jwks={"type": "string", "pattern": r"^((https?:/)?/\S+)?$"},
        usernameClaim=TEXT,
        usernamePrefix=TEXT,
        groupsClaim=TEXT,
        groupsPrefix=TEXT,
        rights=one_of("kubernetes", "dkron"),
        policiesClaim=TEXT,
        caConfigMap=authorities,
        caSecret=authorities,
    )


def monitored(**own: Schema) -> Schema:
    """Something that a monitoring system finds by its labels."""
    return strict(enabled=SWITCH, labels=LABELS, annotations=LABELS, **own)


def alerts() -> Schema:
    """What can be changed of an alert, for each that there is."""
    groups = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    severity = one_of("critical", "warning", "info")
    changes = strict(
        enabled=said("Whether the alert is there", SWITCH),
        severity=said("The label `severity`", severity),
        threshold=said("The number that the expression compares with", {"type": "number"}),
        **{"for": said("How long the expression has to hold", PERIOD)},
    )
    rules = (rule for group in groups for rule in group["rules"])
    return strict(**{rule["alert"]: said(rule["annotations"]["summary"], changes) for rule in rules})


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
        imagePullSecrets={"type": "array", "items": strict(name=said("Name of the Secret", TEXT))},
        openshift=AUTO,
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
            namespaceBudget=strict(creates={"type": ["number", "null"], "minimum": 0, "maximum": 10000}),
            service=service(),
        ),
        api=component(
            replicas=number(0),
            enabled=SWITCH,
            mode=one_of("sidecar", "deployment"),
            namespace=NAMESPACE,
            namespaces=SERVED,
            auth=several_of("kubernetes", "dkron", "oidc", "none"),
            audiences=WORDS,
            allowedHosts=WORDS,
            corsOrigins=TEXTS,
            rate={"type": ["number", "null"], "minimum": 0},
            maxStreamsPerCaller=number(0),
            trustedProxies=WORDS,
            rootPath=PATH,
            traceUrl={"type": "string", "pattern": r"^(https?://.*\{trace_id\}.*)?$"},
            tls=tls(),
            oidc=oidc(),
            runWaits=SWITCH,
            service=service(type=one_of("ClusterIP"), port=PORT, sessionAffinity=one_of("ClientIP", "None")),
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
            outputQuota={"type": ["integer", "string"], "minimum": 0, "pattern": r"^([0-9]{1,15}([KMGT]i)?)?$"},
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
        admissionPolicies=strict(jobs=AUTO, api=AUTO, secrets=AUTO),
        networkPolicy=strict(
            enabled=SWITCH,
            api=strict(**{"from": objects("a peer of a NetworkPolicy")}),
            metrics=strict(**{"from": objects("a peer of a NetworkPolicy")}),
            egress=strict(
                enabled=SWITCH, apiServerPorts={"type": "array", "items": PORT}, to=objects("a rule of a NetworkPolicy")
            ),
        ),
        ingress=strict(
            enabled=SWITCH,
            className=TEXT,
            annotations=LABELS,
            hosts=TEXTS,
            path={"type": "string", "pattern": "^(/.*)?$"},
            pathType=one_of("Exact", "Prefix", "ImplementationSpecific"),
            tls={
                "type": "array",
                "items": strict(
                    secretName=said("Secret with the certificate", TEXT), hosts=said("Hosts that it is for", TEXTS)
                ),
            },
        ),
        httpRoute=strict(
            enabled=SWITCH,
            annotations=LABELS,
            parentRefs=objects("a Gateway"),
            hostnames=TEXTS,
            matches=objects("a match of a rule"),
            filters=objects("a filter of a rule"),
        ),
        monitoring=strict(
            perJob=SWITCH,
            checkResources=SWITCH,
            serviceMonitor=monitored(
                interval=PERIOD,
                scrapeTimeout=PERIOD,
                authorization=OBJECT,
                tlsConfig=OBJECT,
                metricRelabelings=objects("a rule of Prometheus"),
                relabelings=objects("a rule of Prometheus"),
            ),
            prometheusRule=monitored(
                namespace=NAMESPACE,
                selector=TEXT,
                alerts=alerts(),
                ruleLabels=LABELS,
                additionalRules=objects("a rule"),
            ),
            dashboard=monitored(namespace=NAMESPACE),
            kubeStateMetrics=monitored(namespace=NAMESPACE, serviceAccount=strict(name=TEXT, namespace=NAMESPACE)),
        ),
        tracing=strict(endpoint=ADDRESS, resourceAttributes=LABELS),
        tests=short_lived(enabled=SWITCH, timeoutSeconds=number(1)),
        hooks=short_lived(),
        extraObjects={"type": "array", "items": {"type": ["object", "string"]}},
        **{"global": said("What Helm hands to every chart that is a part of another", OBJECT)},
    )
    return {
        "$schema": DRAFT,
        "title": "Values of the chart dkron-operator",
        **described(values, comments(CHART / "values.yaml")),
        "definitions": {"probe": probe()},
    }


def described(schema: Schema, texts: Comments, where: tuple[str, ...] = ()) -> Schema:
    """With the comments of values.yaml as descriptions of all that has one there."""
    properties = {
        name: described(said(texts[here], each) if (here := (*where, name)) in texts else each, texts, here)
        for name, each in schema.get("properties", {}).items()
    }
    return schema | {"properties": properties} if properties else schema


def cluster() -> Schema:
    """The spec of the DkronCluster as a strict schema; what needs more than a schema, the API server says."""
    spec = structural_schema(DkronCluster)["properties"]["spec"]
    return closed(spec, described=True)


def main() -> int:
    """Write the file, or compare; the exit status."""
    wanted = json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
    return write_or_compare(FILE, wanted, source="hack/values_schema.py and the models", arguments=sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
