// SPDX-License-Identifier: Apache-2.0
//
// What fuse_dynamic_products makes of dynamic quantisation, and what it leaves alone.
#include "tests/graph/dynamic_builder.h"
#include "tests/graph/interpreter.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace fettle::graph {
namespace {

std::vector<std::uint8_t> weight_bytes(std::int64_t count) {
  std::vector<std::uint8_t> result;
  for (float value : test_values(count, 3))
    result.push_back(static_cast<std::uint8_t>(static_cast<int>((value + 2) * 63)));
  return result;
}

DynamicProduct dense() {
  DynamicProduct product;
  product.x = {4, 6};
  product.weight = {6, 3};
  product.numbers = weight_bytes(18);
  return product;
}

DynamicProduct convolution() {
  DynamicProduct product;
  product.op = Op::conv_integer;
  product.x = {1, 4, 5, 6};
  product.weight = {6, 2, 3, 3};
  product.type = DataType::s8;
  product.numbers = weight_bytes(108);
  product.attributes.set("group", std::int64_t{2});
  product.attributes.set("pads", std::vector<std::int64_t>{1, 1, 1, 1});
  return product;
}

// The operators that are left, "/d" behind those that quantise x; the results must be what they were.
std::string fused(QdqBuilder& b, ValueId result) {
  Graph& graph = b.graph;
  graph.outputs = {result};
  const BeforeAndAfter results = interpret_before_and_after(graph);
  const Deviation deviation = deviation_of(results.after.front(), results.before.front());
  CHECK(deviation.difference <= 1e-5f * deviation.largest);
  std::string text;
  const std::vector<NodeId> order = graph.topological_order().value();
  for (const NodeId id : order) {
    const Node& node = graph.node(id);
    CHECK(describe(graph, id).check());
    text += (text.empty() ? "" : " ") + std::string(to_string(node.op)) +
            (node.attributes.has("dynamic_type") ? "/d" : "");
  }
  return text;
}

std::string fused(const DynamicProduct& product) {
  QdqBuilder b;
  return fused(b, add_dynamic_product(b, product));
}

TEST_CASE("dynamic quantisation of a dense layer is one product", "[graph][quantised]") {
  CHECK(fused(dense()) == "gemm/d");
  DynamicProduct batched = dense();
  batched.x = {2, 5, 6};
  CHECK(fused(batched) == "matmul/d");
}

TEST_CASE("so it is of a convolution, whose padding is the zero point", "[graph][quantised]") {
  CHECK(fused(convolution()) == "conv/d");
}

TEST_CASE("the order of the scales does not matter, and the bias goes along", "[graph][quantised]") {
  for (DynamicProduct product : {dense(), convolution()}) {
    for (const bool multiplied : {true, false}) {
      product.scales_multiplied = multiplied;
      product.scales = {0.01f};
      CHECK(fused(product).find(' ') == std::string::npos);
      product.scales = test_values(product.op == Op::conv_integer ? 6 : 3, 9);
      for (float& scale : product.scales) scale = 0.01f + std::abs(scale);
      product.bias = test_values(static_cast<std::int64_t>(product.scales.size()), 5);
      CHECK(fused(product).find(' ') == std::string::npos);
    }
  }
}

TEST_CASE("weights keep their type and zero point", "[graph][quantised]") {
  DynamicProduct product = dense();
  product.type = DataType::s8;
  product.zeros = {0x85};
  QdqBuilder b;
  CHECK(fused(b, add_dynamic_product(b, product)) == "gemm/d");
  const LayerDesc layer = describe(b.graph, b.graph.topological_order().value().front());
  CHECK(layer.inputs[0].format == Format{Layout::nchw, DataType::f32});
  CHECK(layer.inputs[1].format == Format{Layout::nchw, DataType::s8, 0, 0.01f, -123});
  CHECK(layer.outputs[0].format == Format{Layout::nchw, DataType::f32});
  // One zero point for each channel is the same when they are equal, and no such layer otherwise.
  product.zeros = {7, 7, 7};
  CHECK(fused(product) == "gemm/d");
  product.zeros = {7, 7, 8};
  CHECK(fused(product).find("matmul_integer") != std::string::npos);
}

TEST_CASE("a clamp behind it is the product's", "[graph][quantised]") {
  QdqBuilder b;
  const ValueId y = b.op(Op::relu, {add_dynamic_product(b, dense())});
  CHECK(fused(b, y) == "gemm/d");
}

TEST_CASE("sums that something else uses stay", "[graph][quantised]") {
  QdqBuilder b;
  const ValueId y = add_dynamic_product(b, dense());
  for (std::size_t i = 0; i < b.graph.node_count(); ++i) {
    const Node node = b.graph.node(static_cast<NodeId>(i));
    if (node.op != Op::cast) continue;
    CHECK(fused(b, b.op(Op::add, {y, node.outputs.front()})).find("matmul_integer") != std::string::npos);
    return;
  }
  FAIL("no cast");
}

TEST_CASE("scales that are no numbers to compute with stay operands", "[graph][quantised]") {
  for (const float scale : {-0.5f, 1e-42f}) {
    DynamicProduct product = dense();
    product.scales = {scale, 0.01f, 0.02f};
    CHECK(fused(product).find("matmul_integer") != std::string::npos);
  }
}

TEST_CASE("two products may share what quantises x", "[graph][quantised]") {
  QdqBuilder b;
  const ValueId first = add_dynamic_product(b, dense());
  Graph& graph = b.graph;
  const Node quantize = graph.node(0);
  REQUIRE(quantize.op == Op::dynamic_quantize_linear);
  Attributes to;
  to.set("to", std::string("f32"));
  const ValueId w = b.raw(Shape{6, 3}, DataType::u8, weight_bytes(18));
  const ValueId sums = b.op(Op::matmul_integer, {quantize.outputs[0], w, quantize.outputs[2]});
  const ValueId second = b.op(Op::mul, {b.op(Op::cast, {sums}, to), quantize.outputs[1]});
  CHECK(fused(b, b.op(Op::sub, {second, first})) == "gemm/d gemm/d sub");
}

TEST_CASE("layers of such products are held to their rules", "[graph][quantised]") {
  QdqBuilder b;
  CHECK(fused(b, add_dynamic_product(b, dense())) == "gemm/d");
  const LayerDesc layer = describe(b.graph, b.graph.topological_order().value().front());
  REQUIRE(layer.check());
  CHECK(LayerDesc::parse(layer.text()).value().text() == layer.text());
  LayerDesc other = layer;
  other.parts[0].attributes.set("dynamic_type", std::string("s8"));
  CHECK(other.check().error().text().find("dynamic_type must be u8") != std::string::npos);
  other = layer;
  other.inputs[2].format.type = DataType::s32;
  CHECK(other.check().error().text().find("the bias needs a number of type f32") != std::string::npos);
  other = layer;
  other.outputs[0].format.scale = 1;
  CHECK(other.check().error().text().find("must be f32") != std::string::npos);
}

}  // namespace
}  // namespace fettle::graph
