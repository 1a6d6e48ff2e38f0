// SPDX-License-Identifier: Apache-2.0
//
// What the rows for dense, grouped and depthwise convolution share: XNNPACK has one operator for all of them.
#pragma once

#include "kernels/xnnpack/operation.h"
#include "kernels/xnnpack/pixels.h"

#include <fettle/kernel.h>

#include <cstddef>
#include <span>

namespace fettle::kernels::xnnpack {

/// A convolution as XNNPACK takes it.
struct Convolution : Operation {
  static constexpr std::size_t kOperands = 2;
  static constexpr bool kHasWorkspace = true;

  Pixels input;
  Pixels output;
  Window window;
  std::size_t groups = 1;
  std::size_t group_inputs = 0;
  std::size_t group_outputs = 0;

  std::size_t outputs() const noexcept { return groups * group_outputs; }
  std::size_t taps() const noexcept { return std::size_t{window.kernel_height} * window.kernel_width; }
  std::size_t outputs_in_group() const noexcept { return group_outputs; }
  /// Of weights.
  std::size_t elements() const noexcept { return outputs() * group_inputs * taps(); }
  /// Whether each input channel is by itself, and makes one output channel or, with a multiplier, several.
  bool is_depthwise() const noexcept { return groups > 1 && group_inputs == 1; }
  /// Whether XNNPACK computes it with its depthwise kernels, which know no multiplier.
  bool is_one_by_one() const noexcept { return group_inputs == 1 && group_outputs == 1; }
  /// Depthwise convolutions need some; others none.
  std::size_t workspace_bytes(int threads) const noexcept;
};

/// Reads what conv and conv_transpose have in common: operands of these types, pictures and window, but not
/// channels and groups.
Refusal read_operands(const LayerDesc& layer, Convolution& convolution, DataType type,
                      DataType bias_type) noexcept;
/// Reads a layer whose activations and weights have that type, and its bias the other; or says why XNNPACK
/// cannot do it.
Refusal read_convolution(const LayerDesc& layer, Convolution& convolution, DataType type,
                         DataType bias_type) noexcept;

/// Weights of `outputs` x `inputs` x taps, as ONNX keeps them, to outputs x taps x inputs, as XNNPACK does.
template <typename T>
Status put_inputs_last(const Convolution& c, Weights& weights) noexcept {
  if (c.taps() == 1 || c.group_inputs == 1) return {};
  const T* from = weights.values_as<T>();
  auto* to = reinterpret_cast<T*>(reorder_into(weights, c.elements() * sizeof(T)));
  if (to == nullptr) return out_of_memory();
  for (std::size_t o = 0; o < c.outputs(); ++o, from += c.taps() * c.group_inputs) {
    for (std::size_t tap = 0; tap < c.taps(); ++tap) {
      for (std::size_t i = 0; i < c.group_inputs; ++i) *to++ = from[i * c.taps() + tap];
    }
  }
  return {};
}

/// A convolution of floats.
struct ConvolutionF32 : Convolution {
  Refusal read(const LayerDesc& layer) noexcept;
  xnn_status create(const LayerDesc& layer, const Weights& weights, xnn_weights_cache_t cache,
                    Operator& op) const noexcept;
  Status reorder(Weights& weights) const noexcept { return put_inputs_last<float>(*this, weights); }
  xnn_status reshape(xnn_operator_t op, std::size_t& workspace, pthreadpool_t threads) const noexcept;
  xnn_status set_up(xnn_operator_t op, const Addresses& at) const noexcept;
};

/// The largest window that XNNPACK has depthwise kernels for. It computes larger ones as matrix products of a
/// channel at a time, and the portable rows are faster.
inline constexpr std::size_t kMostDepthwiseTaps = 25;

}  // namespace fettle::kernels::xnnpack
