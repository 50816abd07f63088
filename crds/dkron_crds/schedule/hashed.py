"""`~`: spreads jobs over time by replacing the sign with a number derived from the job's name.

The substitution happens on the text before parsing, with the same bugs as in Dkron (behaviour §3.2): it splits words
at single spaces, so a double space shifts every later field by one.
"""

from dkron_crds.schedule.fields import FIELDS

_SPREAD = (60, 60, 24, 28, 12, 7)


def substitute(text: str, name: str) -> str:
    """Return `text` with every `~` in its fields replaced by the number of `name`. Descriptors stay unchanged."""
    words = text.split(" ")
    if "~" not in text or any(word.startswith("@") for word in words):
        return text
    first = 1 if words[0].startswith(("TZ=", "CRON_TZ=")) else 0
    total = sum(map(ord, name))
    for i, (rules, spread) in enumerate(zip(FIELDS, _SPREAD, strict=True), first):
        if i < len(words):
            words[i] = words[i].replace("~", str(total % spread + rules.low))
    return " ".join(words)
