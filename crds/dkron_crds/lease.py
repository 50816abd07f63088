"""The Lease of the installation, shared by the operator, which holds it, and the REST API, which shows the holder and
can ask a replica to leave.
"""

from datetime import datetime
from hashlib import sha256

from dkron_crds.schedule.instants import rfc3339

INSTALLATION = "dkron"
"""Name of the Lease and of the DkronCluster."""
LEASE_SECONDS = 5
"""How long a Lease lasts after a renewal, unless it says otherwise."""
ADDRESS, VERSION = "dkron.io/address", "dkron.io/version"
"""Annotations in which the holder publishes its address and version."""
LEAVE = "leave.dkron.io/"
"""How annotations of the Lease begin that ask a replica to leave."""


def leave_key(identity: str) -> str:
    """Return the annotation key of the Lease that asks a replica to leave.

    The key holds a hash, because an identity may be too long for an annotation key or contain characters that are not
    allowed there.
    """
    return f"{LEAVE}{sha256(identity.encode()).hexdigest()[:16]}"


def leave_annotation(identity: str, now: datetime) -> tuple[str, str]:
    """Return the key and the text of that annotation."""
    return leave_key(identity), f"{rfc3339(now)} {identity}"
