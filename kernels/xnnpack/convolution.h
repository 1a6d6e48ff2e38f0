// SPDX-License-Identifier: Apache-2.0
//
// What the rows for dense, grouped and depthwise convolution share: XNNPACK has one operator for all of them.
#pragma once

#include "kernels/xnnpack/pixels.h"

#include <fettle/kernel.h>

#include <cstddef>
#include <memory>
#include <span>

namespace fettle::kernels::xnnpack {

/// A convolution as XNNPACK takes it.
struct Convolution {
  Pixels input;
  Pixels output;
  Window window;
  std::size_t groups = 1;
  std::size_t group_inputs = 0;
  std::size_t group_outputs = 0;
  bool has_bias = false;
};

/// Reads the layer, or says why XNNPACK cannot do it.
Refusal read_convolution(const LayerDesc& layer, Convolution& convolution) noexcept;

/// Kernel functions, see Kernel.
std::size_t convolution_workspace(const LayerDesc& layer, int threads);
Result<std::size_t> convolution_packed_bytes(const LayerDesc& layer,
                                             std::span<const ConstantBytes> constants);
Status pack_convolution(const LayerDesc& layer, std::span<const ConstantBytes> constants,
                        std::span<std::byte> packed);
Result<std::unique_ptr<BoundKernel>> bind_convolution(const BindArgs& args);

/// The combination of layouts of the NHWC rows.
inline constexpr LayoutPair kNhwcOnly[] = {{Layout::nhwc, Layout::nhwc}};

}  // namespace fettle::kernels::xnnpack
