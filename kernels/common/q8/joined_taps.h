// SPDX-License-Identifier: Apache-2.0
//
// Windows of few channels, whose taps of a row lie together in nhwc: a row of taps is read as one, which
// wastes no bytes of groups and needs fewer pointers. Windows that reach over an edge are copied.
#pragma once

#include "kernels/common/conv_shape.h"

#include <fettle/kernel.h>

#include <cstdint>

namespace fettle::kernels {

/// Whether the windows of a convolution are read so.
bool joins_taps(const ConvShape& s) noexcept;

class JoinedTaps {
 public:
  /// `pitch`: bytes from one pixel to the next. `zeros`: a window's row of the input's zero point, and as
  /// many bytes as a group may read behind it.
  JoinedTaps(const ConvShape& s, std::int64_t pitch, const std::uint8_t* zeros) noexcept;

  /// Bytes that the copies of `rows` windows take.
  static std::int64_t copied_bytes(const ConvShape& s, int rows) noexcept;
  /// For each row of taps the pointers of windows first .. first + rows of an image.
  void find(const std::uint8_t* image, std::int64_t first, int rows, const std::uint8_t** pointers,
            std::uint8_t* copies) const noexcept;

 private:
  void copy(const std::uint8_t* line, std::int64_t ix, std::uint8_t* to) const noexcept;

  const ConvShape s_;
  const std::int64_t pitch_;
  const std::uint8_t* const zeros_;
  // Columns of the result whose windows lie in the line, as it is.
  std::int64_t first_inside_ = 0, end_inside_ = 0;
};

}  // namespace fettle::kernels
