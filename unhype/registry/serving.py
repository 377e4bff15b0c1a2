"""What MLflow runs to serve a guard: prompts in, PNG pictures out.

A copy of this file lies in every registered model; nothing imports it.

    mlflow.pyfunc.load_model("models:/unhype-celeb100@champion", model_config={"base": "data/bases/NAME"})

A version that did not pass its gates is not served, unless ``model_config={"ungated": True}`` or ``UNHYPE_UNGATED=1``
says so. The base is not in the model: it is looked for where ``model_config`` or ``UNHYPE_BASE`` says, else as
``data/bases/<name>`` in the working folder and in the checkout. The guard refuses any other base than its own.
A picture depends on its prompt and the seed, not on what else is asked for at the time: requests take turns.
"""

from __future__ import annotations

import io
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd  # by name: MLflow reads the type of predict's argument when it loads this
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class GuardedBase(PythonModel):
    """A base under guard, from load to end: no call of it is without.

    A pipeline's scheduler counts the steps of one call, and a guard holds the prompts of one call: so calls take turns.
    """

    def load_context(self, context: Any) -> None:
        """Load guard and base and put the one on the other, once.

        Raises:
            UnhypeError: a guard that did not pass its gates; no base where it should be, or another than the guard's.
        """
        from unhype.bases.finding import find_base
        from unhype.erasing.guard import Guard
        from unhype.registry.gating import check_served

        folder = Path(context.artifacts["guard"])
        if not ((context.model_config or {}).get("ungated") or os.environ.get("UNHYPE_UNGATED") == "1"):
            check_served(folder)
        guard = Guard.load(folder)
        named = (context.model_config or {}).get("base") or os.environ.get("UNHYPE_BASE")
        facts = guard.trained.facts
        source = find_base(str(named or facts["base"]), _data(str(facts["base"])))
        self.family = guard.load_family(source)
        self.usual = facts["sampling"]
        guard.attach(self.family.pipeline, family=self.family)
        self.turn = threading.Lock()

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> list[bytes]:
        """One PNG for each row of the column ``prompt``; REST answers it as base64."""
        from PIL import Image

        from unhype.pictures.sampling import Sampling

        prompts, wanted = list(model_input["prompt"]), params or {}
        if odd := [prompt for prompt in prompts if not isinstance(prompt, str)]:
            raise MlflowException.invalid_parameter_value(
                f"got the prompt {odd[0]!r}, wanted text: one row a prompt, in the column prompt of a DataFrame"
            )
        try:
            usual = Sampling(**self.usual)
            steps, guidance = int(wanted.get("steps", usual.steps)), float(wanted.get("guidance", usual.guidance))
            how = replace(usual, steps=steps, guidance=guidance)
            with self.turn:
                batches = list(self.family.draw(prompts, [int(wanted.get("seed", 0))] * len(prompts), how))
        except ValueError as error:  # an UnhypeError is one; a server answers 400 and the sentence
            raise MlflowException.invalid_parameter_value(str(error)) from error
        pictures = []
        for pixels in (pixels for batch in batches for pixels in batch):
            file = io.BytesIO()
            Image.fromarray(pixels).save(file, "PNG")
            pictures.append(file.getvalue())
        return pictures


def _data(base: str) -> Path:
    """The folder of shipped bases: in the working folder, else in the checkout."""
    import unhype

    here = Path("data")
    return here if (here / "bases" / base).is_dir() else Path(unhype.__file__).resolve().parents[1] / here


set_model(GuardedBase())
