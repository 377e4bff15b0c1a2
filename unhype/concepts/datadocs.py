"""The same verdict as Great Expectations shows it: its Data Docs, for who knows them.

Their pages load styles and scripts from public servers and are bare without a network; our own page
(:mod:`unhype.concepts.report`) needs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unhype.concepts.judging import FORMAT, Rule, expectation, quiet_context

if TYPE_CHECKING:
    import pandas as pd


def data_docs(name: str, frame: pd.DataFrame, rules: Sequence[Rule], folder: Path) -> Path:
    """Build the Data Docs of one validation.

    Args:
        frame, rules: as for :func:`unhype.concepts.judging.judge`.
        folder: where the site goes, about 4 MB.

    Returns:
        The site's index page.
    """
    import great_expectations as gx
    from great_expectations.checkpoint import UpdateDataDocsAction

    context, definition = quiet_context()
    backend = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder.resolve())}
    site = {
        "class_name": "SiteBuilder",
        "store_backend": backend,
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }
    context.add_data_docs_site(name, site)
    suite = context.suites.add(gx.ExpectationSuite(name, [expectation(rule) for rule in rules]))
    validation = context.validation_definitions.add(gx.ValidationDefinition(name=name, data=definition, suite=suite))
    update = UpdateDataDocsAction(name="docs", site_names=[name])
    checkpoint = context.checkpoints.add(
        gx.Checkpoint(name=name, validation_definitions=[validation], actions=[update], result_format=FORMAT)
    )
    checkpoint.run(batch_parameters={"dataframe": frame})
    return folder / "index.html"
