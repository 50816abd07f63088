"""Texts and flags of the command line, taken as they are. Typer loads pydantic to convert each of them, which takes
longer than most commands."""

from typing import Any

import typer


class PlainText:
    """What typer asks to convert the value of a parameter."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:  # noqa: ANN401 - of typer
        """Return the flag, the text, or the list of texts; an empty tuple for a list that is not given."""
        many = param.multiple or param.nargs == -1
        if value is None:
            return () if many else None
        if isinstance(value, bool):
            return value
        try:
            "".join(value).encode()
        except UnicodeEncodeError:
            raise typer.BadParameter("it is not UTF-8", ctx=ctx, param=param) from None
        return list(value) if many else value


def take_plainly(parameters: list[Any]) -> list[Any]:
    """Return the parameters. Typer takes the texts and flags among them as they are; a typer that converts in another
    way goes on so."""
    for each in parameters:
        converts = getattr(each, "_runtime_param", each) is None
        if converts and each.type_descriptor.annotation in (bool, str, list[str]):
            each._runtime_param = PlainText()
    return parameters
