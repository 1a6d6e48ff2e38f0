// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/product_weights.h"

#include "lib/base/narrow_floats.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <limits>

namespace fettle::kernels {
namespace {

// A number for each column of a panel.
using OfColumns = std::array<float, static_cast<std::size_t>(kMostVectors* kMostLanes)>;

// Calls body(row, column of the panel, weight) for all weights of a panel, in the order in which they lie.
template <typename Body>
void for_each_weight(const Panels& panels, const ProductShape& s, const float* b, std::int64_t panel,
                     Body&& body) {
  const std::int64_t used = panels.columns_of(panel);
  const std::int64_t row = s.b.row;
  const std::int64_t column = s.b.column;
  const std::int64_t depth = s.k;
  const float alpha = s.alpha;
  const float* from = b + panels.first_column(panel) * column;
  if (column == 1) {
    for (std::int64_t k = 0; k < depth; ++k) {
      for (std::int64_t j = 0; j < used; ++j) body(k, j, alpha * from[k * row + j]);
    }
  } else {
    for (std::int64_t j = 0; j < used; ++j) {
      for (std::int64_t k = 0; k < depth; ++k) body(k, j, alpha * from[k * row + j * column]);
    }
  }
}

// The largest magnitude of each column, infinite where one is NaN.
OfColumns largest_weights(const Panels& panels, const ProductShape& s, const float* b, std::int64_t panel,
                          bool finite_only) {
  OfColumns largest{};
  for_each_weight(panels, s, b, panel, [&](std::int64_t, std::int64_t j, float weight) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    float& most = largest[static_cast<std::size_t>(j)];
    const float size = std::abs(weight);
    if (size < kInfinity)
      most = std::max(most, size);
    else if (!finite_only)
      most = kInfinity;
  });
  return largest;
}

// Stores the weights of each panel divided by their column's scale.
template <typename Storage>
void pack_scaled(const Panels& panels, const ProductShape& s, const float* b, void* packed,
                 float* scale) noexcept {
  for (std::int64_t panel = 0; panel < panels.count; ++panel) {
    OfColumns scales = largest_weights(panels, s, b, panel, Storage::kKeepsInfinities);
    for (float& largest : scales) largest = Storage::scale_for(largest);
    const std::int64_t width = panels.width_of(panel);
    auto* to = static_cast<typename Storage::Stored*>(packed) + panels.first_float(panel);
    for_each_weight(panels, s, b, panel, [&](std::int64_t k, std::int64_t j, float weight) {
      to[k * width + j] = Storage::of(weight / scales[static_cast<std::size_t>(j)]);
    });
    std::copy_n(scales.data(), panels.columns_of(panel), scale + panels.first_column(panel));
  }
}

struct F16Storage {
  using Stored = std::uint16_t;
  static constexpr bool kKeepsInfinities = true;
  // Divided by the power of two below it the largest weight is from 1 to 2. Subnormal powers are left out:
  // some CPUs take them for zero.
  static float scale_for(float largest) noexcept {
    if (largest == 0) return 1;
    constexpr std::uint32_t kExponent = 0x7f800000u;
    const float power = std::bit_cast<float>(std::bit_cast<std::uint32_t>(largest) & kExponent);
    return std::max(power, std::numeric_limits<float>::min());
  }
  static Stored of(float number) noexcept { return to_f16(number); }
};

struct S8Storage {
  using Stored = std::int8_t;
  static constexpr bool kKeepsInfinities = false;
  static constexpr float kMost = 127;
  static float scale_for(float largest) noexcept {
    if (largest == 0) return 1;
    if (!(largest <= std::numeric_limits<float>::max())) return std::numeric_limits<float>::quiet_NaN();
    return std::max(largest / kMost, std::numeric_limits<float>::min());
  }
  // To the nearest, ties to even: numbers beside 3 * 2^22 have no places for a fraction. Of NaN, which the
  // scale makes of every weight of its column, anything may be stored.
  static Stored of(float number) noexcept {
    constexpr float kShift = 12582912.0f;
    const float within = number > -kMost ? std::min(number, kMost) : -kMost;
    return static_cast<Stored>(static_cast<std::int32_t>((within + kShift) - kShift));
  }
};

}  // namespace

void pack_f32_weights(const Panels& panels, const ProductShape& s, const float* b, void* packed,
                      float*) noexcept {
  for (std::int64_t panel = 0; panel < panels.count; ++panel) {
    const std::int64_t width = panels.width_of(panel);
    float* to = static_cast<float*>(packed) + panels.first_float(panel);
    for_each_weight(panels, s, b, panel,
                    [&](std::int64_t k, std::int64_t j, float weight) { to[k * width + j] = weight; });
  }
}

void pack_f16_weights(const Panels& panels, const ProductShape& s, const float* b, void* packed,
                      float* scale) noexcept {
  pack_scaled<F16Storage>(panels, s, b, packed, scale);
}

void pack_bf16_weights(const Panels& panels, const ProductShape& s, const float* b, void* packed,
                       float*) noexcept {
  constexpr float kLargest = std::bit_cast<float>(0x7f7f0000u);
  for (std::int64_t panel = 0; panel < panels.count; ++panel) {
    const std::int64_t width = panels.width_of(panel);
    auto* to = static_cast<std::uint16_t*>(packed) + panels.first_float(panel);
    for_each_weight(panels, s, b, panel, [&](std::int64_t k, std::int64_t j, float weight) {
      const bool beyond = std::isfinite(weight) && std::abs(weight) > kLargest;
      to[k * width + j] = to_bf16(beyond ? std::copysign(kLargest, weight) : weight);
    });
  }
}

void pack_s8_weights(const Panels& panels, const ProductShape& s, const float* b, void* packed,
                     float* scale) noexcept {
  pack_scaled<S8Storage>(panels, s, b, packed, scale);
}

}  // namespace fettle::kernels
