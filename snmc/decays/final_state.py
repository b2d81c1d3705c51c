"""Final states of decays in the parent's rest frame, compiled.

The z axis is the parent's flight. A final state is the list of its photons and neutrinos that are
looked for, each with PDG number, energy E* [MeV], y = 1 + cos(theta*) and azimuth; unstable
daughters are followed down to them. Muons and pions decay where they are born: their own lives of
2 us and 26 ns add nothing to delays of seconds. Muons from pions are fully polarised; those of the
parent's own decay are taken as unpolarised, which shifts the mean energy of their nu_e by at most
a third of the muon's speed, that of their nu_mu by a seventh, times the polarisation.
"""

import numpy as np
import numpy.typing as npt

from snmc.decays.modes import MUON_AMPLITUDE, MUON_MASSES, PHOTON
from snmc.ground.compiled import compiled
from snmc.ground.sampling import tilted_point
from snmc.ground.units import M_MUON, M_PION_CHARGED, M_PION_NEUTRAL

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int32]
Vector = tuple[float, float, float]

MOST = 9  # photons and neutrinos of one final state: three charged pions give 9


@compiled
def two_body_energy(M: float, m: float, other: float) -> float:
    """Energy [MeV] of the daughter of mass `m` beside one of mass `other`, `M` at rest."""
    return (M * M + (m - other) * (m + other)) / (2 * M)


@compiled
def squared_amplitude(
    M: float, m1: float, m2: float, m3: float, c1: float, c2: float, c3: float, cm: float,
    E1: float, E2: float,
) -> float:  # fmt: skip
    """|M|^2 [MeV^4] of `DecayMode.amplitude` where daughters 1 and 2 have `E1` and `E2` [MeV].

    With 2 p2.p3 = (P - p1)^2 - m2^2 - m3^2, and so on.
    """
    E3 = M - E1 - E2
    total = cm * m1 * m2 * E3
    total += c1 * E1 * ((M * M + m1 * m1 - m2 * m2 - m3 * m3) / 2 - M * E1)
    total += c2 * E2 * ((M * M + m2 * m2 - m1 * m1 - m3 * m3) / 2 - M * E2)
    total += c3 * E3 * ((M * M + m3 * m3 - m1 * m1 - m2 * m2) / 2 - M * E3)
    return M * total


@compiled
def _largest_term(M: float, m: float, a: float, b: float) -> float:
    """Largest E (M^2 + m^2 - a^2 - b^2 - 2 M E)/2 over the energies of a daughter of mass m."""
    reach = (M * M + m * m - a * a - b * b) / 2
    E = min(max(reach / (2 * M), m), two_body_energy(M, m, a + b))
    return E * (reach - M * E)


@compiled
def amplitude_bound(
    M: float, m1: float, m2: float, m3: float, c1: float, c2: float, c3: float, cm: float
) -> float:
    """|M|^2 [MeV^4] that `squared_amplitude` exceeds nowhere: its terms' maxima added up."""
    total = max(0.0, cm) * m1 * m2 * two_body_energy(M, m3, m1 + m2)
    total += max(0.0, c1) * _largest_term(M, m1, m2, m3)
    total += max(0.0, c2) * _largest_term(M, m2, m1, m3)
    total += max(0.0, c3) * _largest_term(M, m3, m1, m2)
    return M * total


@compiled
def _turned(x: float, y: float, z: float, cosine: float, azimuth: float) -> Vector:
    """Unit vector at an angle to the unit vector (x, y, z), at an azimuth about it.

    The other two axes as Duff et al. (J. Computer Graphics Techniques 6 (2017) 1) choose them.
    """
    sign = np.copysign(1.0, z)
    a = -1.0 / (sign + z)
    b = x * y * a
    sine = np.sqrt(max(0.0, (1 - cosine) * (1 + cosine)))
    u, v = sine * np.cos(azimuth), sine * np.sin(azimuth)
    return (
        cosine * x + u * (1 + sign * x * x * a) + v * b,
        cosine * y + u * sign * b + v * (sign + y * y * a),
        cosine * z - u * sign * x - v * y,
    )


@compiled
def three_body(
    rng: np.random.Generator, M: float, m1: float, m2: float, m3: float,
    c1: float, c2: float, c3: float, cm: float, axis: Vector, tilt: float, momenta: Array,
) -> None:  # fmt: skip
    """Draw the daughters' four-momenta [MeV] in the rest frame into `momenta` (3, 4), E first.

    Phase space is flat in (E1, E2); points outside it, and above |M|^2, are drawn again. The first
    daughter flies at an angle to `axis` with density ~ 1 + tilt cos, all azimuths alike.
    """
    bound = amplitude_bound(M, m1, m2, m3, c1, c2, c3, cm)
    highest1, highest2 = two_body_energy(M, m1, m2 + m3), two_body_energy(M, m2, m1 + m3)
    while True:
        E1 = m1 + rng.random() * (highest1 - m1)
        E2 = m2 + rng.random() * (highest2 - m2)
        E3 = M - E1 - E2
        if m3 > E3:
            continue
        square1, square2, square3 = (
            (E1 - m1) * (E1 + m1), (E2 - m2) * (E2 + m2), (E3 - m3) * (E3 + m3),
        )  # fmt: skip
        double = square3 - square1 - square2  # 2 p1 p2 cos
        if double * double > 4 * square1 * square2:
            continue
        here = squared_amplitude(M, m1, m2, m3, c1, c2, c3, cm, E1, E2)
        if rng.random() * bound < here:
            break
    p1, p2 = np.sqrt(square1), np.sqrt(square2)
    x, y, z = _turned(
        axis[0], axis[1], axis[2],
        tilted_point(tilt, rng.random()) - 1, 2 * np.pi * rng.random(),
    )  # fmt: skip
    cosine = double / (2 * p1 * p2) if p1 * p2 > 0 else 1.0
    u, v, w = _turned(x, y, z, cosine, 2 * np.pi * rng.random())
    momenta[0] = E1, p1 * x, p1 * y, p1 * z
    momenta[1] = E2, p2 * u, p2 * v, p2 * w
    momenta[2] = E3, -p1 * x - p2 * u, -p1 * y - p2 * v, -p1 * z - p2 * w


@compiled
def boost(momentum: Array, frame: Array, mass: float) -> None:
    """Take `momentum` from the rest frame of a particle to that where it has `frame`; E first."""
    along = frame[1] * momentum[1] + frame[2] * momentum[2] + frame[3] * momentum[3]
    add = (along / (frame[0] + mass) + momentum[0]) / mass
    momentum[0] = (frame[0] * momentum[0] + along) / mass
    for k in range(1, 4):
        momentum[k] += frame[k] * add


@compiled
def _anywhere(rng: np.random.Generator) -> Vector:
    return _turned(0.0, 0.0, 1.0, 2 * rng.random() - 1, 2 * np.pi * rng.random())


@compiled
def secondaries_of(rng: np.random.Generator, pdg: int, parent: Array, out: Array) -> int:
    """Massless particles from the decay of pi0, mu+- or pi+-, into `out` (3, 4), E first.

    `parent`: its four-momentum [MeV]. Returns their number: pi0: two photons; mu: nu_e, nu_mu;
    pi: nu_e, nu_mu of the muon, nu_mu of the pion.
    """
    if pdg == 111:
        x, y, z = _anywhere(rng)
        half = M_PION_NEUTRAL / 2
        out[0] = half, half * x, half * y, half * z
        out[1] = half, -half * x, -half * y, -half * z
        boost(out[0], parent, M_PION_NEUTRAL)
        boost(out[1], parent, M_PION_NEUTRAL)
        return 2
    m1, m2, m3 = MUON_MASSES
    c1, c2, c3, cm = MUON_AMPLITUDE
    # mu- -> anti-nu_e e- nu_mu: |M|^2 ~ ((P - m s).k)(e.nu_mu) = m w (1 + cos)(e.nu_mu), with k
    # the anti-nu_e of energy w at an angle to the spin s; for mu+ the sign of s turns.
    if abs(pdg) == 13:
        three_body(rng, M_MUON, m1, m2, m3, c1, c2, c3, cm, (0.0, 0.0, 1.0), 0.0, out)
        out[1] = out[2]
        boost(out[0], parent, M_MUON)
        boost(out[1], parent, M_MUON)
        return 2
    # pi- -> mu- of helicity +1, pi+ -> mu+ of helicity -1: both send their nu_e forward.
    axis = _anywhere(rng)
    three_body(rng, M_MUON, m1, m2, m3, c1, c2, c3, cm, axis, 1.0, out)
    out[1] = out[2]
    p = two_body_energy(M_PION_CHARGED, 0.0, M_MUON)
    muon = np.empty(4)
    muon[:] = M_PION_CHARGED - p, p * axis[0], p * axis[1], p * axis[2]
    boost(out[0], muon, M_MUON)
    boost(out[1], muon, M_MUON)
    out[2] = p, -p * axis[0], -p * axis[1], -p * axis[2]
    for k in range(3):
        boost(out[k], parent, M_PION_CHARGED)
    return 3


@compiled
def is_wanted(pdg: int, photons: bool, neutrinos: bool) -> bool:
    """Whether `pdg` is a photon or a neutrino, and such are looked for."""
    if pdg == PHOTON:
        return photons
    return neutrinos and (abs(pdg) == 12 or abs(pdg) == 14 or abs(pdg) == 16)


@compiled
def _keep(
    count: int, born: int, momentum: Array, pdg: Integers, energy: Array, y: Array, azimuth: Array
) -> None:
    pdg[count] = born
    energy[count] = momentum[0]
    cosine = momentum[3] / momentum[0] if momentum[0] > 0 else 1.0
    y[count] = min(max(1 + cosine, 0.0), 2.0)
    azimuth[count] = np.arctan2(momentum[2], momentum[1])


@compiled
def _follow(
    rng: np.random.Generator, count: int, born: int, momentum: Array, photons: bool,
    neutrinos: bool, secondaries: bool, pdg: Integers, energy: Array, y: Array, azimuth: Array,
    scratch: Array,
) -> int:  # fmt: skip
    """Append what is looked for of a daughter of four-momentum `momentum`; the new count."""
    if is_wanted(born, photons, neutrinos):
        _keep(count, born, momentum, pdg, energy, y, azimuth)
        return count + 1
    sign = 1 if born > 0 else -1
    if born == 111 and photons:
        pair = (PHOTON, PHOTON, 0)
    elif abs(born) == 13 and neutrinos and secondaries:
        pair = (-12 * sign, 14 * sign, 0)
    elif abs(born) == 211 and neutrinos and secondaries:  # pi+ -> nu_mu and mu+ -> nu_e anti-nu_mu
        pair = (12 * sign, -14 * sign, 14 * sign)
    else:
        return count
    for k in range(secondaries_of(rng, born, momentum, scratch)):
        _keep(count, pair[k], scratch[k], pdg, energy, y, azimuth)
        count += 1
    return count


@compiled
def opposite(azimuth: float) -> float:
    """Opposite azimuth, also in [-pi, pi]."""
    return azimuth - np.pi if azimuth > 0 else azimuth + np.pi


@compiled
def final_state(
    rng: np.random.Generator, M: float, mode: int, mode_daughters: Integers, mode_masses: Array,
    mode_amplitude: Array, photons: bool, neutrinos: bool, secondaries: bool,
    pdg: Integers, energy: Array, y: Array, azimuth: Array, momenta: Array, scratch: Array,
) -> int:  # fmt: skip
    """Draw one unpolarised decay; returns how many photons and neutrinos were written.

    `mode`: row of `mode_daughters` (0 for no third), `mode_masses` [MeV] and `mode_amplitude`, as
    in `DecayMode`. Written into `pdg`, `energy` [MeV], `y`, `azimuth` [rad], each (MOST,);
    `momenta` and `scratch`, (3, 4), hold intermediate results.
    """
    daughters, masses, amplitude = mode_daughters[mode], mode_masses[mode], mode_amplitude[mode]
    count = 0
    if daughters[2] != 0:
        three_body(
            rng, M, masses[0], masses[1], masses[2], amplitude[0], amplitude[1], amplitude[2],
            amplitude[3], (0.0, 0.0, 1.0), 0.0, momenta,
        )  # fmt: skip
        for d in range(3):
            count = _follow(
                rng, count, daughters[d], momenta[d], photons, neutrinos, secondaries, pdg, energy,
                y, azimuth, scratch,
            )  # fmt: skip
        return count
    # Two: the second flies opposite to the first.
    first, phi = 2 * rng.random(), (2 * rng.random() - 1) * np.pi
    for d in range(2):
        at = first if d == 0 else 2.0 - first
        around = phi if d == 0 else opposite(phi)
        E = two_body_energy(M, masses[d], masses[1 - d])
        if is_wanted(daughters[d], photons, neutrinos):
            pdg[count] = daughters[d]
            energy[count] = E
            y[count] = at  # as drawn: good to the last digit at both ends
            azimuth[count] = around
            count += 1
        elif masses[d] > 0.0:
            p = np.sqrt(max(0.0, (E - masses[d]) * (E + masses[d])))
            sine = np.sqrt(at * (2 - at))
            momenta[d, 0] = E
            momenta[d, 1] = p * sine * np.cos(around)
            momenta[d, 2] = p * sine * np.sin(around)
            momenta[d, 3] = p * (at - 1)
            count = _follow(
                rng, count, daughters[d], momenta[d], photons, neutrinos, secondaries, pdg, energy,
                y, azimuth, scratch,
            )  # fmt: skip
    return count
