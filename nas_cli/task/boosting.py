"""Gradient-boosted trees, the yardstick for tables: a network that does not beat them should not be deployed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nas_cli.task.references import reference

NAME = "HistGradientBoosting"
TINY = 1e-12
HELD_OUT = 0.1


@reference("table rows", "class")
def boosted_classes(train: tuple[Any, Any], test: Any, facts: Mapping[str, Any]) -> tuple[str, Any] | None:
    """Log-probabilities (N, classes) of scikit-learn's HistGradientBoostingClassifier with default settings, seed 0.
    None where the categorical columns are unknown."""
    if "categories" not in facts:
        return None
    from sklearn.ensemble import HistGradientBoostingClassifier

    # With more than 10,000 rows it holds out a tenth for early stopping, and each class needs a share of that.
    counts = np.unique(np.asarray(train[1]), return_counts=True)[1]
    early = "auto" if counts.min() > 1 and len(counts) <= HELD_OUT * counts.sum() else False
    model = HistGradientBoostingClassifier(
        categorical_features=_categorical(facts), random_state=0, early_stopping=early
    )
    odds = model.fit(*train).predict_proba(test)
    outputs = np.full((len(test), facts["labels"]), TINY)
    outputs[:, model.classes_] = np.maximum(odds, TINY)
    return NAME, np.log(outputs)


@reference("table rows", "number")
def boosted_numbers(train: tuple[Any, Any], test: Any, facts: Mapping[str, Any]) -> tuple[str, Any] | None:
    """Predictions (N, K) of scikit-learn's HistGradientBoostingRegressor with default settings, seed 0, one model for
    each number; None as in `boosted_classes`."""
    if "categories" not in facts:
        return None
    from sklearn.ensemble import HistGradientBoostingRegressor

    inputs, targets = train
    predicted = []
    for column in targets.reshape(len(targets), -1).T:
        model = HistGradientBoostingRegressor(categorical_features=_categorical(facts), random_state=0)
        predicted.append(model.fit(inputs, column).predict(test))
    return NAME, np.stack(predicted, axis=1)


def _categorical(facts: Mapping[str, Any]) -> list[int]:
    """Indices of categorical columns. scikit-learn takes at most 255 categories; columns with more count as numeric."""
    first = facts["numeric_columns"]
    return [first + k for k, size in enumerate(facts["categories"]) if size <= 255]
