"""A Kafka broker that is its own controller (KRaft), from Maven's artifacts."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from localcluster.errors import ClusterError
from localcluster.quiet import run_quietly
from localcluster.servers import SHELF
from localcluster.servers.running import HOST, free_ports, running
from localcluster.shelves import fetched

POM = Path(__file__).with_name("pom.xml")
CLUSTER = "dkron-operator-tests-x"
JVM = (
    "-Xms64m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xshare:auto",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)
"""What makes a short life start fast."""
CONFIG = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=PLAINTEXT://{host}:{plain},SASL_PLAINTEXT://{host}:{sasl},SSL://{host}:{tls},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{plain},SASL_PLAINTEXT://{host}:{sasl},SSL://{host}:{tls}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config={scram} required;
listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config={scram} required;
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
log.dirs={folder}/data
num.network.threads=2
num.io.threads=2
num.partitions=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
auto.create.topics.enable=true
message.max.bytes=32768
"""
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
SECONDS = 600


@dataclass(frozen=True, slots=True)
class Broker:
    """Its `host:port` by listener."""

    plain: str
    sasl: str
    tls: str


def install() -> Path:
    """The folder with its archives."""
    return fetched(SHELF, "kafka", _version(), _copy)


@contextmanager
def kafka(folder: Path, *, keystore: Path, user: str, password: str) -> Iterator[Broker]:
    """A broker that makes topics when they are first used. `keystore` has its key (PKCS #8) and certificate in PEM."""
    archives = f"{install()}/*"
    plain, sasl, tls, controller = free_ports(4)
    config = folder / "server.properties"
    ports = {"plain": plain, "sasl": sasl, "tls": tls, "controller": controller}
    config.write_text(
        CONFIG.format(host=HOST, scram=SCRAM, folder=folder, keystore=keystore, **ports), encoding="utf-8"
    )
    java = [_program("java"), *JVM, "-cp", archives]
    scram = [f"--add-scram=SCRAM-SHA-{size}=[name={user},password={password}]" for size in (256, 512)]
    _run([*java, "kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", str(config), *scram])
    with running([*java, "kafka.Kafka", config], port=plain, folder=folder):
        yield Broker(f"{HOST}:{plain}", f"{HOST}:{sasl}", f"{HOST}:{tls}")


def _version() -> str:
    """Kafka's, and a hash of all that is asked for."""
    names = {"": "http://maven.apache.org/POM/4.0.0"}
    found = ET.parse(POM).findtext(".//dependency/version", namespaces=names)  # noqa: S314 - our own file
    assert found, f"{POM} names no version"  # noqa: S101 - a fault of ours
    return f"{found}-{hashlib.sha256(POM.read_bytes()).hexdigest()[:8]}"


def _copy(folder: Path) -> None:
    arguments = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}"]
    _run([_program("mvn"), "--batch-mode", "--quiet", "--file", str(POM), *arguments])


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise ClusterError(f"a Kafka broker needs {name}: install Maven and a Java runtime, 17 or newer")
    return found


def _run(command: list[str]) -> None:
    done = run_quietly(command, seconds=SECONDS)
    if done.returncode != 0:
        raise ClusterError(f"{command[0]} failed:\n{done.stdout.strip()[-2000:]}")
