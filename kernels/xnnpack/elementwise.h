// SPDX-License-Identifier: Apache-2.0
//
// What the elementwise rows share: they look at dense tensors as runs of numbers, whose order is the layout's
// affair.
#pragma once

#include "kernels/xnnpack/operation.h"

#include <fettle/kernel.h>

#include <array>
#include <cstdint>

namespace fettle::kernels::xnnpack {

/// Elementwise operators keep the layout, whichever it is.
/// The axes of a tensor of that rank and layout from the outermost in memory to the innermost.
std::array<int, kMaxRank> storage_order(int rank, Layout layout) noexcept;

/// Whether the first operand and the result are dense, equal in shape and layout, and of those types.
Refusal check_unary(const LayerDesc& layer, DataType from, DataType to) noexcept;

/// Operators of one operand; the rows' operations fill in the members.
struct Unary : Operation {
  xnn_status create(const LayerDesc&, Operator& op) const noexcept {
    return xnn_create_unary_elementwise_nc(type, from, to, &params, &input, &output, 0, op.out());
  }
  xnn_status reshape(xnn_operator_t op, std::size_t&, pthreadpool_t threads) const noexcept {
    return xnn_reshape_unary_elementwise_nc(op, 1, elements, elements, elements, threads);
  }
  xnn_status set_up(xnn_operator_t op, const Addresses& at) const noexcept {
    return set_up_with(xnn_setup_unary_elementwise_nc, op, at);
  }

  xnn_unary_operator type = xnn_unary_invalid;
  xnn_unary_params params{};
  xnn_datatype from = xnn_datatype_fp32;
  xnn_datatype to = xnn_datatype_fp32;
  xnn_quantization_params input{0, 1};
  xnn_quantization_params output{0, 1};
  std::size_t elements = 0;
};

}  // namespace fettle::kernels::xnnpack
