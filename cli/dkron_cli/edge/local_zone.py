"""The time zone of this machine."""

from datetime import UTC, datetime, timedelta, tzinfo


class LocalZone(tzinfo):
    """The zone that `TZ` or the machine sets, with its own offset on each day: `datetime.astimezone` has one offset for
    all."""

    def utcoffset(self, at: datetime | None) -> timedelta | None:
        """Return the offset at a time on the clock."""
        return None if at is None else at.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, at: datetime | None) -> timedelta | None:  # noqa: ARG002 - it is part of the offset
        """Return that no other part is known."""
        return None

    def tzname(self, at: datetime | None) -> str | None:
        """Return the name at a time on the clock."""
        return None if at is None else at.replace(tzinfo=None).astimezone().tzname()

    def fromutc(self, at: datetime) -> datetime:
        """Return the time on the clock."""
        return at.replace(tzinfo=UTC).astimezone().replace(tzinfo=self)
