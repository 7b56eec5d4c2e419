"""Random numbers by seed and place: the same numbers in every run, plain or compiled, in whatever order they are asked for."""

import math

from streams.kernel import hash64

__all__ = ["normal", "normal_quantile", "uniform", "word"]

_BITS = 63
_STEP = 1.0 / 4503599627370496.0  # 2**-52


def word(seed: int, place: int) -> int:
    """63 random bits of a stream `seed` at `place`, both 0 or more.

    Rounds of folding and multiplying, as in counter-based generators (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011):
    there is no state, so no draw depends on another one.
    """
    return mixed(mixed(seed) ^ place)


def uniform(seed: int, place: int) -> float:
    """A number above 0 and below 1: the middle of one of 2**52 equal parts."""
    return (float(word(seed, place) >> 11) + 0.5) * _STEP


def normal(seed: int, place: int) -> float:
    """A number of the standard normal distribution, -8.2 to 8.2."""
    return normal_quantile(uniform(seed, place))


def mixed(z: int) -> int:
    """A word in which every bit depends on every bit of `z`. 0 <= z < 2**63; so is what comes back."""
    z = hash64(z ^ (z >> 32), _BITS)
    z = hash64(z ^ (z >> 29), _BITS)
    z = hash64(z ^ (z >> 32), _BITS)
    return z ^ (z >> 31)


def normal_quantile(p: float) -> float:
    """What a standard normal number is below with probability p. 0 < p < 1.

    Wichura, "Algorithm AS 241: the percentage points of the normal distribution" (1988), PPND16: good to about one part in 10**16.

    >>> normal_quantile(0.5), round(normal_quantile(0.975), 12), round(normal_quantile(1e-9), 12)
    (0.0, 1.95996398454, -5.997807015008)
    """
    q = p - 0.5
    if abs(q) <= 0.425:
        return q * _middle(0.180625 - q * q)
    r = math.sqrt(-math.log(p if q < 0.0 else 1.0 - p))
    x = _side(r - 1.6) if r <= 5.0 else _tail(r - 5.0)
    return -x if q < 0.0 else x


def _middle(r: float) -> float:
    top = 2.5090809287301226727e3
    top = top * r + 3.3430575583588128105e4
    top = top * r + 6.7265770927008700853e4
    top = top * r + 4.5921953931549871457e4
    top = top * r + 1.3731693765509461125e4
    top = top * r + 1.9715909503065514427e3
    top = top * r + 1.3314166789178437745e2
    top = top * r + 3.3871328727963666080e0
    low = 5.2264952788528545610e3
    low = low * r + 2.8729085735721942674e4
    low = low * r + 3.9307895800092710610e4
    low = low * r + 2.1213794301586595867e4
    low = low * r + 5.3941960214247511077e3
    low = low * r + 6.8718700749205790830e2
    low = low * r + 4.2313330701600911252e1
    return top / (low * r + 1.0)


def _side(r: float) -> float:
    top = 7.74545014278341407640e-4
    top = top * r + 2.27238449892691845833e-2
    top = top * r + 2.41780725177450611770e-1
    top = top * r + 1.27045825245236838258e0
    top = top * r + 3.64784832476320460504e0
    top = top * r + 5.76949722146069140550e0
    top = top * r + 4.63033784615654529590e0
    top = top * r + 1.42343711074968357734e0
    low = 1.05075007164441684324e-9
    low = low * r + 5.47593808499534494600e-4
    low = low * r + 1.51986665636164571966e-2
    low = low * r + 1.48103976427480074590e-1
    low = low * r + 6.89767334985100004550e-1
    low = low * r + 1.67638483018380384940e0
    low = low * r + 2.05319162663775882187e0
    return top / (low * r + 1.0)


def _tail(r: float) -> float:
    top = 2.01033439929228813265e-7
    top = top * r + 2.71155556874348757815e-5
    top = top * r + 1.24266094738807843860e-3
    top = top * r + 2.65321895265761230930e-2
    top = top * r + 2.96560571828504891230e-1
    top = top * r + 1.78482653991729133580e0
    top = top * r + 5.46378491116411436990e0
    top = top * r + 6.65790464350110377720e0
    low = 2.04426310338993978564e-15
    low = low * r + 1.42151175831644588870e-7
    low = low * r + 1.84631831751005468180e-5
    low = low * r + 7.86869131145613259100e-4
    low = low * r + 1.48753612908506148525e-2
    low = low * r + 1.36929880922735805310e-1
    low = low * r + 5.99832206555887937690e-1
    return top / (low * r + 1.0)
