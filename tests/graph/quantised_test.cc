// SPDX-License-Identifier: Apache-2.0
//
// What fold_qdq makes of operators between DequantizeLinear and QuantizeLinear, and what it leaves alone.
#include "tests/common/attributes.h"
#include "tests/graph/interpreter.h"
#include "tests/graph/qdq_builder.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace fettle::graph {
namespace {

using test::with;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::string ops_with_marks(const Graph& graph) {
  std::string text;
  const auto order = graph.topological_order();
  REQUIRE(order);
  for (NodeId id : *order) {
    const Node& node = graph.node(id);
    text += (text.empty() ? "" : " ") + std::string(to_string(node.op)) + (node.quantised ? "/q" : "");
  }
  return text;
}

// Optimises a graph that ends in a dequantize_linear; the results may move by one of its steps at most.
std::string optimised(QdqBuilder& b, ValueId result, float step) {
  b.graph.outputs = {result};
  const BeforeAndAfter results = interpret_before_and_after(b.graph);
  CHECK(deviation_of(results.after.front(), results.before.front()).difference <= 1.001f * step);
  return ops_with_marks(b.graph);
}

const Node& find(const Graph& graph, Op op) {
  for (std::size_t i = 0; i < graph.node_count(); ++i) {
    if (graph.node(static_cast<NodeId>(i)).op == op) return graph.node(static_cast<NodeId>(i));
  }
  FAIL("no " << to_string(op));
  return graph.node(0);
}

std::vector<std::uint8_t> bytes(std::int64_t count, std::uint32_t seed = 3) {
  std::vector<std::uint8_t> result;
  for (float value : test_values(count, seed))
    result.push_back(static_cast<std::uint8_t>(static_cast<int>((value + 2) * 63)));
  return result;
}

const StoredAs kX{DataType::u8, {0.05f}, 120};
const StoredAs kY{DataType::u8, {0.4f}, 100};

// A convolution of 4 to 6 channels whose bias is stored in units of both scales.
ValueId conv(QdqBuilder& b, const StoredAs& x, const StoredAs& w, std::optional<Clamp> clamp = {}) {
  StoredAs bias{DataType::s32, w.scales, 0, 0};
  for (float& scale : bias.scales) scale *= x.scales[0];
  const std::vector<std::int32_t> numbers{100, -200, 300, 4000, -5000, 6};
  return b.op(Op::conv,
              {b.input(Shape{1, 4, 5, 5}, x), b.constant(Shape{6, 4, 3, 3}, bytes(216), w),
               b.constant(Shape{6}, numbers, bias)},
              {}, clamp);
}

TEST_CASE("a convolution between integers computes in integers", "[graph][quantised]") {
  QdqBuilder b;
  const ValueId relu = b.op(Op::relu, {conv(b, kX, {DataType::u8, {0.02f}, 60})});
  CHECK(optimised(b, b.dequantised(b.quantised(relu, kY), kY), 0.4f) == "conv/q dequantize_linear");
  const Node& node = find(b.graph, Op::conv);
  CHECK(node.clamp == Clamp{0, kInfinity});
  REQUIRE(node.inputs.size() == 3);
  const LayerDesc layer = describe(b.graph, 0);
  CHECK(layer.inputs[0].format == Format{Layout::nchw, DataType::u8, 0, 0.05f, 120});
  CHECK(layer.inputs[1].format == Format{Layout::nchw, DataType::u8, 0, 0.02f, 60});
  CHECK(layer.inputs[2].format == Format{Layout::nchw, DataType::s32});
  CHECK(layer.outputs[0].format == Format{Layout::nchw, DataType::u8, 0, 0.4f, 100});
}

TEST_CASE("weights may have a scale for each output channel", "[graph][quantised]") {
  QdqBuilder b;
  const StoredAs x{DataType::s8, {0.05f}, -8};
  const StoredAs y{DataType::s8, {0.5f}, 3};
  const ValueId sum = conv(b, x, {DataType::s8, {0.01f, 0.02f, 0.03f, 0.005f, 0.001f, 0.04f}, 0, 0});
  CHECK(optimised(b, b.dequantised(b.quantised(sum, y), y), 0.5f) == "conv/q dequantize_linear");
  const Node& node = find(b.graph, Op::conv);
  REQUIRE(node.inputs.size() == 4);
  CHECK(b.graph.value(node.inputs[3]).constant->values<float>()[4] == 0.001f);
  CHECK(b.graph.value(node.inputs[1]).scale == 1);
}

TEST_CASE("weights get the type of the activations", "[graph][quantised]") {
  QdqBuilder b;
  const ValueId sum = conv(b, kX, {DataType::s8, {0.02f}, 0});
  CHECK(optimised(b, b.dequantised(b.quantised(sum, kY), kY), 0.4f) == "conv/q dequantize_linear");
  const Value& weight = b.graph.value(find(b.graph, Op::conv).inputs[1]);
  CHECK(weight.type == DataType::u8);
  CHECK(weight.zero_point == 128);
}

TEST_CASE("a dense layer, with a bias in real numbers", "[graph][quantised]") {
  QdqBuilder b;
  const ValueId x = b.input(Shape{2, 6}, kX);
  const ValueId w = b.constant(Shape{6, 3}, bytes(18), {DataType::u8, {0.03f}, 100});
  const ValueId bias = b.raw(Shape{3}, DataType::f32, std::vector<float>{1.5f, -0.25f, 3});
  const ValueId sum = b.op(Op::gemm, {x, w, bias});
  CHECK(optimised(b, b.dequantised(b.quantised(sum, kY), kY), 0.4f) == "gemm/q dequantize_linear");
}

TEST_CASE("a product of matrices is a dense layer, or one of batches", "[graph][quantised]") {
  for (const Shape& shape : {Shape{2, 6}, Shape{2, 3, 6}}) {
    QdqBuilder b;
    const ValueId w = b.constant(Shape{6, 3}, bytes(18), {DataType::u8, {0.03f}, 100});
    const ValueId product = b.op(Op::matmul, {b.input(shape, kX), w});
    const std::string name = shape.rank() == 2 ? "gemm/q" : "matmul/q";
    CHECK(optimised(b, b.dequantised(b.quantised(product, kY), kY), 0.4f) == name + " dequantize_linear");
  }
}

TEST_CASE("sums, products and averages take any quantisation", "[graph][quantised]") {
  const StoredAs z{DataType::u8, {0.08f}, 30};
  for (Op op : {Op::add, Op::mul}) {
    QdqBuilder b;
    const ValueId left = b.input(Shape{1, 4, 5, 5}, kX);
    const ValueId right = b.constant(Shape{1, 4, 1, 1}, bytes(4), z);
    const ValueId result = b.quantised(b.op(op, {left, right}), kY);
    CHECK(optimised(b, b.dequantised(result, kY), 0.4f) ==
          std::string(to_string(op)) + "/q dequantize_linear");
  }
  QdqBuilder b;
  const ValueId mean = b.op(Op::global_average_pool, {b.input(Shape{1, 4, 5, 5}, kX)});
  const StoredAs fine{DataType::u8, {0.01f}, 90};
  CHECK(optimised(b, b.dequantised(b.quantised(mean, fine), fine), 0.01f) ==
        "global_average_pool/q dequantize_linear");
}

TEST_CASE("what moves numbers goes before the dequantize_linear", "[graph][quantised]") {
  QdqBuilder b;
  const ValueId x = b.input(Shape{1, 4, 6, 6}, kX);
  const ValueId pooled = b.op(Op::max_pool, {x}, with("kernel_shape", std::vector<std::int64_t>{2, 2}));
  const ValueId turned = b.op(Op::transpose, {pooled}, with("perm", std::vector<std::int64_t>{0, 2, 3, 1}));
  const ValueId flat = b.op(Op::flatten, {turned}, with("axis", std::int64_t{1}));
  CHECK(optimised(b, b.op(Op::exp, {flat}), 0) == "max_pool/q transpose/q reshape/q dequantize_linear exp");
}

TEST_CASE("stored numbers keep extents that depend on data", "[graph][quantised]") {
  for (const StoredAs& again : {kX, kY}) {
    QdqBuilder b;
    const ValueId x = b.input(Shape{5, 3}, kX);
    const ValueId taken =
        b.op(Op::compress, {x, b.stored_input(Shape{5}, DataType::boolean)}, with("axis", std::int64_t{0}));
    const ValueId turned = b.op(Op::transpose, {b.dequantised(b.quantised(taken, again), again)},
                                with("perm", std::vector<std::int64_t>{1, 0}));
    b.graph.outputs = {b.op(Op::exp, {turned})};
    PassContext context;
    REQUIRE(optimise(b.graph, context));
    const Node& transpose = find(b.graph, Op::transpose);
    CHECK(transpose.quantised);
    CHECK(b.graph.value(transpose.inputs.front()).bounded == 1);
    CHECK(b.graph.value(transpose.outputs.front()).bounded == 2);
  }
}

TEST_CASE("from one quantisation to another, and to the same", "[graph][quantised]") {
  QdqBuilder same;
  const ValueId x = same.input(Shape{3, 5}, kX);
  CHECK(optimised(same, same.dequantised(same.quantised(x, kX), kX), 0) == "dequantize_linear");
  QdqBuilder other;
  const ValueId z = other.input(Shape{3, 5}, kX);
  CHECK(optimised(other, other.dequantised(other.quantised(z, kY), kY), 0.4f) ==
        "quantize_linear/q dequantize_linear");
}

TEST_CASE("a clamp changes the stored numbers, or quantises again", "[graph][quantised]") {
  for (const StoredAs& y : {kX, kY}) {
    QdqBuilder b;
    Attributes bounds = with("min", 0.0f);
    bounds.set("max", 2.0f);
    const ValueId result = b.quantised(b.op(Op::clamp, {b.input(Shape{3, 5}, kX)}, bounds), y);
    const std::string first = y.zero == kX.zero ? "clamp/q" : "quantize_linear/q";
    CHECK(optimised(b, b.dequantised(result, y), y.scales[0]) == first + " dequantize_linear");
  }
}

TEST_CASE("operands of a concat are quantised like its result", "[graph][quantised]") {
  QdqBuilder b;
  const ValueId left = b.input(Shape{1, 2, 3}, kX);
  const ValueId right = b.input(Shape{1, 2, 3}, kY);
  const ValueId joined = b.quantised(b.op(Op::concat, {left, right}, with("axis", std::int64_t{1})), kY);
  CHECK(optimised(b, b.dequantised(joined, kY), 0.4f) == "quantize_linear/q concat/q dequantize_linear");
}

TEST_CASE("what integers cannot do stays in real numbers", "[graph][quantised]") {
  const std::string real = "dequantize_linear conv quantize_linear dequantize_linear";
  const auto folded = [](const StoredAs& x, const StoredAs& w, const StoredAs& y) {
    QdqBuilder b;
    return optimised(b, b.dequantised(b.quantised(conv(b, x, w), y), y), y.scales[0]);
  };
  const StoredAs w{DataType::u8, {0.02f}, 60};
  CHECK(folded(kX, w, {DataType::u8, {1e-6f}, 0}) == real);  // a factor of 256 and more
  QdqBuilder b;                                              // one value that is read in two ways
  const ValueId stored = b.stored_input(Shape{1, 4, 6, 6}, DataType::u8);
  const ValueId sum = b.op(Op::add, {b.dequantised(stored, kX), b.dequantised(stored, kY)});
  CHECK(optimised(b, b.dequantised(b.quantised(sum, kY), kY), 0.4f).find("/q") == std::string::npos);
}

TEST_CASE("sums that 32 bits do not hold stay in real numbers", "[graph][quantised]") {
  for (const bool deep : {false, true}) {
    QdqBuilder b;
    const std::int64_t depth = deep ? 20000 : 4;
    const ValueId x = b.input(Shape{1, depth}, {DataType::u8, {0.0001f}, 9});
    const ValueId w = b.constant(Shape{depth, 1}, bytes(depth), {DataType::u8, {0.001f}, 100});
    const ValueId bias = b.raw(Shape{1}, DataType::f32, std::vector<float>{deep ? 1.0f : 1000.0f});
    const StoredAs y{DataType::u8, {4.0f}, 0};
    const std::string after = optimised(b, b.dequantised(b.quantised(b.op(Op::gemm, {x, w, bias}), y), y), 4);
    CHECK(after.find("/q") == std::string::npos);
  }
}

TEST_CASE("a pad of stored numbers is not a convolution's padding", "[graph][quantised]") {
  QdqBuilder b;
  const ValueId pads = b.raw(Shape{8}, DataType::s64, std::vector<std::int64_t>{0, 0, 1, 1, 0, 0, 1, 1});
  const ValueId padded = b.op(Op::pad, {b.stored_input(Shape{1, 4, 5, 5}, DataType::u8), pads});
  const ValueId w = b.constant(Shape{6, 4, 3, 3}, bytes(216), {DataType::u8, {0.02f}, 60});
  const ValueId sum = b.op(Op::conv, {b.dequantised(padded, kX), w});
  CHECK(optimised(b, b.dequantised(b.quantised(sum, kY), kY), 0.4f) == "pad conv/q dequantize_linear");
}

TEST_CASE("scales and zero points are checked", "[graph][quantised]") {
  const auto problem = [](const StoredAs& as, DataType zero_type = DataType::u8) {
    QdqBuilder b;
    const ValueId stored = b.stored_input(Shape{1, 4, 5, 5}, DataType::u8);
    Attributes axis = with("axis", as.axis);
    const Shape shape = as.scales.size() == 1 ? Shape{} : Shape{static_cast<std::int64_t>(as.scales.size())};
    const std::vector<std::uint8_t> zeros(as.scales.size(), 0);
    b.graph.outputs = {b.op(Op::dequantize_linear,
                            {stored, b.raw(shape, DataType::f32, as.scales), b.raw(shape, zero_type, zeros)},
                            axis)};
    PassContext context = test_context();
    const Result<bool> simplified = simplify(b.graph, context);
    REQUIRE(simplified);
    return context.problems.empty() ? "" : context.problems[0].reason;
  };
  CHECK(problem({DataType::u8, {0.5f}}).empty());
  CHECK(problem({DataType::u8, {1, 2, 3, 4}, 0, -3}).empty());
  for (float bad : {0.0f, -1.0f, kInfinity, std::numeric_limits<float>::quiet_NaN()})
    CHECK(problem({DataType::u8, {bad}}).find("positive") != std::string::npos);
  CHECK(problem({DataType::u8, {1, 2, 3}, 0, 1}).find("one value per extent") != std::string::npos);
  CHECK(problem({DataType::u8, {1, 2, 3, 4}, 0, 4}).find("axis 4") != std::string::npos);
  CHECK(problem({DataType::u8, {0.5f}}, DataType::s8).find("zero point") != std::string::npos);
}

}  // namespace
}  // namespace fettle::graph
