// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace fettle::kernels {

/// a / b, rounded up; neither is negative.
constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) noexcept { return (a + b - 1) / b; }

}  // namespace fettle::kernels
