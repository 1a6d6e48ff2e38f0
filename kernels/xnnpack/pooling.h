// SPDX-License-Identifier: Apache-2.0
//
// What the rows for pooling of floats and of quantised numbers share.
#pragma once

#include "kernels/xnnpack/operation.h"
#include "kernels/xnnpack/pixels.h"

#include <fettle/kernel.h>

namespace fettle::kernels::xnnpack {

/// A pool as XNNPACK takes it.
struct Pooling : Operation {
  Pixels input;
  Pixels output;
  Window window;
  bool asks_for_padding = false;  // the layer's own pads, before they are fitted to the output
};

/// Max pooling, of any type.
struct MaxPooling : Pooling {
  /// Reads a max_pool whose input and result have that type.
  Refusal read_as(const LayerDesc& layer, DataType type);

  template <typename T>
  xnn_status create_with(xnn_status (*create)(std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t,
                                              std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t,
                                              std::uint32_t, std::uint32_t, T, T, std::uint32_t,
                                              xnn_operator_t*),
                         T low, T high, Operator& op) const noexcept {
    const Window& w = window;
    return create(w.top, w.right, w.bottom, w.left, w.kernel_height, w.kernel_width, w.stride_height,
                  w.stride_width, w.dilation_height, w.dilation_width, low, high, 0, op.out());
  }
  template <typename Function>
  xnn_status reshape_with(Function* reshape, xnn_operator_t op, pthreadpool_t threads) const noexcept {
    return reshape(op, input.batch, input.height, input.width, input.channels, input.stride, output.stride,
                   nullptr, nullptr, threads);
  }
};

}  // namespace fettle::kernels::xnnpack
