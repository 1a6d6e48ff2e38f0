// SPDX-License-Identifier: Apache-2.0
//
// The input rows under a window that moves down an image, each copied once and kept in a place of its own
// until no output row needs it any more.
#pragma once

#include "kernels/common/conv_shape.h"

#include <algorithm>
#include <cstdint>

namespace fettle::kernels {

class RowRing {
 public:
  explicit RowRing(const ConvShape& shape) noexcept
      : rows_(shape.kernel_h),
        stride_(shape.stride_h),
        dilation_(shape.dilation_h),
        pad_top_(shape.pad_top),
        shared_(shape.dilation_h == 1 ? std::max<std::int64_t>(0, shape.kernel_h - shape.stride_h) : 0) {}

  /// Places there are: one for each row of the window.
  std::int64_t places() const noexcept { return rows_; }
  /// How far the places of an output row are turned from those of row 0.
  std::int64_t turn(std::int64_t oy) const noexcept { return dilation_ == 1 ? oy * stride_ % rows_ : 0; }
  /// Where the row under window row `ky` is kept. What the next output row needs too stays where it is.
  std::int64_t place(std::int64_t turn, std::int64_t ky) const noexcept { return (turn + ky) % rows_; }

  /// Calls fill(input row, place) for the rows under output row `oy`: for all of them, or but for those that
  /// the output row before it had. Rows may lie outside of the image.
  template <typename Fill>
  void refill(std::int64_t oy, bool all, Fill&& fill) const {
    const std::int64_t turned = turn(oy);
    for (std::int64_t ky = all ? 0 : shared_; ky < rows_; ++ky)
      fill(oy * stride_ - pad_top_ + ky * dilation_, place(turned, ky));
  }

 private:
  std::int64_t rows_, stride_, dilation_, pad_top_;
  std::int64_t shared_;  // of a window's rows with the next window
};

}  // namespace fettle::kernels
