import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aecodec.errors import AecodecError
from aecodec.evaluation.bd_rate import BdRateError, bd_rate, shared_range
from aecodec.evaluation.metrics import ms_ssim_db
from aecodec.evaluation.rd.published import published_kodak

steps = st.floats(0.05, 2)


@st.composite
def curves(draw: st.DrawFn) -> tuple[list[float], list[float]]:
    """Rates and qualities that both grow from point to point."""
    count = draw(st.integers(4, 9))
    moves = draw(st.lists(st.tuples(steps, steps), min_size=count, max_size=count))
    log_rate, quality = np.cumsum(moves, axis=0).T
    return list(np.exp(log_rate - 3)), list(quality + 25)


def test_curves_of_no_points_are_refused() -> None:
    with pytest.raises(BdRateError, match="not 0"):
        bd_rate([], [], [1, 2, 3, 4], [1, 2, 3, 4])


@given(curves(), st.floats(0.1, 10))
def test_a_curve_at_scaled_rates(curve: tuple[list[float], list[float]], factor: float) -> None:
    rate, quality = curve
    scaled = [r * factor for r in rate]
    assert bd_rate(rate, quality, scaled, quality) == pytest.approx(100 * (factor - 1))


@given(curves(), curves(), st.randoms())
def test_swapping_inverts_the_ratio_and_order_does_not_matter(a, b, random) -> None:
    try:
        there = bd_rate(*a, *b)
    except BdRateError:
        return
    back = bd_rate(*b, *a)
    assert (1 + there / 100) * (1 + back / 100) == pytest.approx(1)
    points = list(zip(*b, strict=True))
    random.shuffle(points)
    assert bd_rate(*a, *zip(*points, strict=True)) == pytest.approx(there)


def test_straight_lines_in_log_rate_have_a_closed_form() -> None:
    # log2 rate = quality / 3 against quality / 3 - 0.1 * (quality - 30), integrated over 31..39.
    quality, other = np.linspace(30, 39, 5), np.linspace(31, 40, 5)
    expected = 100 * (2 ** (-0.1 * ((31 + 39) / 2 - 30)) - 1)
    rate = 2 ** (quality / 3)
    assert bd_rate(rate, quality, 2 ** (other / 3 - 0.1 * (other - 30)), other) == pytest.approx(
        expected
    )


def test_points_that_cost_more_without_being_better_are_left_out() -> None:
    rate, quality = [0.1, 0.2, 0.4, 0.8, 1.6], [25.0, 28.0, 31.0, 34.0, 37.0]
    dipping = bd_rate(rate, quality, [*rate, 0.5, 0.9], [*quality, 30.5, 34.0])
    assert dipping == pytest.approx(0)


@pytest.mark.parametrize(
    ("rate", "quality", "message"),
    [
        ([0.1, 0.2, 0.4], [30, 32, 34], "4 points"),
        ([0.1, 0.2, 0.4, 0.8], [34, 33, 32, 31], "4 points"),
        ([0.1, 0.2, 0.4, 0.8], [50, 52, 54, 56], "overlap"),
        ([0.0, 0.2, 0.4, 0.8], [30, 32, 34, 36], "positive"),
        ([0.1, 0.2, 0.4, 0.8], [30, 32, 34, math.inf], "finite"),
        ([0.1, 0.2, 0.4, 0.8, 1.6], [30, 32, 34, 36], "5 rates"),
    ],
)
def test_what_cannot_be_compared(rate, quality, message: str) -> None:
    with pytest.raises(BdRateError, match=message) as caught:
        bd_rate([0.1, 0.2, 0.4, 0.8], [30, 32, 34, 36], rate, quality)
    assert isinstance(caught.value, AecodecError)


def test_published_codecs_compare_as_their_authors_say() -> None:
    curves = published_kodak()

    def against(reference: str, name: str) -> float:
        a, b = curves[reference], curves[name]
        return bd_rate(a.bpp, a.psnr, b.bpp, b.psnr)

    # VTM saves about a fifth over BPG, mean-scale hyperpriors are close to BPG.
    assert -27 < against("BPG 4:4:4", "VTM 9.1 4:4:4") < -17
    assert -8 < against("BPG 4:4:4", "mbt2018-mean") < 3
    # ELIC's paper gives -7.88 % against VTM 12.1, which is a little stronger than 9.1.
    assert -12 < against("VTM 9.1 4:4:4", "ELIC") < -5
    assert against("bmshj2018-factorized", "bmshj2018-hyperprior") < -20
    assert against("ELIC", "HPCM-Large") < -8


def test_published_ms_ssim_in_decibels() -> None:
    bpg, vtm = (published_kodak()[name] for name in ("BPG 4:4:4", "VTM 9.1 4:4:4"))
    decibels = [[ms_ssim_db(v) for v in curve.ms_ssim or ()] for curve in (bpg, vtm)]
    assert -30 < bd_rate(bpg.bpp, decibels[0], vtm.bpp, decibels[1]) < -10


def test_what_lies_below_the_least_quality_does_not_count() -> None:
    rate = [0.1, 0.2, 0.4, 0.8, 1.6]
    score = [-40.0, 10.0, 50.0, 70.0, 85.0]
    # Half the bits above 50, many times as many at scores where all is ruined.
    other = [0.9 * 0.1, 0.15, 0.2, 0.4, 0.8]
    assert bd_rate(rate, score, other, score, least=50) == pytest.approx(-50, abs=1)
    assert bd_rate(rate, score, other, score) > -45
    assert shared_range(score, [0.0, 60.0]) == (0.0, 60.0)
    assert shared_range(score, [0.0, 60.0], 30.0) == (30.0, 60.0)
    with pytest.raises(BdRateError, match="do not overlap from 70 on"):
        bd_rate(rate, score, other, [s - 20 for s in score], least=70)
