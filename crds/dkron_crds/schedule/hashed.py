"""`~`: spreads jobs over time by putting a number drawn from the job's name where the sign stands.

It is a substitution of text before anything is parsed, bug for bug as in Dkron (behaviour §3.2): words are
told apart by single spaces, so a doubled space moves every later field by one.
"""

from dkron_crds.schedule.fields import FIELDS

_SPREAD = (60, 60, 24, 28, 12, 7)


def substitute(text: str, name: str) -> str:
    """`text` with every `~` of its fields replaced by the number of `name`; descriptors stay as they are."""
    words = text.split(" ")
    if "~" not in text or any(word.startswith("@") for word in words):
        return text
    first = 1 if words[0].startswith(("TZ=", "CRON_TZ=")) else 0
    total = sum(map(ord, name))
    for i, (rules, spread) in enumerate(zip(FIELDS, _SPREAD, strict=True), first):
        if i < len(words):
            words[i] = words[i].replace("~", str(total % spread + rules.low))
    return " ".join(words)
