// SPDX-License-Identifier: Apache-2.0
//
// The rows of a convolution's product: for each output pixel, pointers to the input under each tap.
#pragma once

#include "kernels/common/conv_shape.h"

#include <cstdint>
#include <vector>

namespace fettle::kernels {

class WindowRows {
 public:
  /// `zeros` are as many as a pixel has channels. Allocates.
  WindowRows(const ConvShape& shape, std::int64_t input_pitch, const float* zeros);

  /// Tap-major pointers for output pixels [first, first + rows) of an image, of which `x` is the first pixel.
  void find(const float* x, std::int64_t first, int rows, const float** pointers) const noexcept;

 private:
  void find_inside(const float* corner, int rows, const float** pointer) const noexcept;
  void find_at_border(const float* x, std::int64_t top, std::int64_t left, int rows,
                      const float** pointer) const noexcept;

  const ConvShape shape_;
  const bool pointwise_;
  const std::int64_t input_pitch_;
  const float* const zeros_;
  const std::int64_t last_top_, last_left_;  // of windows that lie inside the image
  std::vector<std::int64_t> tap_offsets_;    // floats from a window's corner to each tap
};

}  // namespace fettle::kernels
