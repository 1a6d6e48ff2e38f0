// SPDX-License-Identifier: Apache-2.0
//
// Elementwise operators, products, reductions and normalisations.
#include "lib/graph/infer/infer.h"

#include <algorithm>
#include <limits>

namespace fettle::graph {
namespace {

struct Default {
  Op op;
  const char* name;
  float value;
};
// ONNX's defaults of elementwise operators' attributes.
constexpr Default kDefaults[] = {
    {Op::leaky_relu, "alpha", 0.01f},
    {Op::elu, "alpha", 1.0f},
    {Op::selu, "alpha", 1.67326319217681884765625f},
    {Op::selu, "gamma", 1.05070102214813232421875f},
    {Op::celu, "alpha", 1.0f},
    {Op::thresholded_relu, "alpha", 1.0f},
    {Op::hard_sigmoid, "alpha", 0.2f},
    {Op::hard_sigmoid, "beta", 0.5f},
};

bool compares(Op op) {
  return op == Op::equal || op == Op::greater || op == Op::less || op == Op::greater_or_equal ||
         op == Op::less_or_equal;
}

// A bound of Clip: an attribute before opset 11, a constant scalar input after.
bool clip_bound(NodeView& view, const char* name, std::size_t input, float fallback, float& bound) {
  bound = view.attributes().real(name, fallback);
  if (!view.has(input)) return true;
  const auto values = view.reals(input);
  if (!values || values->size() != 1)
    return view.fail(std::string("input ") + name + " must be one constant f32");
  bound = values->front();
  return true;
}

}  // namespace

bool infer_unary(NodeView& view) {
  for (const Default& entry : kDefaults) {
    if (entry.op == view.node().op) view.fill(entry.name, entry.value);
  }
  const Op op = view.node().op;
  return view.set(0, view.shape(0), op == Op::is_nan ? DataType::boolean : view.type(0));
}

bool infer_clamp(NodeView& view) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  float low = -kInfinity;
  float high = kInfinity;
  if (view.node().op == Op::relu) {
    low = 0;
  } else if (!clip_bound(view, "min", 1, -kInfinity, low) || !clip_bound(view, "max", 2, kInfinity, high)) {
    return false;
  }
  if (!view.expect(view.type(0) == DataType::f32, "only f32 is supported")) return false;
  if (!view.expect(low <= high, "the lower bound is above the upper one")) return false;
  view.node().op = Op::clamp;
  view.keep_inputs(1);
  view.attributes().set("min", low);
  view.attributes().set("max", high);
  return view.same_as_input();
}

bool infer_binary(NodeView& view) {
  if (!view.expect(view.inputs() == 2 && view.has(0) && view.has(1), "two inputs are needed")) return false;
  const Op op = view.node().op;
  if (!view.expect(view.type(0) == view.type(1) || op == Op::pow, "the inputs have different types"))
    return false;
  const std::optional<Shape> shape = broadcast(view.shape(0), view.shape(1));
  if (!shape)
    return view.fail("shapes " + view.shape(0).text() + " and " + view.shape(1).text() +
                     " cannot be broadcast");
  if (op == Op::mod) view.fill("fmod", std::int64_t{0});
  return view.set(0, *shape, compares(op) ? DataType::boolean : view.type(0));
}

bool infer_where(NodeView& view) {
  if (!view.expect(view.inputs() == 3 && view.type(0) == DataType::boolean && view.type(1) == view.type(2),
                   "a boolean and two inputs of one type are needed"))
    return false;
  const std::optional<Shape> values = broadcast(view.shape(1), view.shape(2));
  const std::optional<Shape> shape = values ? broadcast(*values, view.shape(0)) : std::nullopt;
  if (!shape) return view.fail("the shapes cannot be broadcast");
  return view.set(0, *shape, view.type(1));
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

bool infer_matmul(NodeView& view) {
  const Shape& a = view.shape(0);
  const Shape& b = view.shape(1);
  if (!view.expect(a.rank() >= 1 && b.rank() >= 1, "scalars cannot be multiplied as matrices")) return false;
  const std::int64_t inner_a = a[a.rank() - 1];
  const std::int64_t inner_b = b.rank() == 1 ? b[0] : b[b.rank() - 2];
  if (!view.expect(inner_a == inner_b, "the inner extents differ")) return false;
  Shape batch_a(a.dims().first(static_cast<std::size_t>(std::max(0, a.rank() - 2))));
  Shape batch_b(b.dims().first(static_cast<std::size_t>(std::max(0, b.rank() - 2))));
  std::optional<Shape> output = broadcast(batch_a, batch_b);
  if (!view.expect(output.has_value(), "the batch extents cannot be broadcast")) return false;
  if (a.rank() > 1) output->push_back(a[a.rank() - 2]);
  if (b.rank() > 1) output->push_back(b[b.rank() - 1]);
  return view.set(0, *output, view.type(0));
}

bool infer_normalisation(NodeView& view) {
  const Op op = view.node().op;
  const Shape& x = view.shape(0);
  const auto channels = [&](std::size_t i) {
    return view.has(i) && view.rank(i) == 1 && x.rank() >= 2 && view.shape(i)[0] == x[1];
  };
  if (op == Op::lrn) {
    view.fill("alpha", 1e-4f);
    view.fill("beta", 0.75f);
    view.fill("bias", 1.0f);
    if (!view.expect(view.attributes().integer("size") >= 1, "attribute size must be positive")) return false;
  } else if (op == Op::layer_norm) {
    std::int64_t axis = view.attributes().integer("axis", -1);
    if (!view.normal_axis(axis, x.rank())) return false;
    view.attributes().set("axis", axis);
    view.fill("epsilon", 1e-5f);
    view.attributes().erase("stash_type");
    const Shape row(x.dims().subspan(static_cast<std::size_t>(axis)));
    for (std::size_t i = 1; i < 3; ++i) {
      if (view.has(i) &&
          !view.expect(view.shape(i) == row, "scale and bias need the shape of the normalised axes"))
        return false;
    }
    view.node().outputs.resize(1);
  } else if (op == Op::batch_norm) {
    view.fill("epsilon", 1e-5f);
    if (!view.expect(
            view.attributes().integer("training_mode") == 0 && view.attributes().integer("spatial", 1) == 1,
            "only inference over channels is supported"))
      return false;
    for (const char* name : {"momentum", "training_mode", "spatial", "is_test", "consumed_inputs"})
      view.attributes().erase(name);
    view.node().outputs.resize(1);
    if (!view.expect(channels(1) && channels(2) && channels(3) && channels(4),
                     "scale, bias, mean and variance need one number a channel"))
      return false;
  } else {
    view.fill("epsilon", 1e-5f);
    if (!view.expect(channels(1) && channels(2), "scale and bias need one number a channel")) return false;
  }
  return view.same_as_input();
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
    if (view.attributes().integer("noop_with_empty_axes") != 0) {
      view.node().op = Op::identity;
      view.node().attributes = {};
      view.keep_inputs(1);
      return view.same_as_input();
    }
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

bool infer_quantize(NodeView& view) {
  view.fill("axis", std::int64_t{1});
  const bool quantizes = view.node().op == Op::quantize_linear;
  const DataType type = quantizes ? (view.has(2) ? view.type(2) : DataType::u8) : DataType::f32;
  return view.set(0, view.shape(0), type);
}

}  // namespace fettle::graph
