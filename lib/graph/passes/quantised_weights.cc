// SPDX-License-Identifier: Apache-2.0
//
// Weights and biases of quantised layers. Whatever the model stores them as, kernels find weights of the
// input's type and a bias in units of input scale times weight scale.
#include "lib/base/quantise.h"
#include "lib/graph/passes/quantised.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace fettle::graph {
namespace {

struct Weights {
  ValueId stored = kNoValue;
  DataType type = DataType::undefined;
  std::int64_t channels = 0;
  std::int64_t depth = 0;     // products summed for one output
  std::vector<float> scales;  // one, or one an output channel
  std::int64_t zero_point = 0;

  double scale(std::size_t channel) const {
    return static_cast<double>(scales[scales.size() == 1 ? 0 : channel]);
  }
};

// The axis of the weights that counts output channels; -1 when the layer is none that integers can do.
int channel_axis(const Graph& graph, const Node& node) {
  const Attributes& a = node.attributes;
  const int rank = graph.value(node.inputs[1]).shape->rank();
  switch (node.op) {
    case Op::conv:
      return 0;
    case Op::gemm:
      if (a.integer("transA") != 0 || a.real("alpha") != 1 || a.real("beta") != 1) return -1;
      return a.integer("transB") != 0 ? 0 : 1;
    case Op::matmul:
      return rank == 2 && graph.value(node.inputs[0]).shape->rank() >= 2 ? 1 : -1;
    default:
      return -1;
  }
}

std::optional<Weights> read_weights(const Graph& graph, const Node& node) {
  const Node* source = dequantize_before(graph, node.inputs[1]);
  if (source == nullptr || !graph.is_constant(source->inputs.front())) return std::nullopt;
  const Value& stored = graph.value(source->inputs.front());
  const int axis = channel_axis(graph, node);
  if (axis < 0 || !is_quantised_type(stored.type) || stored.shape->elements() == 0) return std::nullopt;
  Weights weights;
  weights.stored = source->inputs.front();
  weights.type = stored.type;
  weights.channels = (*stored.shape)[axis];
  weights.depth = stored.shape->elements() / weights.channels;
  const auto scales = source->attributes.reals("scale");
  const auto zeros = source->attributes.integers("zero_point");
  weights.scales.assign(scales.begin(), scales.end());
  weights.zero_point = zeros.front();
  if (scales.size() > 1 && source->attributes.integer("axis") != axis) return std::nullopt;
  const bool one_zero =
      std::all_of(zeros.begin(), zeros.end(), [&](std::int64_t zero) { return zero == zeros.front(); });
  const bool fits = weights.depth <= kMaxQuantisedDepth && one_zero &&
                    std::all_of(scales.begin(), scales.end(), is_valid_scale);
  return fits ? std::optional(std::move(weights)) : std::nullopt;
}

// A bias as it stands in the model: real numbers, or integers with their scales.
class Bias {
 public:
  static std::optional<Bias> read(const Graph& graph, ValueId id, std::int64_t channels) {
    Bias bias;
    const Node* source = dequantize_before(graph, id);
    const ValueId constant = source == nullptr ? id : source->inputs.front();
    if (!graph.is_constant(constant)) return std::nullopt;
    const Value& value = graph.value(constant);
    // A row with a number for each channel, or one number; a column of as many is something else.
    const std::int64_t count = value.shape->elements();
    const int rank = value.shape->rank();
    if (count != 1 && (count != channels || (*value.shape)[rank - 1] != channels)) return std::nullopt;
    if (source == nullptr) {
      if (value.type != DataType::f32) return std::nullopt;
      const auto reals = value.constant->values<float>();
      bias.reals_.assign(reals.begin(), reals.end());
      return bias;
    }
    if (value.type != DataType::s32) return std::nullopt;
    const auto stored = value.constant->values<std::int32_t>();
    bias.stored_.assign(stored.begin(), stored.end());
    const auto scales = source->attributes.reals("scale");
    const auto zeros = source->attributes.integers("zero_point");
    bias.scales_.assign(scales.begin(), scales.end());
    bias.zeros_.assign(zeros.begin(), zeros.end());
    const bool along_channels = scales.size() == 1 || (source->attributes.integer("axis") == rank - 1);
    return along_channels ? std::optional(std::move(bias)) : std::nullopt;
  }

  // The number nearest to the channel's bias in units of `unit`.
  double in_units(std::size_t channel, double unit) const {
    if (!reals_.empty()) return std::nearbyint(static_cast<double>(at(reals_, channel)) / unit);
    const auto number = static_cast<double>(at(stored_, channel) - at(zeros_, channel));
    const double ratio = static_cast<double>(at(scales_, channel)) / unit;
    // A scale that is the product of the others up to rounding means just that: the integers stay.
    return std::abs(ratio - 1) < 1e-6 ? number : std::nearbyint(number * ratio);
  }

 private:
  template <typename T>
  static T at(const std::vector<T>& list, std::size_t channel) {
    return list[list.size() == 1 ? 0 : channel];
  }
  std::vector<float> reals_;
  std::vector<std::int64_t> stored_;
  std::vector<float> scales_;
  std::vector<std::int64_t> zeros_;
};

// The bias as the layer adds it; nothing when it does not fit. Training leaves channels that do nothing, with
// scales so small that their bias is out of range: it is cut off where the result cannot tell.
std::optional<std::vector<std::int32_t>> integer_bias(const Graph& graph, const Node& node,
                                                      const Weights& weights, const ValueQuantisation& x,
                                                      const ValueQuantisation& y) {
  std::vector<std::int32_t> numbers(static_cast<std::size_t>(weights.channels), 0);
  if (node.inputs.size() < 3 || node.inputs[2] == kNoValue) return numbers;
  const std::optional<Bias> bias = Bias::read(graph, node.inputs[2], weights.channels);
  if (!bias) return std::nullopt;
  const auto room =
      static_cast<double>(std::numeric_limits<std::int32_t>::max() - largest_sum(weights.depth));
  constexpr double kUnseen = 1.0 / 256;  // units of the result
  for (std::size_t channel = 0; channel < numbers.size(); ++channel) {
    const double unit = static_cast<double>(x.scale) * weights.scale(channel);
    const double number = bias->in_units(channel, unit);
    const double kept = std::clamp(number, -room, room);
    if (!(std::abs(number - kept) * unit <= kUnseen * static_cast<double>(y.scale))) return std::nullopt;
    numbers[channel] = static_cast<std::int32_t>(kept);
  }
  return numbers;
}

// The same weights in the other type: u8 is s8 with all numbers and the zero point moved by 128.
Result<ValueId> other_type(Graph& graph, const std::string& name, ValueId stored, DataType type) {
  const Value value = graph.value(stored);
  std::vector<std::byte> bytes(value.constant->bytes.begin(), value.constant->bytes.end());
  for (std::byte& byte : bytes) byte ^= std::byte{0x80};
  return graph.add_constant(name, type, *value.shape, bytes);
}

}  // namespace

ValueId add_quantised_constant(Graph& graph, const std::string& name, ValueId constant,
                               const ValueQuantisation& quantisation) {
  Value value;
  value.name = name;
  value.type = quantisation.type;
  value.shape = graph.value(constant).shape;
  value.constant = graph.value(constant).constant;
  value.scale = quantisation.scale;
  value.zero_point = quantisation.zero_point;
  return graph.add_value(std::move(value));
}

Result<std::optional<IntegerOperands>> integer_operands(Graph& graph, const Node& node,
                                                        const ValueQuantisation& x,
                                                        const ValueQuantisation& y) {
  std::optional<IntegerOperands> none;
  std::optional<Weights> weights = read_weights(graph, node);
  if (!weights) return none;
  const std::optional<std::vector<std::int32_t>> bias = integer_bias(graph, node, *weights, x, y);
  if (!bias) return none;
  for (float scale : weights->scales) {
    const double multiplier =
        static_cast<double>(x.scale) * static_cast<double>(scale) / static_cast<double>(y.scale);
    if (!is_valid_multiplier(multiplier)) return none;
  }
  if (weights->type != x.type) {
    Result<ValueId> moved = other_type(graph, node.id + ".weight", weights->stored, x.type);
    if (!moved) return std::move(moved).error();
    weights->stored = *moved;
    weights->zero_point += x.type == DataType::u8 ? 128 : -128;
  }
  const bool per_channel = weights->scales.size() > 1;
  IntegerOperands operands;
  operands.weight = add_quantised_constant(
      graph, node.id + ".weight", weights->stored,
      {x.type, per_channel ? 1.0f : weights->scales.front(), static_cast<std::int32_t>(weights->zero_point)});
  Result<ValueId> id = graph.add_constant(node.id + ".bias", DataType::s32, Shape{weights->channels},
                                          std::as_bytes(std::span(*bias)));
  if (!id) return std::move(id).error();
  operands.bias = *id;
  if (per_channel) {
    id = graph.add_constant(node.id + ".scales", DataType::f32, Shape{weights->channels},
                            std::as_bytes(std::span(weights->scales)));
    if (!id) return std::move(id).error();
    operands.scales = *id;
  }
  return std::optional(operands);
}

}  // namespace fettle::graph
