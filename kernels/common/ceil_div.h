// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace fettle::kernels {

/// a / b, rounded up; neither is negative.
constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) noexcept { return (a + b - 1) / b; }

/// Bytes in whole cache lines, about.
constexpr std::int64_t whole_lines(std::int64_t bytes) noexcept {
  return ceil_div(bytes, std::int64_t{64}) * 64;
}

}  // namespace fettle::kernels
