"""The Lease of the installation, as both sides know it: the operator holds it, the REST API shows who does and asks a
replica to leave it.
"""

from datetime import datetime
from hashlib import sha256

from dkron_crds.base import rfc3339

INSTALLATION = "dkron"
"""Name of the Lease and of the DkronCluster."""
LEASE_SECONDS = 15
ADDRESS, VERSION = "dkron.io/address", "dkron.io/version"
"""Annotations in which the holder says where it is and what it is."""
CREATED_BY = "dkron.io/installation"
"""The annotation of a Job with the namespace of the installation that has created it."""


def leave_key(identity: str) -> str:
    """The annotation of the Lease that asks a replica to leave.

    An identity may be too long or have characters that no key of an annotation has, so its hash stands there.
    """
    return f"leave.dkron.io/{sha256(identity.encode()).hexdigest()[:16]}"


def leave_annotation(identity: str, now: datetime) -> tuple[str, str]:
    """Key and text of that annotation."""
    return leave_key(identity), f"{rfc3339(now)} {identity}"
