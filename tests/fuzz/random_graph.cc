// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/random_graph.h"

#include "lib/graph/infer/infer.h"
#include "tests/fuzz/target.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace fettle::fuzz {

using graph::kNoValue;
using graph::Node;
using graph::NodeId;
using graph::Value;
using graph::ValueId;
using Integers = std::vector<std::int64_t>;

namespace {

constexpr std::int64_t kMostElements = 4096;
constexpr int kMostSteps = 24;

// Operators that only move numbers keep them exact.
bool moves(Op op) {
  constexpr Op kMoving[] = {
      Op::concat,         Op::split,          Op::slice,   Op::pad,    Op::transpose,
      Op::reshape,        Op::expand,         Op::tile,    Op::gather, Op::depth_to_space,
      Op::space_to_depth, Op::identity,       Op::dropout, Op::max,    Op::min,
      Op::max_pool,       Op::clamp,          Op::where,   Op::neg,    Op::abs,
      Op::flatten,        Op::squeeze,        Op::shape,   Op::size,   Op::greater,
      Op::less,           Op::equal,          Op::floor,   Op::round,  Op::sign,
      Op::relu,           Op::global_max_pool};
  return std::find(std::begin(kMoving), std::end(kMoving), op) != std::end(kMoving);
}

}  // namespace

ValueId RandomGraph::any_value() {
  if (values_.empty()) return kNoValue;
  // The latest more often, so that chains grow.
  return bytes_.once_in(2) ? bytes_.one_of(values_) : values_.back();
}

ValueId RandomGraph::any_of_rank(int rank) {
  for (int attempt = 0; attempt < 3; ++attempt) {
    const ValueId id = any_value();
    if (id != kNoValue && is_float(id) && shape(id).rank() == rank) return id;
  }
  return kNoValue;
}

ValueId RandomGraph::any_exact() {
  for (int attempt = 0; attempt < 3; ++attempt) {
    const ValueId id = any_value();
    if (id != kNoValue && is_float(id) && exact_[static_cast<std::size_t>(id)] != 0) return id;
  }
  return graph_.inputs.front();
}

ValueId RandomGraph::constant(const Shape& extents, float low, float high) {
  std::vector<float> numbers;
  std::uint32_t seed = bytes_.byte() + 1u;
  for (std::int64_t i = 0; i < extents.elements(); ++i) {
    seed = seed * 1664525u + 1013904223u;
    numbers.push_back(low + (high - low) * static_cast<float>(seed >> 8) / (1 << 24));
  }
  const Result<ValueId> id =
      graph_.add_constant("k", DataType::f32, extents, std::as_bytes(std::span(numbers)));
  require_ok(id, "out of memory");
  exact_.resize(graph_.value_count(), 1);
  return *id;
}

ValueId RandomGraph::scalar(float value) {
  return constant(bytes_.once_in(4) ? Shape{1} : Shape{}, value, value);
}

ValueId RandomGraph::integers(const Integers& numbers) {
  const Result<ValueId> id =
      graph_.add_constant("i", DataType::s64, Shape{static_cast<std::int64_t>(numbers.size())},
                          std::as_bytes(std::span(numbers)));
  require_ok(id, "out of memory");
  exact_.resize(graph_.value_count(), 1);
  return *id;
}

Attributes RandomGraph::with(std::string_view name, AttributeValue value) const {
  Attributes attributes;
  attributes.set(name, std::move(value));
  return attributes;
}

ValueId RandomGraph::add(Op op, std::vector<ValueId> inputs, Attributes attributes, std::size_t outputs) {
  for (ValueId input : inputs) {
    if (input == kNoValue || !graph_.value(input).shape) return kNoValue;
  }
  const bool exact = moves(op) && std::all_of(inputs.begin(), inputs.end(), [&](ValueId input) {
                       return exact_[static_cast<std::size_t>(input)] != 0;
                     });
  Node node;
  node.op = op;
  node.id = "n" + std::to_string(graph_.node_count());
  node.attributes = std::move(attributes);
  node.inputs = std::move(inputs);
  for (std::size_t i = 0; i < outputs; ++i) {
    Value value;
    value.name = "v" + std::to_string(graph_.value_count());
    node.outputs.push_back(graph_.add_value(std::move(value)));
  }
  const std::vector<ValueId> made = node.outputs;
  const NodeId id = graph_.add_node(std::move(node));
  graph::PassContext context;
  context.limits.tensor_elements = kMostElements;
  graph::NodeView view(graph_, id, context);
  const graph::Rule rule = graph::rule_for(op);
  exact_.resize(graph_.value_count(), exact ? 1 : 0);
  if (rule == nullptr || !rule(view)) {
    graph_.remove_node(id);
    return kNoValue;
  }
  for (ValueId value : made) {
    require(graph_.value(value).shape.has_value(), "a rule that succeeds leaves a shape out");
    values_.push_back(value);
  }
  return made.front();
}

void RandomGraph::add_input() {
  Value value;
  value.name = "x" + std::to_string(graph_.inputs.size());
  value.type = DataType::f32;
  Shape extents{bytes_.once_in(4) ? 2 : 1, bytes_.number(1, 6)};
  if (!bytes_.once_in(3)) {
    for (auto more = bytes_.once_in(4) ? bytes_.number(1, 3) : 2; more > 0; --more)
      extents.push_back(bytes_.number(1, 7));
  }
  value.shape = extents;
  graph_.inputs.push_back(graph_.add_value(std::move(value)));
  values_.push_back(graph_.inputs.back());
  exact_.resize(graph_.value_count(), 1);
}

// A constant that is broadcast to the shape, in one of the ways that passes tell apart; or another value.
ValueId RandomGraph::operand_beside(const Shape& extents) {
  const int rank = extents.rank();
  Shape chosen;
  switch (bytes_.number(0, 5)) {
    case 0:
      return any_value();
    case 1:
      return scalar(static_cast<float>(bytes_.number(-8, 8)) / 4);
    case 2:  // one number a channel
      for (int axis = 1; axis < rank; ++axis) chosen.push_back(axis == 1 ? extents[1] : 1);
      break;
    case 3:
      if (rank > 0) chosen.push_back(extents[rank - 1]);
      break;
    case 4:
      chosen = extents;
      break;
    default:
      for (int axis = static_cast<int>(bytes_.number(0, rank)); axis < rank; ++axis)
        chosen.push_back(bytes_.once_in(2) ? 1 : extents[axis]);
  }
  return constant(chosen, 0.25f, 2);
}

ValueId RandomGraph::convolution(ValueId x) {
  const Shape extents = shape(x);
  if (extents.rank() < 3 || extents[1] == 0) return kNoValue;
  const bool transposed = bytes_.once_in(4);
  const std::int64_t groups = bytes_.once_in(3) ? extents[1] : 1;
  const std::int64_t out = bytes_.number(1, 5);
  Shape weight = transposed ? Shape{extents[1], out} : Shape{groups * out, extents[1] / groups};
  Integers pads;
  Integers strides;
  for (int axis = 2; axis < extents.rank(); ++axis) {
    weight.push_back(bytes_.number(1, 3));
    strides.push_back(bytes_.number(1, 2));
  }
  for (int i = 0; i < 2 * (extents.rank() - 2); ++i) pads.push_back(bytes_.number(0, 2));
  Attributes a = with("group", groups);
  a.set("strides", std::move(strides));
  a.set("pads", std::move(pads));
  std::vector<ValueId> inputs{x, constant(weight)};
  if (bytes_.once_in(2)) inputs.push_back(constant({groups * out}));
  return add(transposed ? Op::conv_transpose : Op::conv, std::move(inputs), std::move(a));
}

ValueId RandomGraph::dense(ValueId x) {
  const Shape extents = shape(x);
  if (extents.rank() < 1) return kNoValue;
  const std::int64_t k = extents[extents.rank() - 1];
  const std::int64_t n = bytes_.number(1, 8);
  if (extents.rank() != 2 || bytes_.once_in(3)) return add(Op::matmul, {x, constant({k, n})});
  const bool turned = bytes_.once_in(2);
  Attributes a = with("transB", std::int64_t{turned});
  if (bytes_.once_in(4)) a.set("alpha", 0.5f);
  if (bytes_.once_in(4)) a.set("beta", 2.0f);
  std::vector<ValueId> inputs{x, constant(turned ? Shape{n, k} : Shape{k, n})};
  const Shape biases[] = {{}, {1}, {n}, {1, n}, {extents[0], 1}, {extents[0], n}};
  if (bytes_.once_in(2)) inputs.push_back(constant(bytes_.one_of(biases)));
  return add(Op::gemm, std::move(inputs), std::move(a));
}

ValueId RandomGraph::pool(ValueId x) {
  const Shape extents = shape(x);
  if (extents.rank() < 3) return kNoValue;
  if (bytes_.once_in(3)) return add(bytes_.once_in(2) ? Op::global_max_pool : Op::global_average_pool, {x});
  Integers kernel;
  Integers pads;
  for (int axis = 2; axis < extents.rank(); ++axis) kernel.push_back(bytes_.number(1, 3));
  for (int i = 0; i < 2 * (extents.rank() - 2); ++i) pads.push_back(bytes_.number(0, 1));
  Attributes a = with("kernel_shape", std::move(kernel));
  a.set("pads", std::move(pads));
  a.set("ceil_mode", bytes_.number(0, 1));
  const bool maximum = bytes_.once_in(2);
  if (!maximum) a.set("count_include_pad", bytes_.number(0, 1));
  return add(maximum ? Op::max_pool : Op::average_pool, {x}, std::move(a));
}

ValueId RandomGraph::batch_norm(ValueId x) {
  if (shape(x).rank() < 2) return kNoValue;
  const Shape each{shape(x)[1]};
  return add(Op::batch_norm, {x, constant(each), constant(each), constant(each), constant(each, 0.25f, 2)});
}

ValueId RandomGraph::arithmetic(ValueId x) {
  constexpr Op kOps[] = {Op::mul, Op::add, Op::sub, Op::div, Op::min, Op::max};
  const Op op = bytes_.one_of(kOps);
  ValueId other = operand_beside(shape(x));
  if (other == kNoValue || !is_float(other)) return kNoValue;
  // Quotients by what may be 0 are not what rounding errors can be judged by.
  if (op == Op::div) return add(op, {x, constant(bytes_.once_in(2) ? Shape{} : shape(x), 0.5f, 2)});
  return bytes_.once_in(2) ? add(op, {other, x}) : add(op, {x, other});
}

ValueId RandomGraph::unary(ValueId x) {
  constexpr Op kOps[] = {Op::sigmoid,  Op::tanh,       Op::leaky_relu,   Op::elu,    Op::selu,
                         Op::celu,     Op::hard_swish, Op::hard_sigmoid, Op::swish,  Op::softplus,
                         Op::softsign, Op::gelu,       Op::erf,          Op::sin,    Op::cos,
                         Op::abs,      Op::neg,        Op::identity,     Op::dropout};
  return add(bytes_.one_of(kOps), {x});
}

ValueId RandomGraph::bounded(ValueId x) {
  if (bytes_.once_in(2)) return add(Op::relu, {x});
  const float low = static_cast<float>(bytes_.number(-4, 4)) / 2;
  return add(Op::clamp, {x, scalar(low), scalar(low + static_cast<float>(bytes_.number(0, 12)) / 2)});
}

ValueId RandomGraph::cut(ValueId x) {
  const Shape extents = shape(x);
  Integers starts;
  Integers ends;
  Integers axes;
  Integers steps;
  for (int axis = 0; axis < extents.rank(); ++axis) {
    if (bytes_.once_in(2)) continue;
    axes.push_back(axis);
    starts.push_back(bytes_.number(-3, 3));
    ends.push_back(bytes_.once_in(2) ? 1000 : bytes_.number(-3, 7));
    steps.push_back(bytes_.once_in(3) ? bytes_.number(-2, 2) : 1);
  }
  return add(Op::slice, {x, integers(starts), integers(ends), integers(axes), integers(steps)});
}

ValueId RandomGraph::padded(ValueId x) {
  Integers pads;
  const int rank = shape(x).rank();
  for (int i = 0; i < 2 * rank; ++i) pads.push_back(i % rank < 2 ? 0 : bytes_.number(0, 2));
  constexpr const char* kModes[] = {"constant", "constant", "reflect", "edge"};
  Attributes a = with("mode", std::string(bytes_.one_of(kModes)));
  if (bytes_.once_in(3)) return add(Op::pad, {x, integers(pads), scalar(1)}, std::move(a));
  return add(Op::pad, {x, integers(pads)}, std::move(a));
}

ValueId RandomGraph::joined(ValueId x) {
  std::vector<ValueId> parts{x};
  for (auto count = bytes_.number(0, 2); count > 0; --count) {
    const ValueId other = any_of_rank(shape(x).rank());
    parts.push_back(other == kNoValue ? x : other);
  }
  return add(Op::concat, std::move(parts), with("axis", bytes_.number(0, 3)));
}

ValueId RandomGraph::divided(ValueId x) {
  const Shape extents = shape(x);
  if (extents.rank() == 0) return kNoValue;
  const std::int64_t axis = bytes_.number(0, extents.rank() - 1);
  const std::int64_t first = bytes_.number(0, extents[static_cast<int>(axis)]);
  return add(Op::split, {x, integers({first, extents[static_cast<int>(axis)] - first})}, with("axis", axis),
             2);
}

ValueId RandomGraph::turned(ValueId x) {
  Integers perm;
  for (int axis = 0; axis < shape(x).rank(); ++axis) perm.insert(perm.begin() + bytes_.index(axis), axis);
  return add(Op::transpose, {x}, with("perm", std::move(perm)));
}

ValueId RandomGraph::reshaped(ValueId x) {
  switch (bytes_.number(0, 4)) {
    case 0:
      return add(Op::flatten, {x}, with("axis", bytes_.number(0, shape(x).rank())));
    case 1:
      return add(Op::squeeze, {x});
    case 2:
      return add(Op::unsqueeze, {x, integers({bytes_.number(0, shape(x).rank())})});
    case 3:
      return add(Op::reshape, {x, integers({0, -1})});
    default:
      return add(Op::reshape, {x, integers({-1, bytes_.number(1, 4), 1})});
  }
}

ValueId RandomGraph::moved(ValueId x) {
  switch (bytes_.number(0, 8)) {
    case 0:
      return cut(x);
    case 1:
      return padded(x);
    case 2:
      return joined(x);
    case 3:
      return divided(x);
    case 4:
      return reshaped(x);
    case 5: {
      Integers repeats;
      for (int axis = 0; axis < shape(x).rank(); ++axis) repeats.push_back(bytes_.number(1, 2));
      return add(Op::tile, {x, integers(repeats)});
    }
    case 6:
      return add(Op::gather, {x, integers({0, bytes_.number(-1, 1)})}, with("axis", bytes_.number(0, 2)));
    case 7:
      return add(bytes_.once_in(2) ? Op::depth_to_space : Op::space_to_depth, {x},
                 with("blocksize", bytes_.number(1, 2)));
    default:
      return turned(turned(x));
  }
}

ValueId RandomGraph::reduced(ValueId x) {
  constexpr Op kOps[] = {Op::reduce_mean, Op::reduce_sum, Op::reduce_max, Op::reduce_l1};
  const int rank = shape(x).rank();
  if (rank == 0) return kNoValue;
  if (bytes_.once_in(3)) return add(Op::softmax, {x}, with("axis", bytes_.number(-1, rank - 1)));
  Attributes a = with("keepdims", bytes_.number(0, 1));
  a.set("axes", Integers{bytes_.number(-1, rank - 1)});
  return add(bytes_.one_of(kOps), {x}, std::move(a));
}

ValueId RandomGraph::resized(ValueId x) {
  if (shape(x).rank() != 4) return kNoValue;
  Attributes a = with("mode", std::string(bytes_.once_in(2) ? "linear" : "nearest"));
  a.set("coordinate_transformation_mode", std::string(bytes_.once_in(2) ? "half_pixel" : "align_corners"));
  const ValueId none = constant({0});
  return add(Op::resize,
             {x, none, none, integers({shape(x)[0], shape(x)[1], bytes_.number(1, 9), bytes_.number(1, 9)})},
             std::move(a));
}

// x times a gate of x, in the ways that exporters write it, or almost.
ValueId RandomGraph::gated(ValueId x) {
  const ValueId gate_of = bytes_.once_in(6) ? any_value() : x;
  if (gate_of == kNoValue || !is_float(gate_of)) return kNoValue;
  ValueId gate = kNoValue;
  const bool sigmoid = bytes_.once_in(3);
  if (sigmoid) {
    gate = add(Op::sigmoid, {gate_of});
  } else {
    gate = add(Op::add, {gate_of, scalar(bytes_.once_in(6) ? 2 : 3)});
    gate = add(Op::clamp, {gate, scalar(0), scalar(bytes_.once_in(6) ? 5 : 6)});
  }
  const auto scale = [&](ValueId value) {
    if (sigmoid) return value;
    return bytes_.once_in(2) ? add(Op::div, {value, scalar(6)}) : add(Op::mul, {scalar(1.0f / 6), value});
  };
  if (bytes_.once_in(4)) return scale(gate);
  if (bytes_.once_in(2)) return scale(add(Op::mul, {x, gate}));
  return add(Op::mul, {scale(gate), x});
}

ValueId RandomGraph::gelu(ValueId x) {
  const ValueId scaled = bytes_.once_in(2) ? add(Op::div, {x, scalar(std::sqrt(2.0f))})
                                           : add(Op::mul, {x, scalar(std::sqrt(0.5f))});
  const ValueId gate = add(Op::add, {add(Op::erf, {scaled}), scalar(1)});
  const ValueId other = bytes_.once_in(6) ? any_value() : x;
  if (other == kNoValue || !is_float(other)) return kNoValue;
  if (bytes_.once_in(2)) return add(Op::mul, {add(Op::mul, {other, gate}), scalar(0.5f)});
  return add(Op::mul, {add(Op::mul, {other, scalar(0.5f)}), gate});
}

ValueId RandomGraph::layer_norm(ValueId x) {
  const Shape extents = shape(x);
  if (extents.rank() < 2) return kNoValue;
  const Attributes axes = with("axes", Integers{bytes_.once_in(6) ? 1 : extents.rank() - 1});
  const ValueId centred = add(Op::sub, {x, add(Op::reduce_mean, {x}, axes)});
  const ValueId variance = add(Op::reduce_mean, {add(Op::pow, {centred, scalar(2)})}, axes);
  const ValueId root = add(Op::sqrt, {add(Op::add, {variance, scalar(0.125f)})});
  const Shape row{extents[extents.rank() - 1]};
  const ValueId scaled = add(Op::mul, {add(Op::div, {centred, root}), constant(row)});
  return bytes_.once_in(6) ? add(Op::add, {constant(row), scaled}) : add(Op::add, {scaled, constant(row)});
}

ValueId RandomGraph::compared(ValueId x) {
  const ValueId exact = any_exact();
  constexpr Op kJumping[] = {Op::floor, Op::round, Op::sign};
  if (bytes_.once_in(3)) return add(bytes_.one_of(kJumping), {exact});
  constexpr Op kOps[] = {Op::greater, Op::less, Op::equal};
  const ValueId condition = add(bytes_.one_of(kOps), {exact, scalar(0.5f)});
  return add(Op::where, {condition, x, scalar(-1)});
}

// What exporters compute from shapes: constants, once the shapes are known.
ValueId RandomGraph::from_shape(ValueId x) {
  const ValueId extents = add(Op::shape, {x});
  const ValueId first = add(Op::gather, {extents, integers({0})});
  const ValueId wanted = add(Op::concat, {first, integers({-1})}, with("axis", std::int64_t{0}));
  // Inference of the reshape needs the folded value, which passes have yet to make: it is put in by hand.
  if (wanted == kNoValue || shape(x).rank() == 0) return kNoValue;
  return add(Op::reshape, {x, integers({shape(x)[0], -1})});
}

void RandomGraph::step() {
  using Maker = ValueId (RandomGraph::*)(ValueId);
  constexpr Maker kMakers[] = {
      &RandomGraph::convolution, &RandomGraph::convolution, &RandomGraph::batch_norm,
      &RandomGraph::arithmetic,  &RandomGraph::arithmetic,  &RandomGraph::bounded,
      &RandomGraph::unary,       &RandomGraph::moved,       &RandomGraph::moved,
      &RandomGraph::pool,        &RandomGraph::dense,       &RandomGraph::turned,
      &RandomGraph::padded,      &RandomGraph::reshaped,    &RandomGraph::reduced,
      &RandomGraph::resized,     &RandomGraph::gated,       &RandomGraph::gelu,
      &RandomGraph::layer_norm,  &RandomGraph::compared,    &RandomGraph::from_shape};
  const Maker maker = bytes_.one_of(kMakers);
  // Now and then a constant, so that there is something to fold.
  const ValueId x = bytes_.once_in(10) ? constant({1, bytes_.number(1, 4), 3, 3}) : any_value();
  if (!is_float(x)) return;
  // Values without elements are allowed, but what follows from them is soon of little interest.
  if (shape(x).elements() > 0 || bytes_.once_in(8)) (this->*maker)(x);
}

// Lets a node take another value of the same type and shape that lies before it: valid still, and unlike what
// any exporter writes.
void RandomGraph::rewire() {
  if (graph_.node_count() == 0) return;
  const auto id = static_cast<NodeId>(bytes_.number(0, static_cast<std::int64_t>(graph_.node_count()) - 1));
  Node& node = graph_.node(id);
  if (node.removed || node.inputs.empty()) return;
  ValueId& input = bytes_.one_of(node.inputs);
  const ValueId other = bytes_.one_of(values_);
  const Value& from = graph_.value(input);
  const Value& to = graph_.value(other);
  const bool before = to.producer < id;
  // Jumping operators keep their exact operand.
  const bool exact = exact_[static_cast<std::size_t>(other)] >= exact_[static_cast<std::size_t>(input)];
  if (from.constant == nullptr && before && exact && from.type == to.type && from.shape == to.shape)
    input = other;
}

void RandomGraph::choose_outputs() {
  for (auto count = bytes_.number(0, 3); count >= 0; --count) {
    const ValueId id = graph_.outputs.empty() ? values_.back() : bytes_.one_of(values_);
    if (is_float(id)) graph_.outputs.push_back(id);
  }
}

graph::Graph RandomGraph::make() {
  graph_.name = "fuzzed";
  graph_.opset = 13;
  add_input();
  if (bytes_.once_in(3)) add_input();
  for (int count = 0; count < kMostSteps && !bytes_.empty(); ++count) {
    if (bytes_.once_in(12))
      rewire();
    else
      step();
  }
  choose_outputs();
  return std::move(graph_);
}

}  // namespace fettle::fuzz
