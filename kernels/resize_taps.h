// SPDX-License-Identifier: Apache-2.0
//
// What a resized element is mixed of by linear and cubic interpolation, by ONNX's rules (Resize-13, 18).
#pragma once

#include "kernels/resize_axis.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace fettle::kernels {

/// A position in the range of integers; so far outside, all that is there is the last element.
inline double bounded_position(double position, std::int64_t input) {
  if (std::isnan(position)) return 0;
  return std::clamp(position, -4.0, static_cast<double>(input) + 4);
}

/// Keys' kernel (1981), of a distance in elements.
inline double cubic_weight(double distance, double a) {
  const double d = std::abs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

/// The elements of the input that an output position mixes along one axis, with weights by their distance. No
/// heap memory, since running must not allocate.
class ResizeTaps {
 public:
  ResizeTaps() = default;
  ResizeTaps(const ResizeAxis& axis, std::int64_t input, std::int64_t at, const Attributes& attributes)
      : input_(input) {
    if (axis.outside(at)) return;  // of a crop, which is not the image's
    count_ = 1;
    if (axis.is_identity()) {
      first_ = axis.nearest(at);
      return;
    }
    position_ = bounded_position(axis.position(at), input);
    squeeze_ = 1;
    cubic_ = attributes.string("mode") == "cubic";
    a_ = attributes.real("cubic_coeff_a", -0.75f);
    exclude_ = attributes.integer("exclude_outside") != 0;
    // Where elements become fewer, a stretched filter sees all of them.
    if (attributes.integer("antialias") != 0) squeeze_ = std::clamp(axis.scale(), 1.0 / (1 << 20), 1.0);
    const double reach = (cubic_ ? 2 : 1) / squeeze_;
    first_ = static_cast<std::int64_t>(std::floor(position_ - reach)) + 1;
    count_ = static_cast<std::int64_t>(std::floor(position_ + reach)) - first_ + 1;
    double sum = 0;
    for (std::int64_t i = 0; i < count_; ++i) sum += share(i);
    total_ = sum;
  }

  std::int64_t count() const { return count_; }
  std::int64_t element(std::int64_t i) const { return std::clamp<std::int64_t>(first_ + i, 0, input_ - 1); }
  double weight(std::int64_t i) const { return squeeze_ == 0 ? 1 : share(i) / total_; }

 private:
  double share(std::int64_t i) const {
    const std::int64_t p = first_ + i;
    if (exclude_ && (p < 0 || p >= input_)) return 0;
    const double distance = (position_ - static_cast<double>(p)) * squeeze_;
    return cubic_ ? cubic_weight(distance, a_) : std::max(0.0, 1 - std::abs(distance));
  }

  std::int64_t input_ = 1;
  std::int64_t first_ = 0;
  std::int64_t count_ = 0;
  double position_ = 0;
  double squeeze_ = 0;  // of distances; 0: a single element
  double a_ = 0;
  double total_ = 1;
  bool cubic_ = false;
  bool exclude_ = false;
};

}  // namespace fettle::kernels
