// SPDX-License-Identifier: Apache-2.0
//
// Layers that no graph stands behind: whether their operators' rules hold, by inference on a graph of one
// node.
#include "lib/base/activation.h"
#include "lib/base/checked.h"
#include "lib/base/extents.h"
#include "lib/base/guard.h"
#include "lib/graph/estimates.h"
#include "lib/graph/infer/infer.h"
#include "lib/graph/operators.h"
#include "lib/graph/passes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace fettle {
namespace graph {
namespace {

// Canonical nodes of these have lost operands to attributes that only inference gives.
std::size_t least_operands(const LayerPart& part) {
  const auto entries = part.attributes.entries();
  const bool own = std::any_of(entries.begin(), entries.end(), [&](const auto& entry) {
    return operator_info(part.op).owns_attribute(entry.first);
  });
  const std::size_t declared = operator_info(part.op).least_inputs;
  const std::size_t least = declared == kAllInputs ? part.operands.size() : declared;
  switch (part.op) {
    case Op::quantize_linear:
    case Op::dequantize_linear:
      return own ? 1 : least;
    case Op::one_hot:
    case Op::mel_weight_matrix:
      return own ? 2 : least;
    default:
      return least;
  }
}

bool is_quantised(const LayerDesc& layer) {
  const auto has_scale = [](const TensorDesc& tensor) { return tensor.format.scale != 0; };
  return std::any_of(layer.inputs.begin(), layer.inputs.end(), has_scale) ||
         std::any_of(layer.outputs.begin(), layer.outputs.end(), has_scale);
}

bool is_window(Op op) {
  return op == Op::hann_window || op == Op::hamming_window || op == Op::blackman_window;
}

bool is_product(Op op) { return op == Op::conv || op == Op::gemm || op == Op::matmul; }

// The labels of an einsum: those of each operand with -1 behind them, then those of the result.
std::string labels_problem(const LayerDesc& layer) {
  std::array<std::int64_t, kMaxRank> extents;
  extents.fill(0);  // 0: a label that has not been met
  const auto labels = layer.main().attributes.integers("labels");
  auto at = labels.begin();
  const auto take = [&] { return at == labels.end() ? std::int64_t{-1} : *at++; };
  for (const TensorDesc& operand : layer.inputs) {
    for (const std::int64_t extent : operand.shape) {
      const std::int64_t label = take();
      if (label < 0 || label >= kMaxRank) return "an operand's labels are not those of its axes";
      std::int64_t& known = extents[static_cast<std::size_t>(label)];
      if (known > 1 && extent != 1 && extent != known) return "a label stands for different extents";
      if (known <= 1) known = extent;
    }
    if (take() != -1 || (at == labels.end() && layer.outputs[0].shape.rank() > 0))
      return "an operand's labels do not end with -1";
  }
  std::array<bool, kMaxRank> used{};
  for (const std::int64_t extent : layer.outputs[0].shape) {
    const std::int64_t label = take();
    if (label < 0 || label >= kMaxRank || used[static_cast<std::size_t>(label)] ||
        extents[static_cast<std::size_t>(label)] != extent)
      return "the result's labels are not those of its axes";
    used[static_cast<std::size_t>(label)] = true;
  }
  if (at != labels.end()) return "there are more labels than axes";
  for (std::int64_t& extent : extents) extent = std::max<std::int64_t>(extent, 1);
  return checked_elements(extents) ? "" : "the labels have too many combinations";
}

// As many known functions as there are parameters for.
std::string activations_problem(const Attributes& attributes) {
  std::size_t count = 0;
  for (std::string_view rest = attributes.string("activations"); !rest.empty(); ++count) {
    const std::string_view name = take_name(rest);
    if (!activation_from_name(name)) return "unknown activation " + std::string(name);
  }
  return count == attributes.reals("alphas").size() ? "" : "each activation needs an alpha and a beta";
}

// One scale and zero point, or one for each extent of an axis.
std::string scales_problem(const LayerDesc& layer) {
  const Attributes& attributes = layer.main().attributes;
  const auto scales = attributes.reals("scale");
  const Shape& shape = layer.inputs[0].shape;
  const std::int64_t axis = attributes.integer("axis", 1);
  const bool one = scales.size() == 1;
  const bool each = axis >= 0 && axis < shape.rank() &&
                    static_cast<std::int64_t>(scales.size()) == shape[static_cast<int>(axis)];
  if (!one && !each) return "it needs one scale, or one for each extent of its axis";
  if (attributes.integers("zero_point").size() != scales.size()) return "each scale needs a zero point";
  const bool positive = std::all_of(scales.begin(), scales.end(),
                                    [](float scale) { return std::isfinite(scale) && scale > 0; });
  return positive ? "" : "a scale is not a positive number";
}

bool expands(const TensorDesc& from, const TensorDesc& to) {
  const std::optional<TensorDesc> both = broadcast_bounded(from, to);
  return both && both->shape == to.shape;
}

// Inference takes nodes that have attributes, or a result, in place of operands for its own, and looks at
// them no more.
std::string final_form_problem(const LayerDesc& layer) {
  const LayerPart& part = layer.main();
  const Attributes& attributes = part.attributes;
  const bool moves = part.op == Op::einsum || part.op == Op::expand || part.op == Op::max_unpool;
  if (moves && layer.outputs[0].format.type != layer.inputs[0].format.type)
    return "the result has another type than the operand";
  switch (part.op) {
    case Op::einsum:
      return labels_problem(layer);
    case Op::expand:
      return expands(layer.inputs[0], layer.outputs[0]) ? "" : "the operand cannot be expanded to the result";
    case Op::lstm:
    case Op::gru:
    case Op::rnn:
      return activations_problem(attributes);
    case Op::quantize_linear:
    case Op::dequantize_linear:
      return attributes.has("scale") ? scales_problem(layer) : "";
    case Op::max_unpool: {
      const auto places = attributes.integers("places_shape");
      const Shape& x = layer.inputs[0].shape;
      const Shape& y = layer.outputs[0].shape;
      const bool fits = places.size() == static_cast<std::size_t>(x.rank()) && x.rank() == y.rank() &&
                        x[0] == y[0] && x[1] == y[1] && checked_elements(places).value_or(0) > 0;
      return fits ? "" : "places_shape or the result does not fit the operand";
    }
    default:
      return "";
  }
}

// One part as the only node of a graph. Constants are values like others: in their final form, nodes have
// what inference wants to know of them in attributes.
class LoneNode {
 public:
  explicit LoneNode(const LayerDesc& layer) : layer_(layer) {}

  /// Why the layer does not obey the rules; empty if it does.
  std::string problem() {
    const LayerPart& part = layer_.main();
    if (const std::string wrong = operands_problem(); !wrong.empty()) return wrong;
    for (const TensorDesc& input : layer_.inputs) {
      if (input.shape.elements() > ModelLimits{}.tensor_elements)
        return "the operand " + input.shape.text() + " is larger than the limits allow";
    }
    if (part.op == Op::convert) return conversion_problem();
    // The constant that says how long it is has done so.
    if (is_window(part.op)) return layer_.outputs[0].shape.rank() == 1 ? "" : "its result has one axis";
    if (is_quantised(layer_)) {
      if (const std::string wrong = quantisation_problem(); !wrong.empty()) return wrong;
      // On stored numbers: what inference knows of it is for others.
      if (part.op == Op::clamp)
        return layer_.outputs[0].shape == layer_.inputs[0].shape ? "" : "the shapes differ";
    }
    return inference_problem();
  }

 private:
  std::string operands_problem() const {
    const LayerPart& part = layer_.main();
    const std::size_t least = least_operands(part);
    const auto first = part.operands.begin();
    const auto there = std::find(first, part.operands.end(), kNoOperand) - first;
    if (static_cast<std::size_t>(there) < least || there == 0)
      return "it needs " + std::to_string(std::max<std::size_t>(least, 1)) + " operands";
    if (layer_.outputs.empty()) return "it has no result";
    return {};
  }

  std::string conversion_problem() const {
    const Attributes& attributes = layer_.main().attributes;
    const TensorDesc& from = layer_.inputs[0];
    const TensorDesc& to = layer_.outputs[0];
    if (layer_.inputs.size() != 1 || layer_.outputs.size() != 1 || from.shape != to.shape)
      return "it has one operand, and one result of the same shape";
    if (const std::string wrong = scale_problem(); !wrong.empty()) return wrong;
    const std::size_t channels = from.shape.rank() < 2 ? 1 : static_cast<std::size_t>(from.shape[1]);
    for (const char* name : {"scale", "shift"}) {
      const std::size_t count = attributes.reals(name).size();
      if (attributes.has(name) && count != channels)
        return std::string("attribute ") + name + " needs a number for each channel";
    }
    return {};
  }

  std::string scale_problem() const {
    for (const std::vector<TensorDesc>* tensors : {&layer_.inputs, &layer_.outputs}) {
      for (const TensorDesc& tensor : *tensors) {
        const float scale = tensor.format.scale;
        if (!std::isfinite(scale) || scale < 0) return "a scale is not a positive number";
      }
    }
    return {};
  }

  // What inference does not look at: see op.h.
  std::string quantisation_problem() const {
    if (const std::string wrong = scale_problem(); !wrong.empty()) return wrong;
    const LayerPart& part = layer_.main();
    constexpr Op kQuantised[] = {Op::conv,
                                 Op::gemm,
                                 Op::matmul,
                                 Op::add,
                                 Op::mul,
                                 Op::average_pool,
                                 Op::global_average_pool,
                                 Op::concat,
                                 Op::reshape,
                                 Op::transpose,
                                 Op::max_pool,
                                 Op::clamp};
    if (std::find(std::begin(kQuantised), std::end(kQuantised), part.op) == std::end(kQuantised))
      return "the operator does not compute with quantised numbers";
    if (!is_product(part.op)) return {};
    if (part.op == Op::gemm && part.attributes.integer("transA") != 0)
      return "quantised products have no transA";
    const Shape& result = layer_.outputs[0].shape;
    if (result.rank() == 0) return {};
    const std::int64_t channels = result[part.op == Op::conv ? 1 : result.rank() - 1];
    const auto fits = [&](std::size_t operand, DataType type) {
      const TensorDesc* tensor = layer_.operand(operand);
      return tensor == nullptr || (tensor->format.type == type && tensor->shape.elements() == channels);
    };
    const bool dynamic = part.attributes.has("dynamic_type");
    if (dynamic) {
      const bool real = layer_.inputs[0].format.type == DataType::f32 && layer_.inputs[0].format.scale == 0 &&
                        layer_.outputs[0].format.type == DataType::f32 && layer_.outputs[0].format.scale == 0;
      if (part.attributes.string("dynamic_type") != "u8") return "attribute dynamic_type must be u8";
      if (!real) return "x and the result of a product that quantises x itself must be f32";
    }
    if (!fits(2, dynamic ? DataType::f32 : DataType::s32))
      return std::string("the bias needs a number of type ") + (dynamic ? "f32" : "s32") +
             " for each output channel";
    if (!fits(3, DataType::f32))
      return "scales of the weights need a number of type f32 for each output channel";
    return {};
  }

  std::string inference_problem() {
    const LayerPart& part = layer_.main();
    const Rule rule = operator_info(part.op).rule;
    if (rule == nullptr) return "the operator makes no layers";
    Graph graph;
    Node node;
    node.op = part.op;
    node.id = "layer";
    node.attributes = part.attributes;
    // The bias and scales of quantised products have been looked at.
    const std::size_t operands = is_quantised(layer_) && is_product(part.op)
                                     ? std::min<std::size_t>(2, part.operands.size())
                                     : part.operands.size();
    for (std::size_t i = 0; i < operands; ++i) {
      const TensorDesc* tensor = layer_.operand(i);
      node.inputs.push_back(tensor == nullptr ? kNoValue : add(graph, *tensor));
      // Counts by its shape alone: inference would make a constant of as many bytes.
      if (part.op == Op::eye_like && i == 0)
        graph.value(node.inputs[i]).constant = std::make_shared<Constant>();
    }
    for (const TensorDesc& output : layer_.outputs) node.outputs.push_back(add(graph, output));
    const std::vector<ValueId> inputs = node.inputs;
    const std::vector<ValueId> outputs = node.outputs;
    const NodeId id = graph.add_node(std::move(node));
    PassContext context;
    context.alone = true;
    NodeView view(graph, id, context);
    if (!rule(view) || !follow_data(view))
      return context.problems.empty() ? "it breaks a rule" : context.problems.front().reason;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const Value& value = graph.value(outputs[i]);
      const TensorDesc& output = layer_.outputs[i];
      if (value.shape != output.shape || value.type != output.format.type ||
          value.bounded != output.bounded) {
        return "result " + std::to_string(i) + " must be " + std::string(to_string(value.type)) + " " +
               value.shape.value_or(Shape{}).text();
      }
    }
    const Node& after = graph.node(id);
    // As texts, in which a NaN is equal to itself.
    const std::string attributes = after.attributes.text();
    if (after.op != part.op || attributes != part.attributes.text())
      return "layers have it as " + std::string(to_string(after.op)) + " " + attributes;
    if (after.inputs != inputs) return "operands have to be attributes, or of another shape";
    return final_form_problem(layer_);
  }

  static ValueId add(Graph& graph, const TensorDesc& tensor) {
    Value value;
    value.name = std::to_string(graph.value_count());
    value.type = tensor.format.type;
    value.shape = tensor.shape;
    value.bounded = tensor.bounded;
    return graph.add_value(std::move(value));
  }

  const LayerDesc& layer_;
};

}  // namespace
}  // namespace graph

Status LayerDesc::check() const {
  return guard_allocation([&]() -> Status {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const LayerDesc alone = part(i);
      const std::string problem = graph::LoneNode(alone).problem();
      if (problem.empty()) continue;
      return Error(
          ErrorCode::kModelInvalid,
          "layer: part " + std::to_string(i) + ", " + std::string(to_string(parts[i].op)) + ": " + problem,
          "`fettle inspect` prints the layers of a model; <fettle/op.h> lists what operators have");
    }
    return {};
  });
}

std::int64_t LayerDesc::macs() const {
  std::int64_t total = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) total += graph::count_macs(part(i));
  return total;
}

}  // namespace fettle
