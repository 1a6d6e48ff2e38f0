// SPDX-License-Identifier: Apache-2.0
//
// Quantised layers written between DequantizeLinear and QuantizeLinear: read again they are the same layers
// with the same results to the bit, and the file has the form that other runtimes know.
#include "lib/model/model_state.h"
#include "lib/onnx/reader.h"
#include "tests/common/attributes.h"
#include "tests/common/data.h"
#include "tests/graph/qdq_builder.h"
#include "tests/onnx/write_back.h"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

namespace fettle::graph {
namespace {

using test::value_of;
using test::with;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<std::uint8_t> any_bytes(std::int64_t count, std::uint32_t seed = 5) {
  std::mt19937 random(seed);
  std::vector<std::uint8_t> bytes;
  for (std::int64_t i = 0; i < count; ++i) bytes.push_back(static_cast<std::uint8_t>(random()));
  return bytes;
}

const StoredAs kX{DataType::u8, {0.05f}, 120};
const StoredAs kY{DataType::u8, {0.4f}, 100};
const StoredAs kOther{DataType::u8, {0.07f}, 30};
const StoredAs kSignedX{DataType::s8, {0.05f}, -8};
const StoredAs kSignedY{DataType::s8, {0.5f}, 3};
const std::vector<float> kScales{0.01f, 0.02f, 0.03f, 0.005f, 0.001f, 0.04f};

Model model_of(QdqBuilder& b, std::vector<ValueId> outputs) {
  Imported imported;
  for (const ValueId input : b.graph.inputs) {
    const Value& value = b.graph.value(input);
    imported.inputs.push_back({value.name, value.shape, std::vector<std::string>(8)});
  }
  b.graph.outputs = std::move(outputs);
  imported.graph = std::move(b.graph);
  return value_of(runtime::make_model(std::move(imported), "built", {}));
}

// The file's nodes, before passes.
Graph file_of(const Model& model) {
  const std::string bytes = value_of(model.onnx());
  Result<Imported> read =
      onnx_import::read(std::as_bytes(std::span(bytes.data(), bytes.size())), "written", "", {});
  REQUIRE(read);
  REQUIRE(read->problems.empty());
  return std::move(read->graph);
}

const Node& node_of(const Graph& graph, const std::string& id) {
  for (std::size_t i = 0; i < graph.node_count(); ++i) {
    if (graph.node(static_cast<NodeId>(i)).id == id) return graph.node(static_cast<NodeId>(i));
  }
  FAIL("no node " << id);
  return graph.node(0);
}
int count_of(const Graph& graph, Op op) {
  int count = 0;
  for (std::size_t i = 0; i < graph.node_count(); ++i)
    count += graph.node(static_cast<NodeId>(i)).op == op ? 1 : 0;
  return count;
}
const Node& maker_of(const Graph& graph, ValueId value) { return graph.node(graph.value(value).producer); }

std::vector<std::string> texts(const Model& model) {
  std::vector<std::string> all;
  for (const LayerInfo& layer : model.layers()) all.push_back(layer.id + ": " + layer.desc.text());
  return all;
}

// The same layers with the same ids, and the same bytes; `main` is one that must be among them.
Model check_same(const Model& model, const std::string& main = {}) {
  Model again = value_of(test::written_and_read(model));
  CHECK(texts(again) == texts(model));
  CHECK(test::model_difference(model, again, test::random_inputs(model), 0) == "");
  bool found = main.empty();
  for (const std::string& text : texts(model)) {
    found = found || (text.find(": " + main) != std::string::npos &&
                      text.find("scale=", text.find(": " + main)) != std::string::npos);
  }
  CHECK(found);
  return again;
}

ValueId conv(QdqBuilder& b, const StoredAs& x, const StoredAs& w, const StoredAs& y,
             std::optional<Clamp> clamp = {}, bool biased = true) {
  StoredAs bias{DataType::s32, w.scales, 0, 0};
  for (float& scale : bias.scales) scale *= x.scales[0];
  const std::vector<std::int32_t> numbers{100, -200, 300, 4000, -5000, 6};
  std::vector<ValueId> inputs{b.input(Shape{1, 4, 5, 5}, x),
                              b.constant(Shape{6, 4, 3, 3}, any_bytes(216), w)};
  if (biased) inputs.push_back(b.constant(Shape{6}, numbers, bias));
  return b.quantised(b.op(Op::conv, inputs, {}, clamp), y);
}

TEST_CASE("a quantised convolution is written with all its clamps and biases", "[onnx][writer][quantised]") {
  for (const std::optional<Clamp>& clamp :
       {std::optional<Clamp>(), std::optional(Clamp{0, kInfinity}), std::optional(Clamp{0, 6}),
        std::optional(Clamp{-kInfinity, 3}), std::optional(Clamp{-2, kInfinity})}) {
    for (const bool biased : {true, false}) {
      QdqBuilder b;
      const Model model = model_of(b, {conv(b, kX, {DataType::u8, {0.02f}, 60}, kY, clamp, biased)});
      check_same(model, "conv");
      const Graph file = file_of(model);
      CHECK(file.opset == 17);
      const int biases = biased ? 1 : 0;
      CHECK(count_of(file, Op::dequantize_linear) == 2 + biases);
      CHECK(count_of(file, Op::quantize_linear) == 1);
      CHECK(count_of(file, Op::relu) == (clamp && *clamp == Clamp{0, kInfinity} ? 1 : 0));
      CHECK(count_of(file, Op::clamp) == (clamp && !(*clamp == Clamp{0, kInfinity}) ? 1 : 0));
    }
  }
}

TEST_CASE("scales per channel lie along the axis of output channels", "[onnx][writer][quantised]") {
  QdqBuilder b;
  const StoredAs weights{DataType::s8, kScales, 0, 0};
  const Model model = model_of(b, {conv(b, kSignedX, weights, kSignedY)});
  check_same(model, "conv");
  const Graph file = file_of(model);
  const std::string id = model.layers().back().id;
  const Node& node = node_of(file, id);
  REQUIRE(node.op == Op::conv);
  for (const std::size_t operand : {1, 2}) {
    const Node& source = maker_of(file, node.inputs[operand]);
    REQUIRE(source.op == Op::dequantize_linear);
    CHECK(source.attributes.integer("axis", -1) == 0);
    CHECK(file.value(source.inputs[1]).constant->values<float>().size() == 6);
    CHECK(file.value(source.inputs[2]).constant->bytes.size() == (operand == 1 ? 6 : 24));
  }
  CHECK(file.value(maker_of(file, node.inputs[2]).inputs[0]).type == DataType::s32);
  const auto units = file.value(maker_of(file, node.inputs[2]).inputs[1]).constant->values<float>();
  for (std::size_t i = 0; i < units.size(); ++i) CHECK(units[i] == kSignedX.scales[0] * kScales[i]);
}

TEST_CASE("weights of u8 around 128 are written as s8, others as they are", "[onnx][writer][quantised]") {
  const auto weights_of = [](const Model& model, ValueId& id) {
    Graph file = file_of(model);
    id = maker_of(file, node_of(file, model.layers().back().id).inputs[1]).inputs[0];
    return file;
  };
  ValueId weights = kNoValue;
  QdqBuilder moved;
  const Model around = model_of(moved, {conv(moved, kX, {DataType::s8, {0.02f}, 0}, kY)});
  check_same(around, "conv");
  const Graph first = weights_of(around, weights);
  CHECK(first.value(weights).type == DataType::s8);
  const auto bytes = first.value(weights).constant->values<std::uint8_t>();
  CHECK(std::vector<std::uint8_t>(bytes.begin(), bytes.end()) == any_bytes(216));

  QdqBuilder kept;
  const Model other = model_of(kept, {conv(kept, kX, {DataType::u8, {0.02f}, 127}, kY)});
  check_same(other, "conv");
  const Graph second = weights_of(other, weights);
  CHECK(second.value(weights).type == DataType::u8);
}

TEST_CASE("quantised dense layers and products are written", "[onnx][writer][quantised]") {
  for (const bool per_channel : {false, true}) {
    for (const bool transposed : {false, true}) {
      const StoredAs weights{
          DataType::s8, per_channel ? std::vector<float>{0.03f, 0.01f, 0.02f} : std::vector<float>{0.03f}, 0,
          transposed ? 0 : 1};
      QdqBuilder b;
      const ValueId w = b.constant(transposed ? Shape{3, 6} : Shape{6, 3}, any_bytes(18), weights);
      const ValueId bias = b.raw(Shape{3}, DataType::f32, std::vector<float>{1.5f, -0.25f, 3});
      const ValueId sum = b.op(Op::gemm, {b.input(Shape{2, 6}, kX), w, bias},
                               with("transB", std::int64_t{transposed ? 1 : 0}));
      const Model model = model_of(b, {b.quantised(sum, kY)});
      check_same(model, "gemm");
      if (!per_channel) continue;
      const Graph file = file_of(model);
      const Node& node = node_of(file, model.layers().back().id);
      CHECK(maker_of(file, node.inputs[1]).attributes.integer("axis", -1) == (transposed ? 0 : 1));
      CHECK(maker_of(file, node.inputs[2]).attributes.integer("axis", -1) == 0);
    }
    QdqBuilder b;
    const StoredAs weights{DataType::s8,
                           per_channel ? std::vector<float>{0.03f, 0.01f, 0.02f} : std::vector<float>{0.03f},
                           0, 1};
    const ValueId w = b.constant(Shape{6, 3}, any_bytes(18), weights);
    check_same(model_of(b, {b.quantised(b.op(Op::matmul, {b.input(Shape{2, 4, 6}, kX), w}), kY)}), "matmul");
  }
}

// As only a graph can have it: files have no product with a bias that is quantised.
TEST_CASE("a quantised product with a bias is written as a dense layer of rows",
          "[onnx][writer][quantised]") {
  QdqBuilder b;
  const ValueId x = b.stored_input(Shape{2, 4, 6}, DataType::u8);
  const ValueId w = b.raw(Shape{6, 3}, DataType::u8, any_bytes(18));
  const ValueId bias = b.raw(Shape{3}, DataType::s32, std::vector<std::int32_t>{400, -3000, 70});
  const ValueId scales = b.raw(Shape{3}, DataType::f32, std::vector<float>{0.03f, 0.01f, 0.02f});
  const ValueId y = b.op(Op::matmul, {x, w, bias, scales}, {}, Clamp{0, kInfinity});
  const auto label = [&](ValueId id, float scale, std::int32_t zero) {
    b.graph.value(id).scale = scale;
    b.graph.value(id).zero_point = zero;
  };
  label(x, 0.05f, 120);
  label(w, 1, 128);
  label(y, 0.4f, 100);
  b.graph.value(y).type = DataType::u8;
  b.graph.value(y).shape = Shape{2, 4, 3};
  b.graph.node(b.graph.value(y).producer).quantised = true;
  const Model model = model_of(b, {y});
  REQUIRE(model.layers().size() == 1);
  const Model again = value_of(test::written_and_read(model));
  CHECK(test::model_difference(model, again, test::random_inputs(model), 0) == "");
  std::vector<std::string> ops;
  for (const LayerInfo& layer : again.layers()) ops.emplace_back(to_string(layer.desc.main().op));
  CHECK(ops == std::vector<std::string>{"reshape", "gemm", "reshape"});
  for (const LayerInfo& layer : again.layers()) CHECK(layer.desc.outputs.front().format.type == DataType::u8);
  CHECK(again.layers()[1].id == model.layers()[0].id);
}

TEST_CASE("quantised sums, pools and moves are written", "[onnx][writer][quantised]") {
  const auto window = [] {
    Attributes attributes = with("kernel_shape", std::vector<std::int64_t>{2, 2});
    attributes.set("strides", std::vector<std::int64_t>{2, 2});
    return attributes;
  };
  const Shape shape{1, 4, 6, 6};
  const auto single = [&](Op op, const Attributes& attributes, const StoredAs& as, const char* main,
                          std::optional<Clamp> clamp = {}) {
    QdqBuilder b;
    check_same(model_of(b, {b.quantised(b.op(op, {b.input(shape, kX)}, attributes, clamp), as)}), main);
  };
  SECTION("sums of two") {
    for (const Op op : {Op::add, Op::mul}) {
      QdqBuilder b;
      const ValueId sum = b.op(op, {b.input(shape, kX), b.input(shape, kOther)}, {}, Clamp{0, 6});
      check_same(model_of(b, {b.quantised(sum, kY)}), std::string(to_string(op)));
    }
  }
  SECTION("a sum with a constant, and one with itself") {
    QdqBuilder b;
    const ValueId x = b.input(shape, kX);
    const ValueId row = b.constant(Shape{4, 1, 1}, any_bytes(4), kOther);
    const ValueId sum = b.quantised(b.op(Op::add, {x, row}), kY);
    const ValueId real = b.dequantised(sum, kY);
    check_same(model_of(b, {b.quantised(b.op(Op::add, {real, real}), {DataType::u8, {0.8f}, 90})}), "add");
  }
  SECTION("averages") {
    single(Op::average_pool, window(), kY, "average_pool");
    single(Op::global_average_pool, {}, kY, "global_average_pool", Clamp{0, kInfinity});
  }
  SECTION("moves") {
    single(Op::max_pool, window(), kX, "max_pool");
    single(Op::transpose, with("perm", std::vector<std::int64_t>{0, 2, 3, 1}), kX, "transpose");
    single(Op::flatten, with("axis", std::int64_t{1}), kX, "reshape");
  }
  SECTION("clamps") {
    Attributes bounds = with("min", -1.0f);
    bounds.set("max", 2.0f);
    single(Op::clamp, bounds, kX, "clamp");
    single(Op::clamp, bounds, kY, "convert");
  }
  SECTION("one quantisation after the other") {
    QdqBuilder b;
    check_same(model_of(b, {b.quantised(b.input(shape, kX), kY)}), "convert");
  }
  SECTION("a concatenation of different quantisations") {
    QdqBuilder b;
    const ValueId both =
        b.op(Op::concat, {b.input(shape, kX), b.input(shape, kOther)}, with("axis", std::int64_t{1}));
    check_same(model_of(b, {b.quantised(both, kX)}), "concat");
  }
}

TEST_CASE("layers share the DequantizeLinear of a value", "[onnx][writer][quantised]") {
  QdqBuilder b;
  const ValueId x = b.input(Shape{1, 4, 5, 5}, kX);
  const ValueId k = b.constant(Shape{6, 4, 1, 1}, any_bytes(24), {DataType::u8, {0.02f}, 60});
  const ValueId one = b.quantised(b.op(Op::conv, {x, k}), kY);
  const ValueId two = b.quantised(b.op(Op::conv, {x, k}, {}, Clamp{0, kInfinity}), kY);
  const Model model = model_of(b, {one, two});
  check_same(model, "conv");
  const Graph file = file_of(model);
  // One for x, and one for each layer's weights, whose bytes are there once.
  CHECK(count_of(file, Op::dequantize_linear) == 3);
  int weights = 0;
  for (std::size_t i = 0; i < file.value_count(); ++i) {
    const Value& value = file.value(static_cast<ValueId>(i));
    weights += value.constant && value.constant->bytes.size() == 24 ? 1 : 0;
  }
  CHECK(weights == 1);
}

TEST_CASE("real numbers around quantised layers are written", "[onnx][writer][quantised]") {
  QdqBuilder b;
  Value value;
  value.name = "real";
  value.type = DataType::f32;
  value.shape = Shape{1, 4, 5, 5};
  b.graph.inputs.push_back(b.graph.add_value(std::move(value)));
  const ValueId x = b.dequantised(b.quantised(b.graph.inputs.front(), kX), kX);
  const ValueId w = b.constant(Shape{6, 4, 1, 1}, any_bytes(24), {DataType::s8, kScales, 0, 0});
  const ValueId y = b.dequantised(b.quantised(b.op(Op::conv, {x, w}), kY), kY);
  const ValueId sigmoid = b.op(Op::sigmoid, {y});
  check_same(model_of(b, {sigmoid, y}), "conv");
}

TEST_CASE("the shared quantised networks are written to the same layers and results",
          "[onnx][writer][shared]") {
  const char* names[] = {"resnet8_cifar10_int8_qdq", "mcunet_best_144_int8_qdq",
                         "mobilenet_v2_0.5_160_uint8_qdq"};
  if (!std::filesystem::exists(test::shared_path("models"))) SKIP("no shared models");
  for (const char* name : names) {
    INFO(name);
    check_same(value_of(Model::load(test::shared_model(name))), "conv");
    if (test::quick()) break;
  }
}

}  // namespace
}  // namespace fettle::graph
