"""The go.mod of the one-binary control plane, derived from the one that Kubernetes publishes with each release.

Kubernetes' own go.mod lists every dependency at the version that it was released with, so requiring that one module
gives upstream's build list; only its staging modules, `v0.0.0` there, are replaced by their published versions.
"""

import re

_DIRECTIVE = re.compile(r"^(?:go|godebug) .+$", re.MULTILINE)
_STAGING = re.compile(r"^\s*(?:replace )?(k8s\.io/[a-z0-9-]+) => \./staging/", re.MULTILINE)


def render(upstream: str, kubernetes: str) -> str:
    """Write our go.mod for Kubernetes version `kubernetes` (1.36.3), given the go.mod of that version."""
    staging = "v0." + kubernetes.removeprefix("1.")
    replacements = [f"replace {module} => {module} {staging}" for module in sorted(set(_STAGING.findall(upstream)))]
    lines = [
        "module dkron-operator.local/control-plane",
        *_DIRECTIVE.findall(upstream),
        f"require k8s.io/kubernetes v{kubernetes}",
        *replacements,
    ]
    return "\n\n".join(lines[: -len(replacements) or None]) + "\n\n" + "\n".join(replacements) + "\n"
