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

  /// Computes the outputs [first, last) of a row; rows are counted through all images. The first result goes
  /// to `output`, each other `output_pitch` floats behind the one before.
  void compute(const float* input, std::int64_t row, std::int64_t first, std::int64_t last, float* output,
               std::int64_t output_pitch) const noexcept;

 private:
  const ConvShape shape_;
  const DepthwiseKernel kernel_;
  DepthwiseRow common_{};  // what all rows have in common
};

}  // namespace fettle::kernels
