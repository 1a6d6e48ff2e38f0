// SPDX-License-Identifier: Apache-2.0
//
// Elementwise operators, products and reductions.
#include "lib/graph/infer/infer.h"
#include "lib/graph/operators.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace fettle::graph {
namespace {

bool compares(Op op) {
  return op == Op::equal || op == Op::greater || op == Op::less || op == Op::greater_or_equal ||
         op == Op::less_or_equal;
}

// A bound of Clip: an attribute before opset 11, an input after.
struct Bound {
  bool given = false;
  bool known = false;  // `value` holds it
  float value = 0;
  ValueId input = kNoValue;

  // Whether a clamp, which keeps NaN that it is given and makes none, can have it.
  bool fixed() const { return !given || (known && !std::isnan(value)); }
};

bool read_bound(NodeView& view, const char* name, std::size_t input, Bound& bound) {
  if (view.attributes().has(name)) bound = {true, true, view.attributes().real(name), kNoValue};
  if (!view.has(input)) return true;
  bound = {true, false, 0, view.node().inputs[input]};
  if (!view.expect(view.shape(input).elements() == 1 && view.type(input) == view.type(0),
                   "the bounds must be single numbers of the input's type"))
    return false;
  if (const auto values = view.reals(input)) {
    bound.known = true;
    bound.value = values->front();
  }
  return true;
}

// A clamp whose bounds are no constants, NaN, or of another type than float: min(max(x, low), high).
bool expand_clamp(NodeView& view, const Bound& low, const Bound& high) {
  const Shape shape = view.shape(0);
  const DataType type = view.type(0);
  const auto operand = [&](const Bound& bound) {
    return bound.input != kNoValue ? bound.input : view.scalar(bound.value, type);
  };
  ValueId x = view.node().inputs[0];
  if (low.given && high.given) {
    const ValueId least = operand(low);
    if (least == kNoValue) return false;
    x = view.add(Op::max, ".max", {x, least}, shape, type);
  }
  const Bound& last = high.given ? high : low;
  view.node().op = !last.given ? Op::identity : high.given ? Op::min : Op::max;
  view.node().attributes = {};
  view.node().inputs = {x};
  if (last.given) {
    const ValueId bound = operand(last);
    if (bound == kNoValue) return false;
    view.node().inputs.push_back(bound);
  }
  return view.set(0, shape, type);
}

// Before opset 7 the second operand was broadcast from an axis on, and only where an attribute said so; a
// slope of PRelu lay along the channels.
void align_legacy_operand(NodeView& view) {
  if (view.graph().opset >= 7) return;
  const bool slope = view.node().op == Op::prelu;
  const int rank = view.rank(0);
  const Shape given = view.shape(1);
  std::int64_t axis = view.attributes().integer("axis", slope ? 1 : rank - given.rank());
  for (const char* name : {"axis", "broadcast"}) view.attributes().erase(name);
  if (axis < 0) axis += rank;
  if (given.elements() == 1 || axis < 0 || axis + given.rank() >= rank) return;
  Shape aligned = given;
  while (aligned.rank() < rank - axis) aligned.push_back(1);
  view.reshape_input(1, aligned);
}

// What is left of a reduction over no axes: what it does to each element.
bool reduce_nothing(NodeView& view) {
  view.keep_inputs(1);
  const Op op = view.node().op;
  if (op == Op::reduce_sum_square) view.node().inputs.push_back(view.node().inputs.front());
  view.node().op = op == Op::reduce_sum_square                  ? Op::mul
                   : op == Op::reduce_l1 || op == Op::reduce_l2 ? Op::abs
                   : op == Op::reduce_log_sum                   ? Op::log
                                                                : Op::identity;
  view.node().attributes = {};
  return view.same_as_input();
}

// Integers without a sign, which alone ONNX shifts: what becomes of a sign bit it does not say.
bool is_unsigned(DataType type) {
  return type == DataType::u8 || type == DataType::u16 || type == DataType::u32 || type == DataType::u64;
}

}  // namespace

bool infer_unary(NodeView& view) {
  const Op op = view.node().op;
  for (const DefaultAttribute& attribute : operator_info(op).defaults)
    view.fill(attribute.name, attribute.value);
  return view.set(0, view.shape(0), op == Op::is_nan || op == Op::is_inf ? DataType::boolean : view.type(0));
}

// x * sigmoid(alpha * x). The operator is the one with an alpha of 1.
bool infer_swish(NodeView& view) {
  const float alpha = view.attributes().real("alpha", 1);
  view.attributes().erase("alpha");
  if (alpha == 1) return infer_unary(view);
  const Shape shape = view.shape(0);
  const DataType type = view.type(0);
  const ValueId x = view.node().inputs[0];
  const ValueId factor = view.scalar(alpha, type);
  if (factor == kNoValue) return false;
  const ValueId scaled = view.add(Op::mul, ".scaled", {x, factor}, shape, type);
  const ValueId gate = view.add(Op::sigmoid, ".gate", {scaled}, shape, type);
  view.node().op = Op::mul;
  view.node().inputs = {x, gate};
  return view.set(0, shape, type);
}

bool infer_gelu(NodeView& view) {
  if (view.attributes().string("approximate", "none") == "tanh") view.node().op = Op::gelu_tanh;
  view.attributes().erase("approximate");
  return infer_unary(view);
}

bool infer_clamp(NodeView& view) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  Bound low;
  Bound high;
  if (view.node().op == Op::relu)
    low = {true, true, 0, kNoValue};
  else if (!read_bound(view, "min", 1, low) || !read_bound(view, "max", 2, high))
    return false;
  if (view.type(0) != DataType::f32 || !low.fixed() || !high.fixed()) return expand_clamp(view, low, high);
  if (!low.given) low.value = -kInfinity;
  if (!high.given) high.value = kInfinity;
  // min(max(x, low), high) is `high` where the bounds cross. Kernels only see bounds in order.
  low.value = std::min(low.value, high.value);
  view.node().op = Op::clamp;
  view.keep_inputs(1);
  view.attributes() = {};
  view.attributes().set("min", low.value);
  view.attributes().set("max", high.value);
  return view.same_as_input();
}

bool infer_binary(NodeView& view) {
  if (!view.expect(view.inputs() == 2 && view.has(0) && view.has(1), "two inputs are needed")) return false;
  const Op op = view.node().op;
  if (!view.expect(view.type(0) == view.type(1) || op == Op::pow, "the inputs have different types"))
    return false;
  align_legacy_operand(view);
  const std::optional<Shape> shape = view.broadcast_inputs({0, 1});
  if (!shape) return false;
  if (op == Op::mod) view.fill("fmod", std::int64_t{0});
  if (op == Op::bit_shift &&
      (!view.expect(view.attributes().has("direction"), "attribute direction is missing") ||
       !view.expect(is_unsigned(view.type(0)), "what is shifted must be integers without a sign")))
    return false;
  return view.set(0, *shape, compares(op) ? DataType::boolean : view.type(0));
}

bool infer_where(NodeView& view) {
  if (!view.expect(view.inputs() == 3 && view.type(0) == DataType::boolean && view.type(1) == view.type(2),
                   "a boolean and two inputs of one type are needed"))
    return false;
  const std::optional<Shape> shape = view.broadcast_inputs({1, 2, 0});
  return shape && view.set(0, *shape, view.type(1));
}

bool infer_gemm(NodeView& view) {
  if (!view.expect(view.inputs() >= 2 && view.rank(0) == 2 && view.rank(1) == 2, "A and B need rank 2"))
    return false;
  view.fill("alpha", 1.0f);
  view.fill("beta", 1.0f);
  view.fill("transA", std::int64_t{0});
  view.fill("transB", std::int64_t{0});
  const bool trans_a = view.attributes().integer("transA") != 0;
  const bool trans_b = view.attributes().integer("transB") != 0;
  const std::int64_t m = view.shape(0)[trans_a ? 1 : 0];
  const std::int64_t n = view.shape(1)[trans_b ? 0 : 1];
  if (!view.expect(view.shape(0)[trans_a ? 0 : 1] == view.shape(1)[trans_b ? 1 : 0],
                   "A's columns are not B's rows"))
    return false;
  if (!view.has(2)) view.keep_inputs(2);
  if (view.has(2)) {
    const std::optional<Shape> both = broadcast(view.shape(2), Shape{m, n});
    if (!view.expect(both && *both == Shape({m, n}), "C cannot be broadcast to the result")) return false;
  }
  return view.set(0, Shape{m, n}, view.type(0));
}

std::optional<Shape> matmul_shape(NodeView& view) {
  const std::optional<Shape> left = view.in_order(view.shape(0), "perm_a");
  if (!left) return std::nullopt;
  const std::optional<Shape> right = view.in_order(view.shape(1), "perm_b");
  if (!right) return std::nullopt;
  const Shape& a = *left;
  const Shape& b = *right;
  if (!view.expect(a.rank() >= 1 && b.rank() >= 1, "scalars cannot be multiplied as matrices"))
    return std::nullopt;
  const std::int64_t inner_a = a[a.rank() - 1];
  const std::int64_t inner_b = b.rank() == 1 ? b[0] : b[b.rank() - 2];
  if (!view.expect(inner_a == inner_b, "the inner extents differ")) return std::nullopt;
  Shape batch_a(a.dims().first(static_cast<std::size_t>(std::max(0, a.rank() - 2))));
  Shape batch_b(b.dims().first(static_cast<std::size_t>(std::max(0, b.rank() - 2))));
  std::optional<Shape> output = broadcast(batch_a, batch_b);
  if (!view.expect(output.has_value(), "the batch extents cannot be broadcast")) return std::nullopt;
  if (a.rank() > 1) output->push_back(a[a.rank() - 2]);
  if (b.rank() > 1) output->push_back(b[b.rank() - 1]);
  return output;
}

// What passes add to a product: a bias, and the order of the result's axes.
bool infer_fused_matmul(NodeView& view, const Shape& product) {
  const bool matrices = view.rank(0) >= 2 && view.rank(1) >= 2;
  if (!view.expect(matrices && view.inputs() <= 3,
                   "a product with a bias or transposes has matrices for operands"))
    return false;
  if (view.has(2)) {
    const bool row = view.rank(2) == 1 && view.shape(2)[0] == product[product.rank() - 1];
    if (!view.expect(row && view.type(2) == view.type(0),
                     "the bias needs a number of x's type for each column"))
      return false;
  }
  const std::optional<Shape> result = view.in_order(product, "perm_y");
  return result && view.set(0, *result, view.type(0));
}

bool infer_matmul(NodeView& view) {
  const std::optional<Shape> output = matmul_shape(view);
  if (!output) return false;
  const Attributes& attributes = view.attributes();
  if (view.inputs() > 2 || attributes.has("perm_a") || attributes.has("perm_b") || attributes.has("perm_y"))
    return infer_fused_matmul(view, *output);
  const Shape a = view.shape(0);
  const Shape b = view.shape(1);
  const DataType type = view.type(0);
  const bool bounded = view.bounded(0) != 0 || view.bounded(1) != 0;
  if (bounded || (a.rank() > 1 && b.rank() > 1)) return view.set(0, *output, type);
  // A vector is a matrix of one row or column, which the result then lacks.
  const std::int64_t inner = a[a.rank() - 1];
  const std::int64_t columns = b.rank() == 1 ? 1 : b[b.rank() - 1];
  if (a.rank() == 1) view.reshape_input(0, Shape{1, inner});
  if (b.rank() == 1) view.reshape_input(1, Shape{inner, 1});
  const std::vector<ValueId> operands = view.node().inputs;
  const int kept = (a.rank() > 1 ? 1 : 0) + (b.rank() > 1 ? 1 : 0);
  Shape product(output->dims().first(static_cast<std::size_t>(output->rank() - kept)));
  product.push_back(a.rank() == 1 ? 1 : a[a.rank() - 2]);
  product.push_back(columns);
  const ValueId matrix = view.add(Op::matmul, ".product", operands, product, type);
  view.node().op = Op::reshape;
  view.node().inputs = {matrix};
  return view.set(0, *output, type);
}

bool infer_cum_sum(NodeView& view) {
  view.fill("exclusive", std::int64_t{0});
  view.fill("reverse", std::int64_t{0});
  if (!view.expect(view.inputs() == 2 && view.shape(1).elements() == 1 && view.rank(0) >= 1 &&
                       (view.type(1) == DataType::s64 || view.type(1) == DataType::s32),
                   "a tensor and the number of an axis are needed"))
    return false;
  if (view.rank(1) > 0) view.reshape_input(1, Shape{});
  return view.same_as_input();
}

bool infer_det(NodeView& view) {
  const Shape& x = view.shape(0);
  const int rank = x.rank();
  if (!view.expect(rank >= 2 && x[rank - 1] == x[rank - 2] && x[rank - 1] >= 1 && x[rank - 1] <= 4096,
                   "square matrices are needed"))
    return false;
  return view.set(0, Shape(x.dims().first(static_cast<std::size_t>(rank - 2))), view.type(0));
}

bool infer_cast_like(NodeView& view) {
  view.node().op = Op::cast;
  view.attributes().set("to", std::string(to_string(view.type(1))));
  view.keep_inputs(1);
  return infer_cast(view);
}

bool infer_softmax(NodeView& view) {
  std::int64_t axis = view.attributes().integer("axis", -1);
  if (!view.normal_axis(axis, view.rank(0))) return false;
  view.attributes().set("axis", axis);
  return view.same_as_input();
}

bool infer_reduce(NodeView& view) {
  const int rank = view.rank(0);
  std::optional<std::vector<std::int64_t>> axes;
  if (!view.parameter("axes", 1, axes)) return false;
  if (!axes || axes->empty()) {
    if (view.attributes().integer("noop_with_empty_axes") != 0) return reduce_nothing(view);
    axes.emplace();
    for (int axis = 0; axis < rank; ++axis) axes->push_back(axis);
  }
  for (std::int64_t& axis : *axes) {
    if (!view.normal_axis(axis, rank)) return false;
  }
  std::sort(axes->begin(), axes->end());
  axes->erase(std::unique(axes->begin(), axes->end()), axes->end());
  const bool keep = view.attributes().integer("keepdims", 1) != 0;
  Shape output;
  for (int axis = 0; axis < rank; ++axis) {
    const bool reduced = std::binary_search(axes->begin(), axes->end(), axis);
    if (!reduced)
      output.push_back(view.shape(0)[axis]);
    else if (keep)
      output.push_back(1);
  }
  view.attributes().erase("noop_with_empty_axes");
  view.attributes().set("axes", *axes);
  view.attributes().set("keepdims", std::int64_t{keep ? 1 : 0});
  view.keep_inputs(1);
  return view.set(0, output, view.type(0));
}

bool infer_arg(NodeView& view) {
  std::int64_t axis = view.attributes().integer("axis", 0);
  if (!view.normal_axis(axis, view.rank(0))) return false;
  if (!view.expect(view.shape(0)[static_cast<int>(axis)] > 0, "the axis has no elements")) return false;
  view.attributes().set("axis", axis);
  view.fill("keepdims", std::int64_t{1});
  view.fill("select_last_index", std::int64_t{0});
  Shape output;
  for (int i = 0; i < view.rank(0); ++i) {
    if (i != axis)
      output.push_back(view.shape(0)[i]);
    else if (view.attributes().integer("keepdims") != 0)
      output.push_back(1);
  }
  return view.set(0, output, DataType::s64);
}

}  // namespace fettle::graph
