// SPDX-License-Identifier: Apache-2.0
#include "lib/graph/quantise_layers.h"

#include "lib/base/quantise.h"
#include "lib/graph/passes.h"
#include "lib/graph/unique_ids.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace fettle {
namespace {

bool is_dense_op(Op op) { return op == Op::gemm || op == Op::matmul; }

// Constant weights of a matrix or a convolution of pictures.
bool has_integer_weights(const LayerDesc& layer) {
  const TensorDesc* x = layer.operand(0);
  const TensorDesc* weights = layer.operand(1);
  if (x == nullptr || weights == nullptr || x->constant || !weights->constant) return false;
  if (layer.operand(2) != nullptr && !layer.operand(2)->constant) return false;
  const Attributes& a = layer.main().attributes;
  switch (layer.main().op) {
    case Op::conv:
      return weights->shape.rank() == 4;
    case Op::gemm:
      return a.integer("transA") == 0 && a.real("alpha") == 1 && a.real("beta") == 1;
    case Op::matmul:
      return weights->shape.rank() == 2 && x->shape.rank() >= 2 && !a.has("perm_a") && !a.has("perm_b") &&
             !a.has("perm_y");
    default:
      return false;
  }
}

}  // namespace

bool has_integer_form(const LayerDesc& layer) noexcept {
  if (layer.parts.size() != 1 || layer.outputs.size() != 1) return false;
  const auto real = [](const TensorDesc& tensor) {
    return tensor.format.type == DataType::f32 && tensor.format.scale == 0 && tensor.shape.elements() > 0;
  };
  if (!std::ranges::all_of(layer.inputs, real) || !real(layer.outputs.front())) return false;
  const bool computed = std::ranges::none_of(layer.inputs, &TensorDesc::constant);
  switch (layer.main().op) {
    case Op::conv:
    case Op::gemm:
    case Op::matmul:
      return has_integer_weights(layer);
    case Op::average_pool:
    case Op::global_average_pool:
    case Op::max_pool:
      return layer.inputs.front().shape.rank() == 4;
    case Op::add:
    case Op::mul:
    case Op::concat:
    case Op::reshape:
    case Op::transpose:
      return computed;
    default:
      return false;
  }
}

bool keeps_quantisation(const LayerDesc& layer) noexcept {
  switch (layer.main().op) {
    case Op::max_pool:
    case Op::concat:
    case Op::reshape:
    case Op::transpose:
      return true;
    default:
      return false;
  }
}

namespace graph {
namespace {

Error wrong(const std::string& what, const std::string& hint = "quantise the model again") {
  return {ErrorCode::kInvalidArgument, "quantisation: " + what, hint};
}
Error unknown(const std::string& what) {
  return {ErrorCode::kUnknownName, "quantisation: " + what, "quantise this model to get one for it"};
}

Status check(const std::string& name, const ValueQuantisation& value) {
  if (!is_quantised_type(value.type))
    return wrong("value " + name + " is to be " + std::string(to_string(value.type)) + "; s8 and u8 can be");
  if (!is_valid_scale(value.scale))
    return wrong("the scale of value " + name + " is " + std::to_string(value.scale) +
                 ", which is no positive normal number");
  if (value.zero_point < lowest_of(value.type) || value.zero_point > highest_of(value.type))
    return wrong("the zero point of value " + name + ", " + std::to_string(value.zero_point) + ", is no " +
                 std::string(to_string(value.type)));
  return {};
}

// Weights as rows of channels: element i belongs to channel (i / inner) % channels.
struct ChannelAxis {
  std::int64_t channels = 0;
  std::int64_t inner = 0;
  std::size_t of(std::int64_t element) const { return static_cast<std::size_t>(element / inner % channels); }
};
ChannelAxis along(const Shape& shape, int axis) {
  ChannelAxis result{shape[axis], 1};
  for (int i = axis + 1; i < shape.rank(); ++i) result.inner *= shape[i];
  return result;
}
int output_axis(const Node& node) {
  return node.op == Op::conv || (node.op == Op::gemm && node.attributes.integer("transB") != 0) ? 0 : 1;
}

class QuantisedLayers {
 public:
  QuantisedLayers(Graph& graph, const Quantisation& quantisation)
      : graph_(graph), quantisation_(quantisation), ids_(graph) {}

  Status run() {
    for (std::size_t i = 0; i < graph_.node_count(); ++i) {
      const Node& node = graph_.node(static_cast<NodeId>(i));
      if (node.removed) continue;
      nodes_.emplace(node.id, static_cast<NodeId>(i));
      for (const ValueId output : node.outputs) add_name(output);
    }
    for (const ValueId input : graph_.inputs) add_name(input);
    for (const auto& [name, value] : quantisation_.values) {
      if (!values_.contains(name)) return unknown("the model has no value " + name);
      if (Status status = check(name, value); !status) return status;
    }
    for (const Equalisation& pair : quantisation_.equalised) {
      if (Status status = equalise(pair); !status) return status;
    }
    for (const auto& [id, layer] : quantisation_.layers) {
      if (Status status = choose(id); !status) return status;
    }
    for (const auto& [id, layer] : quantisation_.layers) {
      if (Status status = quantise_weights(nodes_.at(id), layer); !status) return status;
    }
    for (const ValueId value : touched_) put_between(value);
    return {};
  }

 private:
  void add_name(ValueId id) {
    if (id != kNoValue) values_.emplace(graph_.value(id).name, id);
  }
  const ValueQuantisation* quantisation_of(ValueId id) const {
    const auto found = quantisation_.values.find(graph_.value(id).name);
    return found == quantisation_.values.end() ? nullptr : &found->second;
  }

  // Notes that the layer computes with integers.
  Status choose(const std::string& id) {
    const auto found = nodes_.find(id);
    if (found == nodes_.end()) return unknown("the model has no layer " + id);
    const Node& node = graph_.node(found->second);
    if (!has_integer_form(describe(graph_, found->second)))
      return wrong("layer " + id + " (" + std::string(to_string(node.op)) + ") has no form with integers");
    std::vector<ValueId> all = node.outputs;
    for (const ValueId input : node.inputs) {
      if (input != kNoValue && !graph_.is_constant(input)) all.push_back(input);
    }
    for (const ValueId value : all) {
      if (quantisation_of(value) == nullptr)
        return wrong("layer " + id + " has value " + graph_.value(value).name + ", of which nothing is said");
      touched_.insert(value);
    }
    chosen_.insert(found->second);
    return {};
  }

  // A constant f32 operand's numbers, to be changed; nothing where it is none.
  std::optional<std::vector<float>> numbers(const Node& node, std::size_t operand) const {
    if (operand >= node.inputs.size() || !graph_.is_constant(node.inputs[operand])) return std::nullopt;
    const Value& value = graph_.value(node.inputs[operand]);
    if (value.type != DataType::f32) return std::nullopt;
    const std::span<const float> stored = value.constant->values<float>();
    return std::vector<float>(stored.begin(), stored.end());
  }
  Status replace(NodeId id, std::size_t operand, const Shape& shape, std::span<const float> numbers) {
    Result<ValueId> constant =
        graph_.add_constant(graph_.node(id).id + ".real", DataType::f32, shape, std::as_bytes(numbers));
    if (!constant) return std::move(constant).error();
    std::vector<ValueId>& inputs = graph_.node(id).inputs;
    if (inputs.size() <= operand) inputs.resize(operand + 1, kNoValue);
    inputs[operand] = *constant;
    return {};
  }

  // A node that can take part in an equalisation; an error names it otherwise.
  Result<NodeId> product(const std::string& id) const {
    const auto found = nodes_.find(id);
    if (found == nodes_.end()) return unknown("the model has no layer " + id);
    const LayerDesc layer = describe(graph_, found->second);
    const bool fits =
        has_integer_form(layer) && (layer.main().op == Op::conv || is_dense_op(layer.main().op));
    if (!fits) return wrong("layer " + id + " has no constant weights that could be equalised");
    return found->second;
  }

  Status equalise(const Equalisation& pair) {
    const Result<NodeId> first = product(pair.first);
    if (!first) return first.error();
    const Result<NodeId> second = product(pair.second);
    if (!second) return second.error();
    const Node& from = graph_.node(*first);
    const Node& to = graph_.node(*second);
    const bool cut_off = from.clamp && !std::isinf(from.clamp->high);
    const bool linear =
        (!from.clamp || from.clamp->low == 0) &&
        (!cut_off || std::ranges::all_of(pair.factors, [](float factor) { return factor <= 1; }));
    const ValueId between = from.outputs.front();
    if (!linear || to.inputs.front() != between || graph_.sole_consumer(between) != *second)
      return wrong("the result of " + pair.first + " is more than the operand of " + pair.second +
                   ", or is clamped, and cannot be equalised this way");
    const Shape first_shape = *graph_.value(from.inputs[1]).shape;
    const Shape second_shape = *graph_.value(to.inputs[1]).shape;
    const ChannelAxis out = along(first_shape, output_axis(from));
    const bool depthwise =
        to.op == Op::conv && to.attributes.integer("group") == out.channels && second_shape[1] == 1;
    const int axis = depthwise ? 0 : 1 - output_axis(to);
    if (to.op == Op::conv && !depthwise && to.attributes.integer("group") != 1)
      return wrong("layer " + pair.second + " has groups and cannot be equalised");
    const ChannelAxis in = along(second_shape, axis);
    // A depthwise layer may have several output channels for each that it reads.
    const std::int64_t copies = depthwise ? in.channels / out.channels : 1;
    const bool known = std::ranges::all_of(pair.factors, is_valid_scale);
    if (!known || static_cast<std::int64_t>(pair.factors.size()) != out.channels ||
        in.channels != out.channels * copies)
      return wrong("between " + pair.first + " and " + pair.second + " there must be " +
                   std::to_string(out.channels) + " positive factors");
    std::optional<std::vector<float>> weights = numbers(from, 1);
    for (std::size_t i = 0; i < weights->size(); ++i)
      (*weights)[i] /= pair.factors[out.of(static_cast<std::int64_t>(i))];
    if (Status status = replace(*first, 1, first_shape, *weights); !status) return status;
    if (from.inputs.size() > 2 && from.inputs[2] != kNoValue) {
      Result<std::vector<float>> bias = bias_of(*first, out.channels);
      if (!bias) return std::move(bias).error();
      for (std::size_t i = 0; i < bias->size(); ++i) (*bias)[i] /= pair.factors[i];
      if (Status status = replace(*first, 2, Shape{out.channels}, *bias); !status) return status;
    }
    weights = numbers(graph_.node(*second), 1);
    for (std::size_t i = 0; i < weights->size(); ++i)
      (*weights)[i] *= pair.factors[in.of(static_cast<std::int64_t>(i)) / static_cast<std::size_t>(copies)];
    return replace(*second, 1, second_shape, *weights);
  }

  // One number per output channel; zeros where there is no bias.
  Result<std::vector<float>> bias_of(NodeId id, std::int64_t channels) const {
    const Node& node = graph_.node(id);
    const auto count = static_cast<std::size_t>(channels);
    if (node.inputs.size() < 3 || node.inputs[2] == kNoValue) return std::vector<float>(count, 0.0f);
    std::optional<std::vector<float>> bias = numbers(node, 2);
    if (bias && bias->size() == 1) bias->resize(count, bias->front());
    if (!bias || bias->size() != count)
      return wrong("the bias of layer " + node.id + " is not one number per channel");
    return *std::move(bias);
  }

  Status quantise_weights(NodeId id, const LayerQuantisation& layer) {
    const std::string name = graph_.node(id).id;
    if (graph_.node(id).op != Op::conv && !is_dense_op(graph_.node(id).op)) {
      if (!layer.weight_scales.empty() || !layer.bias_shift.empty() || !layer.weights.empty())
        return wrong("layer " + name + " has no weights, but scales or a shift for them");
      return {};
    }
    const Node& node = graph_.node(id);
    const Shape shape = *graph_.value(node.inputs[1]).shape;
    const int axis = output_axis(node);
    const ChannelAxis channels = along(shape, axis);
    const std::size_t count = layer.weight_scales.size();
    if ((count != 1 && static_cast<std::int64_t>(count) != channels.channels) ||
        !std::ranges::all_of(layer.weight_scales, is_valid_scale))
      return wrong("the weights of layer " + name + " need " + std::to_string(channels.channels) +
                   " scales, or one, all of them positive normal numbers");
    std::vector<std::int8_t> stored = layer.weights;
    if (stored.empty()) {
      const std::optional<std::vector<float>> weights = numbers(node, 1);
      stored.resize(weights->size());
      for (std::size_t i = 0; i < stored.size(); ++i) {
        const std::size_t channel = count == 1 ? 0 : channels.of(static_cast<std::int64_t>(i));
        const double ratio =
            static_cast<double>((*weights)[i]) / static_cast<double>(layer.weight_scales[channel]);
        stored[i] = static_cast<std::int8_t>(quantise(ratio, 0, -127, 127));
      }
    }
    if (static_cast<std::int64_t>(stored.size()) != shape.elements())
      return wrong("layer " + name + " has another number of weights");
    if (!layer.bias_shift.empty()) {
      Result<std::vector<float>> bias = bias_of(id, channels.channels);
      if (!bias) return std::move(bias).error();
      if (layer.bias_shift.size() != bias->size() ||
          !std::ranges::all_of(layer.bias_shift, [](float shift) { return std::isfinite(shift); }))
        return wrong("layer " + name + " needs a finite shift for each of its " +
                     std::to_string(channels.channels) + " channels, or none");
      for (std::size_t i = 0; i < bias->size(); ++i) (*bias)[i] += layer.bias_shift[i];
      if (Status status = replace(id, 2, Shape{channels.channels}, *bias); !status) return status;
    }
    Result<ValueId> constant =
        graph_.add_constant(name + ".stored", DataType::s8, shape, std::as_bytes(std::span(stored)));
    if (!constant) return std::move(constant).error();
    Node dequantise{Op::dequantize_linear, ids_.take(name + ".weights"), {}, {}, {*constant}, {}};
    dequantise.attributes.set("scale", layer.weight_scales);
    dequantise.attributes.set("zero_point", std::vector<std::int64_t>(count, 0));
    if (count > 1) dequantise.attributes.set("axis", static_cast<std::int64_t>(axis));
    const ValueId real = like(graph_.node(id).inputs[1], name + ".dequantised", DataType::f32);
    dequantise.outputs = {real};
    graph_.add_node(std::move(dequantise));
    graph_.node(id).inputs[1] = real;
    return {};
  }

  // A new value of the shape of another.
  ValueId like(ValueId other, const std::string& name, DataType type) {
    Value value;
    value.name = names_.take(name);
    value.type = type;
    value.shape = graph_.value(other).shape;
    value.bounded = graph_.value(other).bounded;
    return graph_.add_value(std::move(value));
  }

  // Integers between the value's producer and the layers that read it as such. Where the producer computes
  // with integers, everybody reads what these say.
  void put_between(ValueId value) {
    const ValueQuantisation how = *quantisation_of(value);
    const NodeId producer = graph_.value(value).producer;
    const bool integers = producer != kNoNode && chosen_.contains(producer);
    const std::vector<NodeId> readers = graph_.consumers(value);
    const std::string name = graph_.value(value).name;  // a copy: values move when others are added
    const ValueId stored = like(value, name + ".stored", how.type);
    const ValueId real = like(value, name + ".real", DataType::f32);
    for (const NodeId reader : readers) {
      if (!integers && !chosen_.contains(reader)) continue;
      for (ValueId& input : graph_.node(reader).inputs) {
        if (input == value) input = real;
      }
    }
    if (integers) {
      for (ValueId& output : graph_.outputs) {
        if (output == value) output = real;
      }
    }
    Node quantise{Op::quantize_linear, ids_.take(name + ".quantize"), {}, {}, {value}, {stored}};
    quantise.attributes.set("scale", std::vector<float>{how.scale});
    quantise.attributes.set("zero_point", std::vector<std::int64_t>{how.zero_point});
    quantise.attributes.set("to", std::string(to_string(how.type)));
    Node dequantise{Op::dequantize_linear, ids_.take(name + ".dequantize"), {}, {}, {stored}, {real}};
    dequantise.attributes.set("scale", std::vector<float>{how.scale});
    dequantise.attributes.set("zero_point", std::vector<std::int64_t>{how.zero_point});
    graph_.add_node(std::move(quantise));
    graph_.add_node(std::move(dequantise));
  }

  // Names of values that nothing else has.
  class Names {
   public:
    explicit Names(const Graph& graph) {
      for (std::size_t i = 0; i < graph.value_count(); ++i)
        taken_.insert(graph.value(static_cast<ValueId>(i)).name);
    }
    std::string take(const std::string& name) {
      std::string unique = name;
      for (int copy = 2; !taken_.insert(unique).second; ++copy) unique = name + "_" + std::to_string(copy);
      return unique;
    }

   private:
    std::set<std::string> taken_;
  };

  Graph& graph_;
  const Quantisation& quantisation_;
  UniqueIds ids_;
  Names names_{graph_};
  std::unordered_map<std::string, NodeId> nodes_;
  std::unordered_map<std::string, ValueId> values_;
  std::set<NodeId> chosen_;
  std::set<ValueId> touched_;
};

}  // namespace

Status quantise_layers(Graph& graph, const Quantisation& quantisation) {
  return QuantisedLayers(graph, quantisation).run();
}

}  // namespace graph
}  // namespace fettle
