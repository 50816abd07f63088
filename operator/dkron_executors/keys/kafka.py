"""The keys of `kafka`: one message (Dkron behaviour §6.3)."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, model_validator

from dkron_executors.keys.model import Keys
from dkron_executors.keys.values import Debug, ExactFlag, matching, quoted

_BROKER = re.compile(r"([^\s:,/\[\]]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}", re.ASCII)
_TOPIC = matching(r"(?!\.\.?$)[A-Za-z0-9._-]{1,249}", "a topic: letters, digits, dots, _ and -, at most 249 of them")


def brokers(text: str) -> str:
    """Check a comma-separated list of `host:port`."""
    for address in text.split(","):
        if _BROKER.fullmatch(address.strip()) is None:
            raise ValueError(f"{quoted(address.strip())} is not host:port, such as kafka:9092")
    return text


class Kafka(Keys):
    """One message to a Kafka topic."""

    broker_address: Annotated[str, AfterValidator(brokers)]
    """The addresses of the brokers, `kafka-0:9092,kafka-1:9092`."""

    topic: Annotated[str, _TOPIC]
    """The topic."""

    key: str = ""
    """The key, by which Kafka chooses the partition. Without one, any partition gets the message."""

    message: str = ""
    """The message."""

    tls_enable: ExactFlag = False
    """`true` uses TLS."""

    tls_insecure_skip_verify: ExactFlag = False
    """`true` accepts any certificate of the brokers."""

    sasl_username: str = ""
    """The user, with `saslPassword` and `saslMechanism`."""

    sasl_password: str = ""
    """The password."""

    sasl_mechanism: Literal["", "sha256", "sha512"] = ""
    """The SCRAM mechanism: `sha256` or `sha512`. `PLAIN` is not supported."""

    debug: Debug = False
    """Any text: print the config before the output, without secrets."""

    @model_validator(mode="after")
    def _all_of_sasl(self) -> Self:
        given = {
            "saslUsername": self.sasl_username,
            "saslPassword": self.sasl_password,
            "saslMechanism": self.sasl_mechanism,
        }
        missing = next((key for key, text in given.items() if not text), None)
        if missing and any(given.values()):
            raise ValueError(f"{missing}: missing; {', '.join(given)} go together")
        return self
