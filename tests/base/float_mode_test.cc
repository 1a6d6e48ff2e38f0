// SPDX-License-Identifier: Apache-2.0
//
// A thread's mode: what it does to numbers, and that it comes back. Operands are volatile, so that the
// compiler computes nothing itself.
#include "lib/base/float_mode.h"

#include <catch2/catch_test_macros.hpp>

#include <cfenv>

namespace fettle::test {
namespace {

const FloatMode kKeep = FloatMode::standard(Subnormals::keep);
const FloatMode kFlush = FloatMode::standard(Subnormals::flush);

float product(float a, float b) {
  volatile float x = a;
  volatile float y = b;
  return x * y;
}
double product(double a, double b) {
  volatile double x = a;
  volatile double y = b;
  return x * y;
}

}  // namespace

TEST_CASE("subnormal results and operands become zero in the mode that flushes, in no other", "[base]") {
  const FloatScope scope(kKeep);
  CHECK(product(0x1p-100f, 0x1p-40f) == 0x1p-140f);
  CHECK(product(0x1p-140f, 0x1p100f) == 0x1p-40f);
  CHECK(product(0x1p-1000, 0x1p-40) == 0x1p-1040);
  CHECK(product(0x1p-1040, 0x1p1000) == 0x1p-40);
  float of_f32[2];
  double of_f64[2];
  float normal = 0;
  {
    const FloatScope flushing(kFlush);
    of_f32[0] = product(0x1p-100f, 0x1p-40f);
    of_f32[1] = product(0x1p-140f, 0x1p100f);
    of_f64[0] = product(0x1p-1000, 0x1p-40);
    of_f64[1] = product(0x1p-1040, 0x1p1000);
    normal = product(0x1p-100f, 0x1p-26f);
  }
  for (const float value : of_f32) CHECK(value == 0);
  for (const double value : of_f64) CHECK(value == 0);
  CHECK(normal == 0x1p-126f);
  CHECK(product(0x1p-140f, 0x1p100f) == 0x1p-40f);
}

TEST_CASE("a scope gives back the mode before it, whatever was set in between", "[base]") {
  const FloatMode before = FloatMode::of_thread();
  for (const FloatMode outer : {kKeep, kFlush}) {
    FloatScope scope(outer);
    {
      FloatScope inner;
      CHECK(FloatMode::of_thread() == outer);
      inner.set(kFlush);
      CHECK(FloatMode::of_thread() == kFlush);
      inner.set(kKeep);
      CHECK(FloatMode::of_thread() == kKeep);
      inner.set(kFlush);
    }
    CHECK(FloatMode::of_thread() == outer);
  }
  CHECK(FloatMode::of_thread() == before);
}

TEST_CASE("a standard mode rounds to nearest, and the caller's rounding comes back", "[base]") {
  REQUIRE(std::fesetround(FE_UPWARD) == 0);
  float inside = 0;
  {
    const FloatScope scope(kFlush);
    inside = product(1 + 0x1p-23f, 1 + 0x1p-23f);
  }
  const int rounding = std::fegetround();
  const float after = product(1 + 0x1p-23f, 1 + 0x1p-23f);
  REQUIRE(std::fesetround(FE_TONEAREST) == 0);
  CHECK(inside == 1 + 0x1p-22f);
  CHECK(rounding == FE_UPWARD);
  CHECK(after == 1 + 0x1p-22f + 0x1p-23f);
}

}  // namespace fettle::test
