// SPDX-License-Identifier: Apache-2.0
//
// What the rows for matrix products of floats and of quantised numbers share.
#pragma once

#include "kernels/xnnpack/operation.h"

#include <fettle/kernel.h>

#include <cstddef>

namespace fettle::kernels::xnnpack {

/// output[height, columns] = input[height, depth] * weights + bias
struct Product : Operation {
  static constexpr std::size_t kOperands = 2;

  std::size_t outputs() const noexcept { return columns; }
  std::size_t outputs_in_group() const noexcept { return columns; }
  Status reorder(Weights&) const noexcept { return {}; }
  std::uint32_t flags() const noexcept { return outputs_first ? 0 : XNN_FLAG_TRANSPOSE_WEIGHTS; }

  std::size_t height = 0;
  std::size_t depth = 0;
  std::size_t columns = 0;
  std::size_t output_stride = 0;  // from one row to the next
  bool outputs_first = false;     // the weights are stored columns x depth
};

/// Reads a gemm or matmul whose activations and weights have that type, and its bias the other.
Refusal read_product(const LayerDesc& layer, Product& product, DataType type, DataType bias_type);

/// A product of floats.
struct ProductF32 : Product {
  Refusal read(const LayerDesc& layer) { return read_product(layer, *this, DataType::f32, DataType::f32); }
  xnn_status create(const LayerDesc& layer, const Weights& weights, xnn_weights_cache_t cache,
                    Operator& op) const noexcept;
  xnn_status reshape(xnn_operator_t op, std::size_t&, pthreadpool_t threads) const noexcept {
    return xnn_reshape_fully_connected_nc_f32(op, height, threads);
  }
  xnn_status set_up(xnn_operator_t op, const Addresses& at) const noexcept {
    return set_up_with(xnn_setup_fully_connected_nc_f32, op, at);
  }
};

}  // namespace fettle::kernels::xnnpack
