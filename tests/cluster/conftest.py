"""What the tests at a real API server share."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.judge import Judge

CRDS = Path(__file__).parents[2] / "crds"


@pytest.fixture(scope="session")
def judge(cluster: Any) -> Judge:
    """An API server that knows our kinds."""
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRDS))
    cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    return Judge(str(cluster.kubeconfig))
