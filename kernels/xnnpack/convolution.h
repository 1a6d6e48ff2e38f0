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

/// Reads a layer whose activations and weights have that type, and its bias the other; or says why XNNPACK
/// cannot do it.
Refusal read_convolution(const LayerDesc& layer, Convolution& convolution, DataType type = DataType::f32,
                         DataType bias_type = DataType::f32) noexcept;
/// Weights of `outputs` x `inputs` x taps, as ONNX keeps them, as outputs x taps x inputs, as XNNPACK does.
template <typename T>
void put_inputs_last(const Convolution& c, const T* from, T* to) noexcept {
  const std::size_t outputs = c.groups * c.group_outputs;
  const std::size_t taps = std::size_t{c.window.kernel_height} * c.window.kernel_width;
  for (std::size_t o = 0; o < outputs; ++o, from += taps * c.group_inputs) {
    for (std::size_t tap = 0; tap < taps; ++tap) {
      for (std::size_t i = 0; i < c.group_inputs; ++i) *to++ = from[i * taps + tap];
    }
  }
}
/// The workspace of depthwise convolutions; others need none.
std::size_t convolution_workspace(const Convolution& convolution, int threads) noexcept;

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
