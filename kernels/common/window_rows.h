// SPDX-License-Identifier: Apache-2.0
//
// The rows of a convolution's product: for each output pixel, pointers to the input under each tap.
#pragma once

#include "kernels/common/conv_shape.h"

#include <cstdint>
#include <vector>

namespace fettle::kernels {

template <typename T>
class WindowRowsOf {
 public:
  /// `zeros` are as many as a pixel has channels. Allocates.
  WindowRowsOf(const ConvShape& shape, std::int64_t input_pitch, const T* zeros);

  /// Other zeros, for those who have a place for them when they run.
  void set_zeros(const T* zeros) noexcept { zeros_ = zeros; }

  /// Tap-major pointers for output pixels [first, first + rows) of an image, of which `x` is the first pixel.
  void find(const T* x, std::int64_t first, int rows, const T** pointers) const noexcept;

 private:
  // Of neighbouring pixels whose windows lie inside the image.
  void find_inside(const T* corner, int rows, int count, const T** pointer) const noexcept;
  void find_at_border(const T* x, std::int64_t top, std::int64_t left, int rows,
                      const T** pointer) const noexcept;

  const ConvShape shape_;
  const bool pointwise_;
  const std::int64_t input_pitch_;
  const T* zeros_;
  const std::int64_t last_top_, last_left_;  // of windows that lie inside the image
  const std::int64_t last_inside_;           // output column of such a window
  std::vector<std::int64_t> tap_offsets_;    // elements from a window's corner to each tap
};

extern template class WindowRowsOf<float>;
extern template class WindowRowsOf<std::uint8_t>;
using WindowRows = WindowRowsOf<float>;

}  // namespace fettle::kernels
