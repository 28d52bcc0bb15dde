"""Fitted models that are asked without JAX: their prediction is a program of array operations.

To load JAX takes longer than to answer. So what only asks (a command, the server, a loop at every close) opens a model
here; what goes on to train or to save takes `coincast.experiments.fitted.loading`. The answers agree to a rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from pydantic import ValidationError

from coincast.errors import UnreadableFileError
from coincast.experiments.entries import ModelEntry
from coincast.experiments.fitted.evidence import restore_evidence
from coincast.experiments.fitted.layout import PROGRAM, TREES, Arrays
from coincast.experiments.fitted.manifest import Manifest, find_contradiction
from coincast.experiments.fitted.model import FittedModel
from coincast.experiments.fitted.program import Program, read_program
from coincast.experiments.fitted.reading import (
    first_line,
    read_folder,
    rebuild_market,
    rebuild_newest,
    without_files,
)
from coincast.experiments.sections import SECTIONS
from coincast.experiments.spec import Spec
from coincast.samples.recursion import Table
from coincast.samples.samples import Samples
from coincast.samples.scaling import InputScale, scale_window
from coincast.samples.targets import Values
from coincast.samples.windows import Rows


@dataclass(frozen=True)
class NamedNetwork:
    """The settings of a network that is asked and not built.

    Attributes:
        kind: name of their class.
        settings: as the manifest tells them.
    """

    kind: str
    settings: dict[str, Any]


@dataclass(frozen=True, eq=False)
class PlainRuns:
    """Trained runs, market after market, and the program of one market's.

    Attributes:
        program: weights of `width` runs and a scaled window -> forecasts of the scaled target (run, horizon).
        weights: in the order of the program's inputs, stacked along a leading axis of runs.
        width: runs of one market.
        lookback: rows of a window.
        losses, validation_losses, epochs, best_epochs, parameters, seconds: as of `TrainedRuns`.
    """

    program: Program
    weights: tuple[np.ndarray, ...]
    width: int
    lookback: int
    losses: Float[np.ndarray, "run epoch"]
    validation_losses: Float[np.ndarray, "run epoch"] | None
    epochs: Int[np.ndarray, "run"]
    best_epochs: Int[np.ndarray, "run"]
    parameters: int
    seconds: float

    def __len__(self) -> int:
        return len(self.losses)

    @cached_property
    def _by_market(self) -> list[list[np.ndarray]]:
        """The weights of each market's runs."""
        firsts = range(0, len(self), self.width)
        return [[leaf[first : first + self.width] for leaf in self.weights] for first in firsts]

    def predict(
        self, places: Sequence[int], tables: Sequence[Table], starts: Sequence[Rows], scales: Sequence[InputScale]
    ) -> list[Values]:
        """Point forecasts, in the unit of the scaled target, of the runs of some markets.

        Args:
            places: numbers of the markets.
            tables, starts: inputs of each run of each of these markets, and the first rows of its windows.
            scales: of each market.
        """
        said: list[Values] = []
        for number, place in enumerate(places):
            known: dict[tuple[int, int], np.ndarray] = {}
            for lane in range(self.width):
                run = number * self.width + lane
                table, rows = tables[run], []
                for start in starts[run].tolist():
                    key = (id(table), start)
                    if key not in known:
                        window = table[start : start + self.lookback]
                        known[key] = self._ask(self._by_market[place], window, scales[number])
                    rows.append(known[key][lane])
                said.append(np.stack(rows).astype(np.float64))
        return said

    def refuse_broken(self, samples: Samples, scale: InputScale, horizon: int) -> None:
        """Ask once, so that a program that cannot be carried out is found where it is read.

        Raises:
            ValueError: it does not say what is asked.
        """
        said = self._ask(self._by_market[0], samples.inputs[: self.lookback], scale)
        if said.shape != (self.width, horizon) or said.dtype != np.float32:
            raise ValueError(f"its program gives {said.dtype} {said.shape}, and {(self.width, horizon)} are needed")

    def _ask(self, weights: list[np.ndarray], window: Table, scale: InputScale) -> np.ndarray:
        """What all runs of a market say of one window (run, horizon)."""
        rows, centre, spread = (one.astype(np.float32) for one in (window, scale.centre, scale.spread))
        past = scale_window(rows, scale.relative, centre, spread)
        with np.errstate(all="ignore"):  # a run that failed is told of itself
            return np.asarray(self.program.run([*weights, past])[0])


def open_model(folder: str | Path) -> FittedModel | None:
    """Open a saved model to ask it.

    Args:
        folder: where it was saved.

    Returns:
        None where it has no program: it was saved by an older Coincast, or is a network that none can be made of.

    Raises:
        UnreadableFileError: no model in the folder, one that is cut or was changed, or one from a newer Coincast.
    """
    manifest, arrays, facts = read_folder(folder)
    told = facts.get(PROGRAM)
    if told is None:
        return None
    try:
        return _build(Path(folder), manifest, arrays, told)
    except UnreadableFileError:
        raise
    except (ValidationError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise UnreadableFileError(
            f"{folder} holds a model that this Coincast cannot ask ({first_line(error)}); it was saved by Coincast "
            f"{manifest.package}: ask it with that one, or fit it again"
        ) from None


def _build(folder: Path, manifest: Manifest, arrays: Arrays, told: Any) -> FittedModel:
    network = manifest.network
    entry = ModelEntry(network.label, network.name or network.label, NamedNetwork(network.kind, network.settings))
    spec = _read_spec(manifest, entry)
    if wrong := find_contradiction(manifest, spec, arrays, manifest.axes):
        raise UnreadableFileError(f"{folder} holds a model that contradicts itself ({wrong}); take it from its origin")
    names = [name for name in arrays if name.partition("/")[0] in TREES]
    program = read_program(told["program"], {name: arrays[name] for name in arrays if name not in names})
    weights = tuple(arrays[name] for name in told["weights"])
    if sorted(told["weights"]) != sorted(names) or any(len(leaf) != manifest.runs for leaf in weights):
        raise UnreadableFileError(f"{folder} holds a program for other weights; take it from its origin")
    counted = {name: arrays.get(name) for name in ("losses", "validation_losses", "epochs", "best_epochs")}
    runs = PlainRuns(
        program=program,
        weights=weights,
        width=spec.training.seeds,
        lookback=spec.samples.lookback,
        parameters=manifest.training.parameters,
        seconds=manifest.training.seconds,
        **counted,  # type: ignore[arg-type]
    )
    markets = tuple(map(rebuild_market, manifest.markets))
    newest = tuple(rebuild_newest(spec, manifest, place, arrays) for place in range(len(manifest.markets)))
    runs.refuse_broken(newest[0].samples, markets[0].input_scale, manifest.axes.horizon)
    return FittedModel(
        spec=spec,
        entry=entry,
        interval=manifest.interval,
        inputs=tuple(manifest.inputs),
        markets=markets,
        trained=runs,
        newest=newest,
        evidence=restore_evidence(None if manifest.evidence is None else manifest.evidence.model_dump()),
    )


def _read_spec(manifest: Manifest, entry: ModelEntry) -> Spec:
    """The spec without what needs JAX to be checked: it was checked when the model was fitted."""
    values: dict[str, Any] = {"name": manifest.spec["name"], "models": [entry], "grid": {}}
    values |= {name: section(**manifest.spec.get(name, {})) for name, section in SECTIONS.items()}
    return without_files(Spec.model_construct(**values))
