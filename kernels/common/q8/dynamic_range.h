// SPDX-License-Identifier: Apache-2.0
//
// What products that quantise x themselves do first: find its range and turn it into bytes.
#pragma once

#include "lib/base/quantise.h"

#include <cstdint>

namespace fettle::kernels {

/// The range of some numbers, and 0.
DynamicRange range_of(const float* x, std::int64_t count) noexcept;

/// quantise_dynamic() of all.
void quantise_all(const float* x, std::int64_t count, float scale, int zero, std::uint8_t* bytes) noexcept;

}  // namespace fettle::kernels
