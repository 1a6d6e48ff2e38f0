// SPDX-License-Identifier: Apache-2.0
//
// Functions of vectors: exp and what is made of it, erf. Polynomials are minimax over the stated range, found
// by Remez' algorithm. All keep what is not a number. Included by the files of instruction sets alone, as
// tile_loop.h is.
#pragma once

namespace fettle::kernels {

/// c[0] + c[1] x + c[2] x^2 ...
template <typename Simd, int kCoefficients>
inline typename Simd::Vector polynomial(typename Simd::Vector x, const float (&c)[kCoefficients]) noexcept {
  typename Simd::Vector sum = Simd::all(c[kCoefficients - 1]);
#pragma GCC unroll 12
  for (int i = kCoefficients - 2; i >= 0; --i) sum = Simd::fma(sum, x, Simd::all(c[i]));
  return sum;
}

/// exp(x) = (1 + fraction) * 2^power, with powers from -126 to 128; x beyond them counts as their bound.
template <typename Simd>
struct ExpParts {
  using Vector = typename Simd::Vector;
  Vector power;
  Vector fraction;

  explicit ExpParts(Vector x) noexcept {
    x = Simd::clamp(x, Simd::all(-87.6f), Simd::all(89));
    power = Simd::round(Simd::mul(x, Simd::all(1.44269504f)));
    // x - power * ln 2, whose value takes two floats.
    Vector rest = Simd::fma(power, Simd::all(-0.693147182f), x);
    rest = Simd::fma(power, Simd::all(1.90465421e-9f), rest);
    // (exp(x) - 1 - x) / x^2 for x from -ln 2 / 2 to ln 2 / 2, up to 3.2e-9.
    constexpr float kTail[] = {0.5f, 0.166665182f, 0.041666206f, 0.00836895779f, 0.00139505719f};
    fraction = Simd::fma(Simd::mul(rest, rest), polynomial<Simd>(rest, kTail), rest);
  }
};

/// Within 2 units in the last place; 0 below 1.7e-38. Twice the number and half the power, so that the
/// largest results have a power.
template <typename Simd>
inline typename Simd::Vector exp(typename Simd::Vector x) noexcept {
  const ExpParts<Simd> parts(x);
  const typename Simd::Vector two = Simd::all(2);
  return Simd::scale(Simd::fma(parts.fraction, two, two), Simd::sub(parts.power, Simd::all(1)));
}

/// exp(x) - 1 of numbers that are not positive, exact near 0 as well.
template <typename Simd>
inline typename Simd::Vector exp_minus_1(typename Simd::Vector x) noexcept {
  const ExpParts<Simd> parts(x);
  const typename Simd::Vector scale = Simd::scale(Simd::all(1), parts.power);
  return Simd::fma(scale, parts.fraction, Simd::sub(scale, Simd::all(1)));
}

/// numerator / (1 + exp(-x)): sigmoid for 1, swish for x. Not by exp, which is exact, and 0, where nothing of
/// it is left beside 1: that takes a quarter of the time.
template <typename Simd>
inline typename Simd::Vector logistic(typename Simd::Vector numerator, typename Simd::Vector x) noexcept {
  using Vector = typename Simd::Vector;
  constexpr float kLog2OfE = 1.44269504f;
  constexpr float kLog2OfERest = 1.92596299e-8f;  // what that lacks
  // exp(-x) is infinite below, and nothing beside 1 above.
  x = Simd::clamp(x, Simd::all(-89), Simd::all(80));
  // One less than -x log2(e), so that the largest are powers that floats have; what is left is -1.5 to -0.5.
  const Vector power = Simd::round(Simd::fma(x, Simd::all(-kLog2OfE), Simd::all(-1)));
  Vector rest = Simd::fma(x, Simd::all(kLog2OfE), power);
  rest = Simd::fma(x, Simd::all(kLog2OfERest), rest);
  // 2^-rest, up to 7.5e-8 of it.
  constexpr float kPower[] = {0.999830127f,   -0.694324076f,  0.236953154f,
                              -0.0601628795f, 0.00607461063f, -0.00265529450f};
  const Vector exponential = Simd::scale_normal(polynomial<Simd>(rest, kPower), power);
  return Simd::ratio(numerator, Simd::add(exponential, Simd::all(1)));
}

/// By t = exp(-2 |x|) - 1, which is small where the result is: -t / (2 + t).
template <typename Simd>
inline typename Simd::Vector tanh(typename Simd::Vector x) noexcept {
  const typename Simd::Vector t = exp_minus_1<Simd>(Simd::mul(Simd::abs(x), Simd::all(-2)));
  return Simd::with_sign(Simd::ratio(Simd::sub(Simd::all(0), t), Simd::add(t, Simd::all(2))), x);
}

/// A polynomial below 1, and 1 - erfc(x) from there, whose logarithm is one.
template <typename Simd>
inline typename Simd::Vector erf(typename Simd::Vector x) noexcept {
  using Vector = typename Simd::Vector;
  // erf(x) / x as a function of x^2 for x from 0 to 1, up to 1.2e-9.
  constexpr float kNear[] = {1.12837911f,    -0.37612626f,     0.112835854f,   -0.0268538129f,
                             0.00518832775f, -0.000801019371f, 7.85386073e-05f};
  // log(erfc(x)) for x from 1 to 4, where erf is 1; up to 1e-9 / erfc(x).
  constexpr float kFar[] = {-0.000353720476f, -1.12704003f,    -0.638225675f,  -0.103037365f,
                            0.0218053162f,    -0.00293960655f, 0.000185573939f};
  const Vector magnitude = Simd::abs(x);
  const Vector near = Simd::mul(magnitude, polynomial<Simd>(Simd::mul(x, x), kNear));
  const Vector bounded = Simd::clamp(magnitude, Simd::all(0), Simd::all(4));
  const Vector far = Simd::sub(Simd::all(1), exp<Simd>(polynomial<Simd>(bounded, kFar)));
  return Simd::with_sign(Simd::select(Simd::less(magnitude, Simd::all(1)), near, far), x);
}

/// log(1 + exp(x)) = max(x, 0) + log(1 + t) with t = exp(-|x|).
template <typename Simd>
inline typename Simd::Vector softplus(typename Simd::Vector x) noexcept {
  // log(1 + t) / t for t from 0 to 1, up to 4.7e-9.
  constexpr float kLog[] = {1.0f,          -0.499999017f, 0.333299637f,   -0.249541342f, 0.196759388f,
                            -0.153055921f, 0.106036544f,  -0.0569595285f, 0.0198514592f, -0.0032440247f};
  const typename Simd::Vector t = exp<Simd>(Simd::sub(Simd::all(0), Simd::abs(x)));
  return Simd::fma(t, polynomial<Simd>(t, kLog), Simd::max(x, Simd::all(0)));
}

}  // namespace fettle::kernels
