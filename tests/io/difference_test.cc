// SPDX-License-Identifier: Apache-2.0
#include "tuner/cli/difference.h"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace fettle::cli {
namespace {

constexpr double kNotFinite = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

template <typename T>
double difference(DataType type, const std::vector<T>& values, const std::vector<T>& reference) {
  return relative_error(type, std::as_bytes(std::span(values)), std::as_bytes(std::span(reference)));
}

// The words of f16 and bf16, from the formats' definitions.
constexpr std::uint16_t kHalf1 = 0x3c00, kHalf2 = 0x4000, kHalfInfinite = 0x7c00, kHalfNan = 0x7e01,
                        kHalfOtherNan = 0xfe00;
constexpr std::uint16_t kHalfSmallest = 0x0001, kHalfLargest = 0x7bff;
constexpr std::uint16_t kBrain1 = 0x3f80, kBrain2 = 0x4000, kBrainInfinite = 0x7f80, kBrainNan = 0x7fc1;

TEST_CASE("differences are relative to the largest reference, in every floating type", "[io][difference]") {
  CHECK(difference<float>(DataType::f32, {1, 4.5f}, {1, 5}) == Catch::Approx(0.1));
  CHECK(difference<double>(DataType::f64, {1 + 1e-12, -8}, {1, -8}) ==
        Catch::Approx(1e-12 / 8).epsilon(1e-3));
  CHECK(difference<std::uint16_t>(DataType::f16, {kHalf1, kHalf1}, {kHalf1, kHalf2}) == Catch::Approx(0.5));
  CHECK(difference<std::uint16_t>(DataType::bf16, {kBrain1, kBrain1}, {kBrain1, kBrain2}) ==
        Catch::Approx(0.5));
  CHECK(difference<std::uint16_t>(DataType::f16, {0}, {kHalfSmallest}) == Catch::Approx(1));
  CHECK(difference<std::uint16_t>(DataType::f16, {0x8000, kHalfLargest}, {kHalf1, kHalfLargest}) ==
        Catch::Approx(1 / 65504.0));
  CHECK(difference<float>(DataType::f32, {}, {}) == 0);
  CHECK(difference<float>(DataType::f32, {0}, {0}) == 0);
  CHECK(difference<float>(DataType::f32, {1e-30f}, {0}) == kNotFinite);
}

TEST_CASE("differences of integers are exact", "[io][difference]") {
  CHECK(difference<std::int8_t>(DataType::s8, {127}, {-128}) == Catch::Approx(255.0 / 128));
  CHECK(difference<std::uint8_t>(DataType::u8, {254, 0}, {255, 0}) == Catch::Approx(1.0 / 255));
  CHECK(difference<std::int16_t>(DataType::s16, {-2}, {2}) == Catch::Approx(2));
  CHECK(difference<std::uint16_t>(DataType::u16, {65535}, {65535}) == 0);
  CHECK(difference<std::int32_t>(DataType::s32, {99}, {100}) == Catch::Approx(0.01));
  CHECK(difference<std::uint32_t>(DataType::u32, {0}, {4'000'000'000u}) == Catch::Approx(1));
  constexpr std::int64_t kWide = std::int64_t{1} << 60;
  CHECK(difference<std::int64_t>(DataType::s64, {kWide + 1}, {kWide}) == Catch::Approx(std::ldexp(1, -60)));
  constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  CHECK(difference<std::int64_t>(DataType::s64, {kMost}, {kLeast}) == Catch::Approx(2));
  constexpr auto kAll = std::numeric_limits<std::uint64_t>::max();
  CHECK(difference<std::uint64_t>(DataType::u64, {kAll - 2}, {kAll}) == Catch::Approx(std::ldexp(2, -64)));
}

TEST_CASE("NaN is like NaN and an infinity like itself, and like nothing else", "[io][difference]") {
  const auto inf = static_cast<float>(kNotFinite);
  const auto nan = static_cast<float>(kNan);
  CHECK(difference<float>(DataType::f32, {nan, inf, -inf, 1}, {nan, inf, -inf, 1}) == 0);
  CHECK(difference<float>(DataType::f32, {nan, 1}, {-nan, 2}) == Catch::Approx(0.5));
  CHECK(difference<double>(DataType::f64, {kNan, kNotFinite}, {kNan, kNotFinite}) == 0);
  for (const auto& [value, other] :
       {std::pair{nan, 1.0f}, {1.0f, nan}, {inf, 1.0f}, {1.0f, inf}, {inf, -inf}, {nan, inf}, {inf, nan}}) {
    CHECK(difference<float>(DataType::f32, {value}, {other}) == kNotFinite);
    CHECK(difference<double>(DataType::f64, {value}, {other}) == kNotFinite);
  }
  CHECK(difference<std::uint16_t>(DataType::f16, {kHalfNan, kHalfInfinite}, {kHalfOtherNan, kHalfInfinite}) ==
        0);
  CHECK(difference<std::uint16_t>(DataType::f16, {kHalfNan}, {kHalfInfinite}) == kNotFinite);
  CHECK(difference<std::uint16_t>(DataType::f16, {kHalfLargest}, {kHalfInfinite}) == kNotFinite);
  CHECK(difference<std::uint16_t>(DataType::bf16, {kBrainNan, kBrainInfinite}, {kBrainNan, kBrainInfinite}) ==
        0);
  CHECK(difference<std::uint16_t>(DataType::bf16, {kBrainNan}, {kBrain1}) == kNotFinite);
}

TEST_CASE("truth values have no tolerance, nor have buffers of other sizes", "[io][difference]") {
  CHECK(difference<std::uint8_t>(DataType::boolean, {0, 1, 2}, {0, 1, 1}) == 0);
  CHECK(difference<std::uint8_t>(DataType::boolean, {0, 1}, {1, 1}) == kNotFinite);
  CHECK(difference<float>(DataType::f32, {1}, {1, 1}) == kNotFinite);
}

}  // namespace
}  // namespace fettle::cli
