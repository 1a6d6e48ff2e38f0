// SPDX-License-Identifier: Apache-2.0
//
// Results in tests: the value, or a failure that shows the error.
#pragma once

#include <fettle/error.h>

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <span>
#include <string_view>
#include <utility>

namespace fettle::test {

template <typename T>
T value_of(Result<T> result) {
  INFO((result ? "" : result.error().text()));
  REQUIRE(result);
  return *std::move(result);
}
inline void succeeds(const Status& status) {
  INFO((status ? "" : status.error().text()));
  REQUIRE(status);
}

/// The error of a result that must have failed with `code`, telling what to do, and mentioning `text`.
template <typename T>
Error error_of(const Result<T>& result, ErrorCode code, std::string_view text = {}) {
  REQUIRE_FALSE(result);
  INFO(result.error().text());
  CHECK(result.error().code() == code);
  CHECK(result.error().text().find(text) != std::string::npos);
  return result.error();
}

/// Largest difference relative to the largest expected value.
inline double relative_error(std::span<const float> got, std::span<const float> expected) {
  REQUIRE(got.size() == expected.size());
  double largest = 0;
  double difference = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (std::isnan(got[i]) != std::isnan(expected[i])) return INFINITY;
    largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
    difference =
        std::max(difference, std::abs(static_cast<double>(got[i]) - static_cast<double>(expected[i])));
  }
  return largest == 0 ? difference : difference / largest;
}

}  // namespace fettle::test
