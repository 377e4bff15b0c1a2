"""MLflow, and nowhere else: runs, registered models and aliases live in one store, and this room is its only door."""

from __future__ import annotations

import os

from unhype.registry.publishing import publish_guard
from unhype.registry.resolving import local_folder
from unhype.registry.ui import serve

__all__ = ["local_folder", "publish_guard", "serve"]

# MLflow reads these when it is imported, which no module here does at its top: it reports home otherwise,
# would unpickle what lies in a store, and draws a bar for every copy of four files.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
