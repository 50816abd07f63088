"""`python -m tests.chaos.proxy`: the fault proxy by hand, in front of any cluster."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from dkron_kube import access
from tests.chaos.proxy.call import Call
from tests.chaos.proxy.rules import Fault, Rule
from tests.chaos.proxy.server import Proxy
from tests.chaos.proxy.wording import MANUAL, parse


def main(arguments: list[str]) -> int:
    """Serve until Ctrl-C. 0, or 2 for options that are wrong."""
    options = _parser().parse_args(arguments)
    try:
        rules = [parse(text) for text in options.rule]
        asyncio.run(_serve(options, rules))
    except (ValueError, OSError, access.AccessError) as error:
        print(f"proxy: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos.proxy",
        description="Stand between a client and the API server, and break by rule what passes.",
        epilog=MANUAL,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--kubeconfig", type=Path, help="how to reach the API server; default: as kubectl does")
    parser.add_argument(
        "--write", type=Path, required=True, metavar="FILE", help="write the kubeconfig that leads here"
    )
    parser.add_argument("--port", type=int, default=0, help="port on the loopback; default: any")
    parser.add_argument("--rule", action="append", default=[], metavar="RULE", help="what goes wrong; may be repeated")
    parser.add_argument("--seed", type=int, default=0, help="of what is left to chance; the same seed, the same faults")
    parser.add_argument("--all", action="store_true", help="print every call, not only writes and faults")
    return parser


async def _serve(options: argparse.Namespace, rules: list[Rule]) -> None:
    proxy = Proxy(await access.load(options.kubeconfig), seed=options.seed)
    proxy.rules = rules

    def told(call: Call, what: Fault | int) -> None:
        if options.all or call.is_write or not isinstance(what, int):
            print(f"{len(proxy.writes):5} {call}: {what}", flush=True)

    proxy.told = told
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with proxy.serving(options.port):
        proxy.write_kubeconfig(options.write)
        print(f"listening on http://127.0.0.1:{proxy.port}; export KUBECONFIG={options.write}", flush=True)
        await stopped.wait()
    for rule, hits in zip(proxy.rules, proxy.hits, strict=True):
        print(f"{hits} times: {rule}")
    print(f"{len(proxy.writes)} writes")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
