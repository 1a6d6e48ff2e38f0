// SPDX-License-Identifier: Apache-2.0
//
// What the rows for matrix products of floats and of quantised numbers share.
#pragma once

#include "kernels/xnnpack/operation.h"

#include <fettle/kernel.h>

#include <cstddef>

namespace fettle::kernels::xnnpack {

/// output[rows, columns] = input[rows, depth] * weights + bias
struct Product : Operation {
  static constexpr std::size_t kOperands = 2;

  std::size_t outputs() const noexcept { return columns; }
  Status reorder(Weights&) const noexcept { return {}; }
  std::uint32_t flags() const noexcept { return outputs_first ? 0 : XNN_FLAG_TRANSPOSE_WEIGHTS; }

  std::size_t rows = 0;
  std::size_t depth = 0;
  std::size_t columns = 0;
  bool outputs_first = false;  // the weights are stored columns x depth
};

/// Reads a gemm or matmul whose activations and weights have that type, and its bias the other.
Refusal read_product(const LayerDesc& layer, Product& product, DataType type, DataType bias_type);

inline constexpr LayoutPair kRowMajor[] = {{Layout::nchw, Layout::nchw}};

}  // namespace fettle::kernels::xnnpack
