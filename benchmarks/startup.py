"""How long ``auditor --help`` takes, as a multiple of a bare typer program's ``--help`` (wanted: under 2).

    python benchmarks/startup.py [RUNS]

Runs both in turn, prints the medians and their ratio, and leaves with 1 if the ratio is 2 or more.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT = 2.0
BARE = '''
import typer

app = typer.Typer()


@app.command()
def one(name: str = "x") -> None:
    """Do one thing."""


@app.command()
def two(name: str = "x") -> None:
    """Do another."""


app()
'''


def seconds(command: list[str]) -> float:
    """Wall time of one run."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def main(runs: int) -> int:
    """Measures in turn, so that a busy machine slows both alike."""
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE, encoding="utf-8")
        commands = {
            "bare typer": [sys.executable, str(bare), "--help"],
            "auditor": [sys.executable, "-m", "auditor", "--help"],
        }
        for command in commands.values():
            seconds(command)
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(runs):
            for name, command in commands.items():
                times[name].append(seconds(command))
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, median in medians.items():
        print(f"{name:12} {median * 1000:7.0f} ms")
    ratio = medians["auditor"] / medians["bare typer"]
    print(f"{'ratio':12} {ratio:7.2f}   (wanted: under {LIMIT})")
    return 0 if ratio < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 11))
