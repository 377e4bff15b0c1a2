"""MLflow's own pages in the browser, for this machine alone: runs, pictures over steps, promotion."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from urllib.request import urlopen

from unhype.errors import UnhypeError
from unhype.registry.store import Store, open_store

HOST = "127.0.0.1"

PORT = 5000

START = 120.0
"""Seconds to wait for the first answer; 10 is usual."""


def serve(store_root: Path, port: int = PORT) -> None:
    """Serve until Ctrl-C.

    Raises:
        UnhypeError: a store that can't be opened (:func:`unhype.registry.store.open_store`), or see :func:`running`.
    """
    store = open_store(store_root)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with running(store, port) as (url, process):
            print(
                "MLflow is up; Ctrl-C stops it",
                *(f"  {name:<7} {address}" for name, address in links(url, store.experiment_id()).items()),
                sep="\n",
                flush=True,
            )
            process.wait()
    except KeyboardInterrupt:
        print("MLflow has stopped; nothing is lost")
        return
    raise UnhypeError(
        f"got a server that stopped by itself (exit code {process.returncode}), wanted one that goes on: "
        "its last words are above"
    )


def links(url: str, experiment: str) -> dict[str, str]:
    """Addresses of our pages. MLflow opens on those for chat programs, with neither runs nor the registry in sight."""
    return {
        "runs": f"{url}/#/experiments/{experiment}/runs?workflowType=machine_learning",
        "models": f"{url}/#/models?workflowType=machine_learning",
    }


@contextmanager
def running(store: Store, port: int = PORT) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A server with its address, gone when the context closes.

    Raises:
        UnhypeError: the port is taken, another server has the store, or this one does not answer within two minutes.
    """
    _check_port(port)
    if store.database is None:
        raise UnhypeError(
            f"got MLFLOW_TRACKING_URI={store.tracking}, where MLflow runs already: "
            "open that address, or unset the variable"
        )
    url = f"http://{HOST}:{port}"
    # A session of its own: Ctrl-C reaches us alone, and the server's workers go with it.
    process = subprocess.Popen(_command(store, port), env=_environment(), start_new_session=True)
    try:
        _await(url, process)
        yield url, process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _command(store: Store, port: int) -> list[str]:
    stores = [
        "--backend-store-uri",
        store.tracking,
        "--registry-store-uri",
        store.registry,
        "--artifacts-destination",
        str(store.artifacts),
    ]
    return [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        *stores,
        "--host",
        HOST,
        "--port",
        str(port),
        "--workers",
        "1",
        "--uvicorn-opts",
        "--log-level warning",
    ]


def _environment() -> dict[str, str]:
    """Ours, without MLflow's background jobs (240 MB each) and its warnings of what it uses itself.

    The tools beside this Python come first.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": path, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PYTHONWARNINGS": "ignore"}


def _check_port(port: int) -> None:
    other = f"choose another: make ui PORT={port + 1 if 1023 < port < 65535 else PORT + 1}"
    if not 0 < port < 65536:
        raise UnhypeError(f"got the port {port}, wanted one from 1 to 65535: {other}")
    with socket.socket() as probe:
        # As the server does: a port that was left a moment ago is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            state = (
                "that no user may listen on"
                if isinstance(error, PermissionError)
                else "that something listens on already"
            )
            raise UnhypeError(f"got the port {port} {state}: {other}") from error


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START
    while time.monotonic() < end:
        if process.poll() is not None:
            raise UnhypeError(
                f"got a server that stopped at once (exit code {process.returncode}), wanted MLflow at {url}: "
                "its last words are above"
            )
        with suppress(OSError):
            urlopen(f"{url}/health", timeout=5).close()
            return
        time.sleep(0.2)
    raise UnhypeError(
        f"got no answer from {url} in {START:.0f} seconds, wanted MLflow: "
        "is the machine busy? Run the same command again"
    )


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
