"""Public data sets read as suites, and runs written back for their sites."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from pytest_medbench.importers.medbench_brasil import import_medbench_brasil
from pytest_medbench.importers.medbench_brasil_runs import import_medbench_brasil_runs
from pytest_medbench.importers.medbench_v4 import import_medbench_v4
from pytest_medbench.importers.medbench_v4_export import ExportError, export_medbench_v4
from pytest_medbench.importers.medxpertqa import import_medxpertqa
from pytest_medbench.importers.pubmedqa import import_pubmedqa
from pytest_medbench.importers.writing import Problem, Report


class Importer(Protocol):
    """Reads a public data set and writes its suites' folders into `target`."""

    def __call__(self, source: Path, target: Path, *, force: bool = False) -> Report:
        """Take over what can be taken over; the report names the rest."""


Exporter = Callable[..., Report]

IMPORTERS: Mapping[str, Importer] = MappingProxyType(
    {
        "medbench-brasil": import_medbench_brasil,
        "medbench-brasil-runs": import_medbench_brasil_runs,
        "medbench-v4": import_medbench_v4,
        "medxpertqa": import_medxpertqa,
        "pubmedqa": import_pubmedqa,
    }
)
EXPORTERS: Mapping[str, Exporter] = MappingProxyType({"medbench-v4": export_medbench_v4})

__all__ = [
    "EXPORTERS",
    "IMPORTERS",
    "ExportError",
    "Importer",
    "Problem",
    "Report",
    "export_medbench_v4",
    "import_medbench_brasil",
    "import_medbench_brasil_runs",
    "import_medbench_v4",
    "import_medxpertqa",
    "import_pubmedqa",
]
