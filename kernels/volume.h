// SPDX-License-Identifier: Apache-2.0
//
// Windows over any number of spatial axes, of tensors in nchw. What happens along the innermost axis happens
// to a whole row at once; the others only say which row of the input a tap of the window meets.
#pragma once

#include <fettle/kernel.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace fettle::kernels {

/// The spatial axes of `x` and `y`, whose position under a tap is y * stride - pad + tap * dilation. For a
/// transposed convolution `x` is the result.
struct Volume {
  static constexpr std::size_t kMost = kMaxRank - 2;
  using Extents = std::array<std::int64_t, kMost>;

  std::size_t axes;
  Extents x{}, y{}, kernel{}, stride{}, dilation{}, pad{}, pad_after{};

  Volume(const Attributes& attributes, const Shape& of_x, const Shape& of_y)
      : axes(static_cast<std::size_t>(of_x.rank()) - 2) {
    for (std::size_t a = 0; a < axes; ++a) {
      x[a] = of_x[static_cast<int>(a) + 2];
      y[a] = of_y[static_cast<int>(a) + 2];
      kernel[a] = attributes.integers("kernel_shape")[a];
      stride[a] = attributes.integers("strides")[a];
      dilation[a] = attributes.integers("dilations")[a];
      pad[a] = attributes.integers("pads")[a];
      pad_after[a] = attributes.integers("pads")[a + axes];
    }
  }

  std::size_t inner() const { return axes - 1; }
  std::int64_t product(const Extents& extents) const {
    std::int64_t all = 1;
    for (std::size_t a = 0; a < axes; ++a) all *= extents[a];
    return all;
  }
  std::int64_t x_size() const { return product(x); }
  std::int64_t y_size() const { return product(y); }
  std::int64_t taps() const { return product(kernel); }
  std::int64_t y_rows() const { return y_size() / y[inner()]; }

  std::int64_t position(std::size_t a, std::int64_t at, std::int64_t tap) const {
    return at * stride[a] - pad[a] + tap * dilation[a];
  }
  /// The offset of x's row under a tap, seen from row `row` of y; -1 where it lies outside.
  std::int64_t row_under(std::int64_t row, std::int64_t tap) const {
    tap /= kernel[inner()];
    std::int64_t offset = 0;
    std::int64_t step = x[inner()];
    for (std::size_t a = inner(); a-- > 0;) {
      const std::int64_t at = position(a, row % y[a], tap % kernel[a]);
      if (at < 0 || at >= x[a]) return -1;
      offset += at * step;
      step *= x[a];
      row /= y[a];
      tap /= kernel[a];
    }
    return offset;
  }
  /// The places [first, last) of a row of y whose position under a tap lies inside x's row, and the first of
  /// these positions, from which the others follow by the stride.
  struct Span {
    std::int64_t first, last, from;
  };
  Span inside(std::int64_t tap) const {
    const std::size_t a = inner();
    const std::int64_t shift = tap % kernel[a] * dilation[a] - pad[a];
    const std::int64_t first = shift >= 0 ? 0 : (-shift + stride[a] - 1) / stride[a];
    const std::int64_t last = x[a] - 1 < shift ? 0 : std::min(y[a], (x[a] - 1 - shift) / stride[a] + 1);
    return {std::min(first, last), last, first * stride[a] + shift};
  }
};

}  // namespace fettle::kernels
