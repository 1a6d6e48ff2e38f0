// SPDX-License-Identifier: Apache-2.0
//
// What the rows for matrix products of floats and of quantised numbers share.
#pragma once

#include <fettle/kernel.h>

#include <cstddef>

namespace fettle::kernels::xnnpack {

/// output[rows, outputs] = input[rows, inputs] * weights + bias
struct Product {
  std::size_t rows = 0;
  std::size_t inputs = 0;
  std::size_t outputs = 0;
  bool outputs_first = false;  // the weights are stored outputs x inputs
  bool has_bias = false;
};

/// Reads a gemm or matmul whose activations and weights have that type, and its bias the other.
Refusal read_product(const LayerDesc& layer, Product& product, DataType type = DataType::f32,
                     DataType bias_type = DataType::f32);

inline constexpr LayoutPair kRowMajor[] = {{Layout::nchw, Layout::nchw}};

}  // namespace fettle::kernels::xnnpack
