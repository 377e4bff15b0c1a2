"""How threads that wait share the cores: pictures a second by setting, alone and beside a process that keeps a core.

    .venv/bin/python benchmarks/threads.py

Each cell is a process of its own, since OpenMP reads its settings once, when it is loaded; rounds are interleaved, so
that what else happens on the machine falls on all settings alike. The machine should be quiet for the column "alone".
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SPINS = (100, 300, 1_000, 3_000, 10_000)
"""Turns that a thread may wait before it sleeps; GNU OpenMP's own number is 300,000."""

DRAW = """
import os, sys, time
from pathlib import Path
if os.environ.get("UNHYPE_LOOK"):
    from unhype.threads import wait_wisely
    wait_wisely()
from unhype.bases.loading import load_pipeline
from unhype.pictures.sampling import Sampling, sample

pipeline, seconds, batch = load_pipeline(Path(sys.argv[1])), float(sys.argv[2]), int(sys.argv[3])
draw = lambda: list(sample(pipeline, ["a photo of Prince"] * batch, range(batch), Sampling(steps=20, batch=batch)))
draw()
began, pictures = time.perf_counter(), 0
while time.perf_counter() - began < seconds:
    draw()
    pictures += batch
print(pictures / (time.perf_counter() - began))
"""


def settings(spins: tuple[int, ...]) -> dict[str, dict[str, str]]:
    """Name → environment."""
    return {
        "as OpenMP has it": {},
        "passive": {"OMP_WAIT_POLICY": "PASSIVE"},
        "one thread": {"OMP_NUM_THREADS": "1"},
        **{f"spins {spin:,}": {"GOMP_SPINCOUNT": str(spin)} for spin in spins},
        "ours": {"UNHYPE_LOOK": "1"},
    }


@contextmanager
def busy(spinning: bool) -> Iterator[None]:
    """Beside a process that keeps a core, or not."""
    if not spinning:
        yield
        return
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def rate(environment: dict[str, str], base: Path, seconds: float, batch: int) -> float:
    """Pictures a second, in a process of its own."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_", "KMP_"))}
    command = [sys.executable, "-c", DRAW, str(base), str(seconds), str(batch)]
    result = subprocess.run(command, env=clean | environment, capture_output=True, text=True, check=True)
    return float(result.stdout.split()[-1])


def main() -> None:
    root = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="of all cells (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=5.0, help="of drawing, a cell (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=1, help="pictures at a time (default: %(default)s)")
    parser.add_argument("--only", choices=["alone", "busy"], help="one column (default: both)")
    parser.add_argument("--spins", type=int, nargs="*", default=SPINS, help="settings to try (default: %(default)s)")
    parser.add_argument("--settings", nargs="+", help="only those of these names (default: all)")
    parser.add_argument("--base", type=Path, default=root / "data/bases/mini-sd", help="what draws")
    options = parser.parse_args()
    tried = settings(tuple(options.spins))
    tried = {name: tried[name] for name in options.settings or tried}
    columns = [options.only] if options.only else ["alone", "busy"]
    seen: dict[tuple[str, str], list[float]] = {(name, column): [] for name in tried for column in columns}
    for number in range(options.rounds):
        for (name, column), rates in seen.items():
            with busy(column == "busy"):
                rates.append(rate(tried[name], options.base, options.seconds, options.batch))
            print(f"round {number + 1}, {name}, {column}: {rates[-1]:.2f}", file=sys.stderr, flush=True)
    print(f"Pictures a second, median of {options.rounds} rounds, batch {options.batch}, {os.cpu_count()} cores\n")
    print("| setting | " + " | ".join(columns) + " |\n|---|" + "---|" * len(columns))
    for name in tried:
        print(f"| {name} | " + " | ".join(f"{statistics.median(seen[name, column]):.2f}" for column in columns) + " |")


if __name__ == "__main__":
    main()
