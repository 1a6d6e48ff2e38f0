// SPDX-License-Identifier: Apache-2.0
//
// The input rows that an output row of a convolution is computed from, copied from a picture's planes with
// their padding, each channel's apart. In such rows what one weight multiplies lies at equal distances for
// all outputs of a row, and as far from the first number under the first window as in any other row: kernels
// walk over a list of distances instead of pointers.
#pragma once

#include "kernels/common/conv_shape.h"
#include "kernels/common/row_ring.h"

#include <fettle/kernel.h>

#include <cstdint>
#include <span>
#include <vector>

namespace fettle::kernels {

/// even[i] = from[2 i] and odd[i] = from[2 i + 1], for `pairs` of them.
using SplitKernel = void (*)(const float* from, float* even, float* odd, std::int64_t pairs) noexcept;

class PlanarInput {
 public:
  /// Numbers stay neighbours.
  explicit PlanarInput(const LayerDesc& layer);
  /// Those that a stride lies between become neighbours, and as many follow them as `lanes` wants past the
  /// last output's: neighbouring outputs read neighbouring numbers. `split` is called for strides of 2.
  PlanarInput(const LayerDesc& layer, SplitKernel split, std::int64_t lanes);

  /// Whether there are few enough channels, and windows that are small enough, for f32 from nchw, alone or
  /// with a second part.
  static Refusal supports(const LayerDesc& layer) noexcept;

  const ConvShape& conv() const noexcept { return conv_; }
  /// Floats of the copies.
  std::int64_t floats() const noexcept { return ring_.places() * row_floats(); }
  /// For each weight of a filter, taps outside and channels inside, how far what it multiplies lies from the
  /// copies' first float. Output rows whose inputs lie in other places have other lists: all of them follow
  /// each other.
  std::vector<std::int64_t> distances() const;
  /// Where in them the list of output row `oy` begins.
  std::int64_t first_distance(std::int64_t oy) const noexcept { return ring_.turn(oy) * conv_.depth(); }
  /// Stores the rows under output row `oy`; unless `all`, those that the row before it had are there.
  void fill(const float* image, std::int64_t oy, bool all, float* rows) const noexcept;

 private:
  PlanarInput(const LayerDesc& layer, SplitKernel split, std::int64_t phases, std::int64_t outputs);
  std::int64_t row_floats() const noexcept { return conv_.in_channels * phases_ * pitch_; }
  /// Where in a channel's part of a row the number lies that would be at `x` with the padding before it.
  std::int64_t place(std::int64_t x) const noexcept { return x % phases_ * pitch_ + x / phases_; }
  void fill_plane(const float* from, float* row) const noexcept;
  void split_plane(const float* from, float* row) const noexcept;

  ConvShape conv_;
  RowRing ring_;
  SplitKernel split_;
  std::int64_t phases_;  // a row's numbers lie in so many sequences, one behind the other
  std::int64_t pitch_;   // floats of a sequence
};

}  // namespace fettle::kernels
