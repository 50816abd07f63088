"""The keys of `rabbitmq`: one message (Dkron behaviour §6.3)."""

from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from dkron_executors.keys.model import Keys
from dkron_executors.keys.values import Base64, Flag, is_url, quoted

NAME_BYTES = 255
"""Names are short strings in AMQP 0-9-1."""


def broker(text: str) -> str:
    """Check the address of a broker."""
    if not is_url(text, "amqp", "amqps"):
        raise ValueError(f"{quoted(text)} is not an address such as amqp://user:password@rabbitmq:5672/vhost")
    return text


def short(text: str) -> str:
    """Check the length of a name."""
    if len(text.encode()) > NAME_BYTES:
        raise ValueError(f"{quoted(text)} is longer than {NAME_BYTES} bytes")
    return text


def unless_false(text: str) -> bool:
    """Return True for every text except `false`, including the empty one."""
    return text != "false"


def delivery_mode(text: str) -> int:
    """Parse 0, 1 or 2."""
    if text not in ("0", "1", "2"):
        raise ValueError(f"{quoted(text)} is not a delivery mode: 1 is transient, 2 is persistent, 0 leaves it out")
    return int(text)


Name = Annotated[str, AfterValidator(short)]


class Rabbitmq(Keys):
    """One message to a RabbitMQ broker."""

    EMPTY_COUNTS: ClassVar[frozenset[str]] = frozenset({"queue.create"})

    url: Annotated[str, AfterValidator(broker)]
    """The broker, `amqp://user:password@rabbitmq:5672/vhost`, or `amqps`."""

    queue_name: Name = Field(alias="queue.name")
    """The queue, and the routing key if there is an `exchange`."""

    queue_create: Annotated[bool, BeforeValidator(unless_false)] = Field(default=False, alias="queue.create")
    """Any value except `false` declares the queue first. An existing queue must have the same properties."""

    queue_durable: Flag = Field(default=False, alias="queue.durable")
    """`true` declares a queue that survives a restart of the broker."""

    queue_auto_delete: Flag = Field(default=False, alias="queue.auto_delete")
    """`true` declares a queue that is deleted with its last consumer."""

    queue_exclusive: Flag = Field(default=False, alias="queue.exclusive")
    """`true` declares a queue that is deleted with this connection, and the message with it."""

    exchange: Name = ""
    """The exchange. Without one, the message goes directly to the queue."""

    message_content_type: Name = Field(default="text/plain", alias="message.content_type")
    """The content type of the message."""

    message_delivery_mode: Annotated[int, BeforeValidator(delivery_mode)] = Field(
        default=0, alias="message.delivery_mode"
    )
    """`2` makes the message survive a restart of the broker in a durable queue; `1` and `0` do not."""

    message_id: Name = Field(default="", alias="message.messageId")
    """The id of the message."""

    message_body: str = Field(default="", alias="message.body")
    """The message as text."""

    message_base64_body: Base64 = Field(default=b"", alias="message.base64Body")
    """The message as bytes in base64, instead of `message.body`."""

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if self.message_body and self.message_base64_body:
            raise ValueError("message.base64Body: message.body is set as well; remove one of them")
        return self

    @property
    def body(self) -> bytes:
        """The bytes to send."""
        return self.message_body.encode() or self.message_base64_body
