// SPDX-License-Identifier: Apache-2.0
//
// A depthwise layer row by row, for kernels that want its output in an order of their own.
#pragma once

#include "kernels/common/conv_shape.h"
#include "kernels/common/depthwise.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace fettle::kernels {

class DepthwiseRows {
 public:
  /// `layer` is one that Depthwise::supports, `packed` what Depthwise::pack wrote, which must stay.
  DepthwiseRows(const DepthwiseSet& set, const LayerDesc& layer, std::span<const std::byte> packed);

  const ConvShape& shape() const noexcept { return shape_; }
  /// Output rows of all images; in nchwc each block of channels is an image.
  std::int64_t count() const noexcept { return shape_.batch * images_ * shape_.out_h; }
  /// Of an image.
  std::int64_t channels() const noexcept { return common_.row.channels; }

  /// Computes the outputs [first, last) of the rows [begin, end), which are counted through all images. The
  /// first result goes to `output`, each other `output_pitch` floats behind the one before.
  void compute(const float* input, std::int64_t begin, std::int64_t end, std::int64_t first,
               std::int64_t last, float* output, std::int64_t output_pitch) const noexcept;

 private:
  const ConvShape shape_;
  const std::int64_t images_;  // that each of the batch is made of
  const DepthwiseKernel kernel_;
  DepthwiseBand common_{};  // what all rows have in common
};

}  // namespace fettle::kernels
