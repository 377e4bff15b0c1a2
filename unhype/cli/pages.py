"""``unhype ui``: MLflow's pages in the browser."""

from __future__ import annotations

import argparse
from pathlib import Path

from unhype.cli.options import Verb


def add_commands(verb: Verb) -> None:
    """Add the verb; ``verb`` makes a command with the options that all have."""
    ui = verb(
        "ui",
        _ui,
        "open MLflow's pages on this machine: runs, pictures, the model registry",
        "unhype ui --port 5001",
        settings=False,
    )
    ui.add_argument("--port", type=int, default=5000, metavar="N", help="port on 127.0.0.1 (default: %(default)s)")
    ui.add_argument("--root", type=Path, default=Path(), metavar="FOLDER", help="where mlflow.db is (default: here)")


def _ui(options: argparse.Namespace) -> None:
    from unhype.registry.ui import serve

    serve(options.root, options.port)
