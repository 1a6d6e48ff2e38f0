// SPDX-License-Identifier: Apache-2.0
//
// What products that quantise x themselves do first: find its range and turn it into bytes.
#pragma once

#include "lib/base/quantise.h"

#include <fettle/thread_pool.h>

#include <cstdint>

namespace fettle::kernels {

/// The range of some numbers, and 0.
DynamicRange range_of(const float* x, std::int64_t count) noexcept;

/// quantise_dynamic() of all.
void quantise_all(const float* x, std::int64_t count, float scale, int zero, std::uint8_t* bytes) noexcept;

/// The bytes of x, and what they mean.
struct QuantisedInput {
  float scale;
  int zero;
};

/// Writes the bytes of all of x, with threads; `ranges` has room for one of each. Two passes over x.
QuantisedInput quantise_input(ThreadPool* pool, int threads, const float* x, std::int64_t count,
                              DynamicRange* ranges, std::uint8_t* bytes) noexcept;

}  // namespace fettle::kernels
