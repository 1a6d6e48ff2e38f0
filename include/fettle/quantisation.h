// SPDX-License-Identifier: Apache-2.0
//
// Quantisation of a float model: which of its layers compute with 8-bit integers, and how their numbers are
// stored. A plain value, made by a quantiser, kept in a plan (docs/plan-format.md) and applied by
// Model::quantised.
#pragma once

#include <fettle/export.h>
#include <fettle/layer.h>
#include <fettle/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace fettle {

/// How one activation is stored: real = scale * (stored - zero_point).
struct ValueQuantisation {
  DataType type = DataType::s8;  ///< s8 or u8
  float scale = 1;               ///< positive, finite and normal
  std::int32_t zero_point = 0;   ///< within the type

  friend bool operator==(const ValueQuantisation&, const ValueQuantisation&) = default;
};

/// How one layer computes with integers. Layers without weights (add, pooling, concat, ...) need none of it.
struct LayerQuantisation {
  /// Constant weights are stored as s8 without a zero point, rounded half to even to -127..127: one scale per
  /// output channel, or one for all. Needed by conv, gemm and matmul.
  std::vector<float> weight_scales;
  /// Added to the bias, per output channel, in real numbers: what the rounding of weights and activations
  /// shifts the mean of the result by, with the other sign. Empty: nothing.
  std::vector<float> bias_shift;
  /// The stored weights themselves, in the order of the model's constant, where rounding to nearest is not
  /// the best: only for writing a model (Model::onnx). Plans do not keep it.
  std::vector<std::int8_t> weights;

  friend bool operator==(const LayerQuantisation&, const LayerQuantisation&) = default;
};

/// Two layers whose numbers in between are divided by a factor per channel, without a change of the results:
/// the weights and the bias of `first` by its output channels, the weights of `second` multiplied by its
/// input channels. Where `first` clamps at an upper bound, a channel is from then on cut off at the bound
/// times its factor: factors are at most 1 there, and right for channels that never get further. After Nagel
/// et al., "Data-free quantization through weight equalization and bias correction" (ICCV 2019).
struct Equalisation {
  std::string first;   ///< a conv, gemm or matmul whose result nothing but `second` uses, and whose fused
                       ///< clamp, if any, has the lower bound 0
  std::string second;  ///< a conv of one group or a depthwise one, a gemm or a matmul
  std::vector<float> factors;  ///< one per channel, positive and finite

  friend bool operator==(const Equalisation&, const Equalisation&) = default;
};

/// The whole.
struct Quantisation {
  /// By name of the value (Model::value_name): all that the layers below read and write.
  std::map<std::string, ValueQuantisation> values;
  /// By layer id: these compute with integers, all others with real numbers.
  std::map<std::string, LayerQuantisation> layers;
  /// Applied first, in this order.
  std::vector<Equalisation> equalised;

  friend bool operator==(const Quantisation&, const Quantisation&) = default;
};

/// Whether a layer of real numbers has a form that computes with integers: conv and pooling of pictures, gemm
/// and matmul with constant weights, add, mul, and what moves numbers (concat, max_pool, reshape, transpose).
FETTLE_API bool has_integer_form(const LayerDesc& layer) noexcept;
/// Whether such a layer stores its result as it found its operands: all of them need one quantisation.
FETTLE_API bool keeps_quantisation(const LayerDesc& layer) noexcept;

}  // namespace fettle
