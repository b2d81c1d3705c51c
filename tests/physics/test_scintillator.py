"""Light of protons in a scintillator: stopping power, Birks' law."""

import numpy as np
import pytest

from snmc.interactions.quenching import JOIN, Scintillator, stopping_power

LAB = Scintillator(birks=0.0098, density=0.859, hydrogen=0.1201)


def test_stopping_power_of_polyethylene() -> None:
    """Would catch a wrong unit or coefficient: protons in (CH2)n at the peak, 1, 10 and 100 MeV.

    About 1100, 295, 49 and 7.7 MeV cm2/g: water's 730 (ICRU 49's 0.1 MeV) is lower as its electrons
    are bound more tightly; from memory of ICRU 49 and PSTAR, within 5 %.
    """
    values = stopping_power([0.08, 1.0, 10.0, 100.0], 0.1437)
    assert values == pytest.approx([1120, 295, 49.0, 7.75], rel=0.05, abs=0)


def test_stopping_power_is_continuous() -> None:
    """Would catch the two formulas disagreeing where they meet."""
    for hydrogen in (0.10, 0.12, 0.157):
        below, above = stopping_power([JOIN * (1 - 1e-9), JOIN], hydrogen)
        assert above == pytest.approx(below, rel=0.004, abs=0)


def test_light_is_less_and_grows() -> None:
    """Would catch quenching that creates light, or falls with energy."""
    energy = np.geomspace(1e-3, 2000, 400)
    light = LAB.proton_light(energy)
    assert np.all(light < energy)
    assert np.all(np.diff(light) > 0)
    assert np.all(np.diff(LAB.proton_light(np.linspace(0, 1e-3, 20))) > 0)
    assert LAB.proton_light(0.0) == 0
    assert Scintillator(0.0, 0.859, 0.12).proton_light(energy) == pytest.approx(
        energy, rel=1e-12, abs=0
    )


def test_light_is_the_integral_of_birks_law() -> None:
    """Would catch a table too coarse, by direct integration at 2 MeV."""
    energy = np.linspace(1e-7, 2.0, 400_001)
    rate = 1 / (1 + LAB.birks * LAB.density * stopping_power(energy, LAB.hydrogen))
    assert LAB.proton_light(2.0) == pytest.approx(np.trapezoid(rate, energy), rel=1e-4, abs=0)


def test_light_in_linear_alkyl_benzene() -> None:
    """Would catch a wrong constant: protons of 1 MeV show 0.2 MeV (An et al. 2016, JUNO).

    Their threshold of 0.2 MeV is one of about 1 MeV for protons. At 10 MeV half of it is left.
    """
    assert LAB.proton_light(1.0) == pytest.approx(0.2, rel=0.1, abs=0)
    assert LAB.proton_light(10.0) == pytest.approx(5.3, rel=0.1, abs=0)
