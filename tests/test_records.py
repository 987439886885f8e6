"""The two judgements that every view shares, and numbers as people write them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.records import MetricSummary, RunRecord, describe_change, direction, main_metric, short_number, short_value


def run(metrics: dict[str, float], at: int = 0) -> RunRecord:
    summaries = {key: MetricSummary(key, value, 0, 0, 1, last_at=at) for key, value in metrics.items()}
    return RunRecord("0" * 32, "r", "e", "finished", "api", at, metrics=metrics, summaries=summaries)


@pytest.mark.parametrize(
    ("key", "lower"),
    [
        ("loss", True),
        ("val_loss", True),
        ("rmse", True),
        ("mean_squared_error", True),
        ("fit_time", True),
        ("accuracy", False),
        ("test_f1", False),
        ("roc_auc", False),
        ("f1_macro", False),
        ("depth", None),
        ("", None),
    ],
)
def test_the_direction_follows_the_name(key: str, lower: bool | None) -> None:
    assert direction(key) is lower


def test_a_rule_overrules_the_name() -> None:
    assert direction("loss", {"loss": "max"}) is False
    assert direction("depth", [("depth", "min")]) is True


def test_the_main_metric_is_an_evaluation_that_most_runs_have() -> None:
    assert main_metric([]) is None
    assert main_metric([run({"train_loss": 1.0, "val_f1": 0.5}), run({"train_loss": 1.0, "val_f1": 0.6})]) == "val_f1"
    assert main_metric([run({"val_acc": 1.0, "test_acc": 0.5})]) == "test_acc"
    assert main_metric([run({"a_acc": 1.0}), run({"b_acc": 1.0}), run({"b_acc": 0.5})]) == "b_acc"
    assert main_metric([run({"depth": 3.0, "acc": 0.5})]) == "acc"
    assert main_metric([run({"train_loss": 1.0})]) == "train_loss"
    assert main_metric([run({"acc": 1.0, "f1": 0.5})], "f1") == "f1"


def test_a_change_is_said_in_at_most_two_terms() -> None:
    assert describe_change({"lr": 0.1}, {"lr": 0.01}) == "lr 0.1 → 0.01"
    assert describe_change({}, {"lr": 0.01}) == "lr 0.01"
    assert describe_change({"lr": 0.1}, {}) == "without lr"
    assert describe_change({"a": 1, "b": 1, "c": 1}, {"a": 2, "b": 2, "c": 2, "d": 3}) == "a 1 → 2, b 1 → 2 +2"
    assert describe_change({"a": 1}, {"a": 1}) == ""


@given(st.floats(-1e300, 1e300) | st.sampled_from([math.nan, math.inf, -math.inf]))
def test_every_number_has_a_short_form_that_is_near_it(value: float) -> None:
    text = short_number(value)
    assert 0 < len(text) <= 16
    if math.isfinite(value):
        assert float(text) == pytest.approx(value, rel=1e-2, abs=1e-3 if abs(value) >= 1e-3 else 0)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner)))
def test_every_value_fits_into_its_width(value: object) -> None:
    assert len(short_value(value)) <= 24


def test_the_best_value_follows_the_direction() -> None:
    summary = MetricSummary("a", 0.5, 9, 0, 10, minimum=0.1, maximum=0.9, min_step=3, max_step=7)
    assert summary.best(True) == (0.1, 3)
    assert summary.best(False) == (0.9, 7)
    assert summary.best(None) == (0.5, 9)
