"""Programs that read an argument as code, and programs that start another one: tables, and a walk through a command
line by them. Pure.

A walk errs on the side of code: an argument too many is refused, and the sentence names the variable to use. A program
that is not in the tables is taken to read its arguments as data; docs/parameters.md says which are known.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Code:
    """A word that `program` runs as code, or that is a program to start if `program` is empty. With `begins`, it is
    code only if a value begins it: a value such as `--to-command=sh` is an option that starts a program."""

    program: str
    text: str
    begins: bool = False


@dataclass(frozen=True, slots=True)
class Evaluator:
    """A program with options whose argument is code.

    `letters` and `words` are these options, `valued` are letters of others that take a value. `operand` says that the
    first operand ends the options, and is a program where none of these options is, or the code itself with `script`.
    Without it, options may stand behind operands. With `ends`, one of these options ends them, too.
    """

    letters: str
    words: tuple[str, ...] = ()
    valued: str = ""
    operand: bool = True
    script: bool = False
    ends: bool = False


@dataclass(frozen=True, slots=True)
class Wrapper:
    """A program that starts another one: the first word behind its options, `operands` and NAME=value.

    `valued` are the letters of options that take a value, `script` those whose value is code.
    """

    valued: str = ""
    operands: int = 0
    script: str = ""


SHELLS: Final = frozenset({
    "ash", "bash", "csh", "dash", "elvish", "es", "fish", "hush", "ksh", "lksh", "mksh", "nu", "oksh", "osh", "pdksh",
    "posh", "rbash", "rc", "rksh", "rzsh", "sash", "sh", "tcsh", "xonsh", "yash", "ysh", "zsh",
})  # fmt: skip
"""Shells with the option `-c`."""
READ_BY_A_SHELL: Final = SHELLS | {"eval", "flock", "parallel", "runuser", "script", "sg", "su", "trap", "watch"}
"""Those, and programs that give code to one."""

_SHELL: Final = Evaluator("cC", ("--command", "--init-command", "--rcfile", "--init-file"), valued="oO")
_BY_C: Final = Evaluator("c", ("--command", "--session-command"), operand=False)
EVALUATORS: Final = MappingProxyType({
    **dict.fromkeys(SHELLS, _SHELL),
    **dict.fromkeys(("su", "runuser", "script", "capsh", "expect"), _BY_C),
    **dict.fromkeys(("python", "pypy", "micropython"), Evaluator("cm", valued="WX", ends=True)),
    "perl": Evaluator("eEmM", valued="I"),
    "ruby": Evaluator("er", valued="CIE"),
    "node": Evaluator("epr", ("--eval", "--print", "--require", "--import", "--loader"), valued="C"),
    "nodejs": Evaluator("epr", ("--eval", "--print", "--require", "--import", "--loader"), valued="C"),
    "bun": Evaluator("epr", ("--eval", "--print", "--preload", "--require")),
    "php": Evaluator("rBREfd", ("--run", "--process-begin", "--process-code", "--process-end", "--file", "--define")),
    **dict.fromkeys(("lua", "luajit"), Evaluator("el")),
    **dict.fromkeys(("r", "rscript", "julia", "groovy", "elixir", "guile", "racket", "scala", "ghc"), Evaluator("eEc")),
    "dc": Evaluator("ef", ("--expression", "--file")),
    **dict.fromkeys(("mongo", "mongosh"), Evaluator("", ("--eval",), operand=False)),
    **dict.fromkeys(
        ("awk", "gawk", "mawk", "nawk", "original-awk", "goawk"),
        Evaluator("efiE", ("--source", "--file", "--include", "--exec", "--load"), valued="vF", script=True),
    ),
    **dict.fromkeys(("sed", "gsed"), Evaluator("ef", ("--expression", "--file"), valued="l", script=True)),
})  # fmt: skip

ALL_CODE: Final = frozenset({
    "at", "autossh", "batch", "cmd", "dbclient", "eval", "gmake", "m4", "make", "mosh", "parallel", "powershell",
    "pwsh", "rsh", "screen", "sg", "socat", "ssh", "tmux", "trap", "watch",
})  # fmt: skip
"""Programs without a safe argument: they join their arguments to a script, or expand each."""

STARTERS: Final = frozenset({
    "borg", "bsdtar", "git", "gsed", "gtar", "hg", "mariadb", "mysql", "rclone", "restic", "rsync", "runuser", "scp",
    "script", "sed", "sftp", "sort", "split", "su", "tar", "tcpdump", "wget", "zip",
})  # fmt: skip
"""Programs with an option that runs a command, and that they take behind operands as well, unless `--` is before it."""

WRAPPERS: Final = MappingProxyType({
    **dict.fromkeys((
        "builtin", "busybox", "catatonit", "chronic", "command", "fakeroot", "ifne", "linux32", "linux64", "nohup",
        "setpriv", "setsid", "toybox", "unbuffer",
    ), Wrapper()),
    **dict.fromkeys(("gosu", "su-exec", "setuidgid", "s6-setuidgid", "envdir", "chroot", "faketime"), Wrapper("", 1)),
    "chrt": Wrapper("TPD", 1),
    "doas": Wrapper("Cu"),
    "dumb-init": Wrapper("r"),
    "env": Wrapper("uC", script="S"),
    "exec": Wrapper("a"),
    "flock": Wrapper("wE", 1, script="c"),
    "ionice": Wrapper("cnpPu"),
    "ltrace": Wrapper("aeopsuFln"),
    "nice": Wrapper("n"),
    "nsenter": Wrapper("tSGN"),
    "sshpass": Wrapper("fdpP"),
    "stdbuf": Wrapper("ioe"),
    "strace": Wrapper("abeoOpPsSuEIUXz"),
    "sudo": Wrapper("CDghpRrtTuU"),
    "systemd-cat": Wrapper("tp"),
    "systemd-run": Wrapper("puEtMHG"),
    "taskset": Wrapper("", 1),
    "timeout": Wrapper("ks", 1),
    "time": Wrapper("fo"),
    "tini": Wrapper("pe"),
    "unshare": Wrapper("RwSG"),
    "xargs": Wrapper("adEILnPs"),
    "xvfb-run": Wrapper("nefpsw"),
})  # fmt: skip

MOST_WORDS: Final = 1024
"""Words of a command that takes values: the walk looks at some of them many times."""
_SCRIPT_WORDS: Final = ("--split-string", "--command")
_VALUED_WORDS: Final = frozenset({
    "--adjustment", "--arg-file", "--chdir", "--class", "--classdata", "--conflict-exit-code", "--delimiter", "--error",
    "--format", "--gid", "--group", "--host", "--input", "--kill-after", "--max-args", "--max-chars", "--max-lines",
    "--max-procs", "--output", "--prompt", "--property", "--regid", "--reuid", "--rewrite", "--role", "--root",
    "--setenv", "--setgid", "--setuid", "--signal", "--slice", "--target", "--timeout", "--type", "--uid", "--unit",
    "--unset", "--user", "--wait", "--wd",
})  # fmt: skip
"""Long options of wrappers that take the next word as their value."""
_STARTS: Final = frozenset({"-exec", "-execdir", "-ok", "-okdir"})
"""Options of `find` before a program."""
_VERSION: Final = re.compile(r"(?<=[a-z])-?[\d.]+$|\.exe$")
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=.*", re.ASCII | re.DOTALL)


def code_in(words: Sequence[str]) -> Iterator[Code]:
    """Yield the words of a command that are code or programs, except the first one.

    Options of `EVALUATORS` count wherever one stands, since any program may start it. All else counts where the command
    or a known program starts it: other names are common words.
    """
    names = [program_name(word) for word in words]
    starts = _programs(words, names)
    seen: set[str] = set()
    end_of_options = 0
    for at, name in enumerate(names):
        own = EVALUATORS.get(name)
        if own is not None and at >= end_of_options and (own.operand or name not in seen):
            # The first one of a name sees all options behind it, also options of the next one.
            seen.add(name)
            end = at + 1 + (_first_operand(own, words[at + 1 :]) if own.operand else len(words))
            end_of_options = end if own.operand else at
            yield from _evaluated(name, words[at + 1 : end], words[end : end + 1], is_started=at in starts)
        if at in starts:
            yield from _started(name, at, words, starts)
            if name in ALL_CODE:
                return


def _started(name: str, at: int, words: Sequence[str], starts: set[int]) -> Iterator[Code]:
    """Yield the arguments that are code because a known program starts the one at this place, or it is the first."""
    if at:
        yield Code("", words[at])
    if name in ALL_CODE:
        yield from (Code(name, word) for word in words[at + 1 :])
    if name in WRAPPERS and WRAPPERS[name].script:
        own = words[at + 1 : _wrapped(WRAPPERS[name], words, at + 1)]
        yield from _of_options(name, own, WRAPPERS[name].script, _SCRIPT_WORDS)
    if name in STARTERS:
        for place in range(at + 1, len(words)):
            if words[place] == "--" or place in starts:
                break
            yield Code(name, words[place], begins=True)


def program_name(word: str) -> str:
    """Return the name of a program without its folder and version: `python` of /usr/bin/python3.11."""
    name = PurePosixPath(word).name.lower()
    return name if name in EVALUATORS else _VERSION.sub("", name)


def _programs(words: Sequence[str], names: Sequence[str]) -> set[int]:
    """Return where programs stand that known ones start; the first word is one."""
    found: set[int] = set()
    first = names.index("find") if "find" in names else len(words)
    left = [0, *(at + 1 for at, word in enumerate(words) if at > first and word in _STARTS)]
    while left:
        at = left.pop()
        if at < len(words) and at not in found:
            found.add(at)
            if names[at] in WRAPPERS:
                left.append(_wrapped(WRAPPERS[names[at]], words, at + 1))
    return found


def _wrapped(wrapper: Wrapper, words: Sequence[str], at: int) -> int:
    """Return where the program stands that a wrapper starts, whose arguments begin at `at`."""
    operands, options = wrapper.operands, True
    while at < len(words):
        word = words[at]
        if options and word == "--":
            options = False
        elif options and word.startswith("-") and len(word) > 1:
            at += _takes_next(word, wrapper.valued + wrapper.script)
        elif _ASSIGNMENT.fullmatch(word):
            pass
        elif operands:
            operands -= 1
        else:
            break
        at += 1
    return at


def _takes_next(option: str, valued: str) -> bool:
    """Whether an option has its value in the next word."""
    if option.startswith("--"):
        return option in _VALUED_WORDS
    first = next((place for place, letter in enumerate(option) if letter in valued), None)
    return first == len(option) - 1


def _evaluated(name: str, options: Sequence[str], operand: Sequence[str], *, is_started: bool) -> Iterator[Code]:
    """Yield the code among the options of an evaluator, and its first operand if that is code."""
    own = EVALUATORS[name]
    found = list(_of_options(name, options, own.letters, own.words))
    yield from found
    if own is _SHELL and found:
        # The script is the first operand, wherever `-c` stands among the options.
        yield from (Code(name, word) for word in operand)
    elif own.operand and is_started and not found:
        yield from (Code(name if own.script else "", word) for word in operand)


def _first_operand(own: Evaluator, words: Sequence[str]) -> int:
    at = 0
    while at < len(words):
        word = words[at]
        if word == "--":
            return at + 1
        if not word.startswith(("-", "+")) or len(word) == 1:
            return at
        at += 1 + _has_value_behind(own, word)
        if own.ends and any(letter in own.letters for letter in word):
            break
    return at


def _has_value_behind(own: Evaluator, option: str) -> bool:
    """Whether the word behind an option is its value. A shell takes the scripts of `-c` from its operands, and the
    values of `-eo` in their order."""
    if option.startswith("--"):
        return option in own.words and option != "--command"
    if own is _SHELL:
        return any(letter in own.valued for letter in option)
    return _takes_next(option, own.valued + own.letters)


def _of_options(name: str, words: Sequence[str], letters: str, long: Sequence[str]) -> Iterator[Code]:
    """Yield the values of these options: behind their letter, behind `=`, or in the next word."""
    for at, word in enumerate(words):
        if word.startswith("--"):
            option, equals, _ = word.partition("=")
            if option not in long:
                continue
            yield Code(name, words[at + 1] if not equals and at + 1 < len(words) else word)
        elif word.startswith("-"):
            first = next((place for place, letter in enumerate(word) if place and letter in letters), None)
            if first is not None:
                yield Code(name, word)
                if first == len(word) - 1:
                    yield from (Code(name, each) for each in words[at + 1 : at + 2])
