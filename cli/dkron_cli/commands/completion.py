"""`completion`: the script by which a shell completes. It asks the program, by the protocol of typer."""

import sys
from typing import Annotated

import typer

from dkron_cli.commands.arguments import usage

BASH = """\
_dkronctl_completion() {
    local IFS=$'\\n'
    COMPREPLY=( $( env COMP_WORDS="${COMP_WORDS[*]}" \\
                   COMP_CWORD=$COMP_CWORD \\
                   _DKRONCTL_COMPLETE=complete_bash $1 ) )
    return 0
}

complete -o default -F _dkronctl_completion dkronctl
"""

# A file of fpath is the function itself; sourced, or by eval, it has to name it.
ZSH = """\
#compdef dkronctl

_dkronctl() {
    eval $(env _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" _DKRONCTL_COMPLETE=complete_zsh dkronctl)
}

if [ "$funcstack[1]" = "_dkronctl" ]; then
    _dkronctl "$@"
else
    compdef _dkronctl dkronctl
fi
"""

_ASK = "env _DKRONCTL_COMPLETE=complete_fish _TYPER_COMPLETE_FISH_ACTION={} _TYPER_COMPLETE_ARGS=(commandline -cp)"
FISH = (
    f'complete --command dkronctl --no-files --arguments "({_ASK.format("get-args")} dkronctl)" '
    f'--condition "{_ASK.format("is-args")} dkronctl"\n'
)

SCRIPTS = {"bash": BASH, "fish": FISH, "zsh": ZSH}


def _shells(incomplete: str) -> list[str]:
    return [each for each in SCRIPTS if each.startswith(incomplete)]


def completion(
    shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, fish or zsh.", autocompletion=_shells)],
) -> None:
    """Print the completion script for a shell.

    Install it where the shell looks for it; `source <(dkronctl completion bash)` loads it once.
    """
    if shell not in SCRIPTS:
        raise usage(f'there is no script for "{shell}"; there is one for {", ".join(SCRIPTS)}')
    sys.stdout.write(SCRIPTS[shell])
