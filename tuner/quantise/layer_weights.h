// SPDX-License-Identifier: Apache-2.0
//
// The constant weights of a convolution or matrix product, and what their axes mean.
#pragma once

#include <fettle/model.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fettle::tuner {

/// Stored weights lie between this and its negative.
inline constexpr float kMostStored = 127;

/// Weights in the model's order with what their axes mean.
struct LayerWeights {
  const LayerInfo* layer = nullptr;
  std::span<const float> values;
  std::span<const float> bias;  ///< empty, one number for all, or one per output channel
  std::int64_t outputs = 0;     ///< output channels
  std::int64_t inputs = 0;      ///< input channels that one output channel sees
  std::int64_t groups = 1;
  std::int64_t taps = 1;         ///< of the window
  std::int64_t output_step = 1;  ///< between weights of neighbouring output channels
  std::int64_t input_step = 1;  ///< between those of neighbouring input channels; taps lie next to each other

  std::size_t at(std::int64_t output, std::int64_t input, std::int64_t tap) const {
    return static_cast<std::size_t>(output * output_step + input * input_step + tap);
  }
};
/// Whether it is a layer with weights of f32 and an integer form.
bool has_weights(const LayerInfo& layer);
/// Of such a layer.
LayerWeights weights_of(const Model& model, std::size_t layer);

}  // namespace fettle::tuner
