"""`python -m bench [NAME…]`: measure, print a table, and keep the figures in `bench/results.json`."""

import logging
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import structlog
import uvloop
from bench import codec, results, stage, whole

BENCHMARKS: Mapping[str, Callable[[], Coroutine[Any, Any, results.Result]]] = {
    "stage": stage.run,
    "codec": codec.run,
    "path": whole.path,
    "to_file": whole.to_file,
    "recovery": whole.recovery,
    "poison": whole.poison,
}


def main(names: list[str]) -> None:
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        sys.exit(f"没有这些基准 no such benchmarks: {', '.join(unknown)}; 可选 known: {', '.join(BENCHMARKS)}")
    # What clients say while they try again belongs to no figure.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    found = {name: uvloop.run(BENCHMARKS[name]()) for name in names or BENCHMARKS}
    results.merge(found)
    results.show(found)


if __name__ == "__main__":
    main(sys.argv[1:])
