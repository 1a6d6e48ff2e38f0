// SPDX-License-Identifier: Apache-2.0
//
// Models written as ONNX files and read again: names, types, constants, and what is refused. Operators one by
// one are in tests/conformance, quantised layers in writer_quantised_test.cc.
#include "lib/onnx/reader.h"
#include "tests/common/data.h"
#include "tests/io/folder.h"
#include "tests/onnx/run_model.h"
#include "tests/onnx/write_back.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace fettle {
namespace {

using namespace onnx_bytes;
using test::difference_of_floats;
using test::model_difference;
using test::random_inputs;
using test::value_of;

// What the model is when it has been written and read.
Model again(const Model& model) { return value_of(test::written_and_read(model)); }

// The model of these bytes, which must survive being written.
Model checked(const ModelBytes& bytes, const ModelOptions& options = {}) {
  Model model = value_of(test::parse(bytes, options));
  CHECK(model_difference(model, again(model), random_inputs(model), 1e-6) == "");
  return model;
}

graph::Graph graph_of(const Model& model) {
  const std::string bytes = value_of(model.onnx());
  return value_of(onnx_import::read(as_bytes(bytes), "written", "", {})).graph;
}

std::vector<std::string> nodes_of(const Model& model) {
  const graph::Graph graph = graph_of(model);
  std::vector<std::string> ops;
  for (std::size_t i = 0; i < graph.node_count(); ++i)
    ops.emplace_back(to_string(graph.node(static_cast<graph::NodeId>(i)).op));
  return ops;
}

ModelBytes one_node(const Message& layer, std::vector<Message> inputs, std::vector<Message> initialisers = {},
                    std::int64_t opset = 17) {
  ModelBytes model;
  model.opset = opset;
  model.nodes = {layer};
  model.inputs = std::move(inputs);
  model.outputs = {"y"};
  model.initialisers = std::move(initialisers);
  return model;
}

TEST_CASE("inputs, outputs and layers keep their names", "[onnx][writer]") {
  ModelBytes model;
  model.opset = 17;
  model.inputs = {value_info("left", {1, 3}), value_info("unused", {2}), value_info("right", {1, 3})};
  model.nodes = {node("Add", {"left", "right"}, {"sum"}, {}, "adds"),
                 node("Relu", {"sum"}, {"positive"}, {}, "bounds"),
                 node("Identity", {"positive"}, {"same"}, {}, "copies"),
                 node("Sigmoid", {"positive"}, {"gate"}, {}, "gates")};
  // The same value under two names, one of another layer, and an input itself.
  model.outputs = {"same", "gate", "positive", "left"};
  const Model read = checked(model);
  const Model written = again(read);
  REQUIRE(written.inputs().size() == 3);
  CHECK(written.inputs()[1].name == "unused");
  CHECK(written.outputs()[0].name == "same");
  CHECK(written.outputs()[2].name == "positive");
  CHECK(written.outputs()[3].name == "left");
  REQUIRE(read.layers().size() == written.layers().size());
  for (std::size_t i = 0; i < read.layers().size(); ++i) {
    CHECK(read.layers()[i].id == written.layers()[i].id);
    CHECK(read.layers()[i].desc.text() == written.layers()[i].desc.text());
  }
}

TEST_CASE("outputs may be constants and inputs under other names", "[onnx][writer]") {
  ModelBytes model;
  model.opset = 17;
  model.inputs = {value_info("x", {2})};
  model.initialisers = {floats("k", {2}, {1, 2})};
  model.nodes = {node("Identity", {"x"}, {"copy"}), node("Add", {"k", "k"}, {"twice"}),
                 node("Identity", {"k"}, {"same"})};
  model.outputs = {"copy", "twice", "same", "k"};
  const Model read = checked(model);
  CHECK(again(read).layers().empty());
}

TEST_CASE("a name that a pass made up does not meet one of the model", "[onnx][writer]") {
  // The bias of the product becomes "c.bias", and its weights "c.weight": names that the model has, too.
  ModelBytes model;
  model.opset = 17;
  model.inputs = {value_info("x", {1, 2, 4, 4}), value_info("c.weight", {1, 2, 4, 4})};
  model.initialisers = {floats("w", {2, 2, 1, 1}, {1, 2, 3, 4}), floats("s", {2, 1, 1}, {2, 3})};
  model.nodes = {node("Conv", {"x", "w"}, {"conv"}, {}, "c"), node("Mul", {"conv", "s"}, {"scaled"}, {}, "m"),
                 node("Add", {"scaled", "c.weight"}, {"c.bias"}, {}, "a")};
  model.outputs = {"c.bias"};
  const Model read = checked(model);
  CHECK(read.layers().size() == 2);
}

TEST_CASE("a free batch is written as the extent that it had", "[onnx][writer]") {
  ModelBytes model = one_node(node("Relu", {"x"}, {"y"}), {value_info("x", {-1, 3})});
  ModelOptions options;
  options.shapes["x"] = Shape{5, 3};
  const Model written = again(checked(model, options));
  CHECK(written.inputs()[0].shape == Shape{5, 3});
  CHECK(written.notes().empty());
  const Model reshaped = value_of(value_of(test::parse(model)).with_shapes({{"x", Shape{7, 3}}}));
  CHECK(again(reshaped).inputs()[0].shape == Shape{7, 3});
}

TEST_CASE("operands that are left out stay so", "[onnx][writer]") {
  SECTION("bounds of a clamp") {
    for (const auto& [low, high] : {std::pair("", "k"), std::pair("k", ""), std::pair("k", "k")}) {
      checked(one_node(node("Clip", {"x", low, high}, {"y"}), {value_info("x", {2, 3})},
                       {floats("k", {}, {0.25f})}));
    }
  }
  SECTION("a state without lengths, and results that nobody wants") {
    ModelBytes model;
    model.opset = 17;
    model.inputs = {value_info("x", {3, 1, 2}), value_info("h", {1, 1, 2})};
    model.initialisers = {floats("w", {1, 8, 2}, std::vector<float>(16, 0.25f)),
                          floats("r", {1, 8, 2}, std::vector<float>(16, -0.5f))};
    model.nodes = {node("LSTM", {"x", "w", "r", "", "", "h"}, {"", "", "c"},
                        {attribute("hidden_size", std::int64_t{2})}, "lstm")};
    model.outputs = {"c"};
    const Model read = checked(model);
    CHECK(again(read).layers()[0].desc.text() == read.layers()[0].desc.text());
  }
}

TEST_CASE("numbers of recurrent layers' functions are written for those that take some", "[onnx][writer]") {
  ModelBytes model;
  model.opset = 17;
  model.inputs = {value_info("x", {3, 1, 2})};
  model.initialisers = {floats("w", {2, 4, 2}, std::vector<float>(16, 0.25f)),
                        floats("r", {2, 4, 4}, std::vector<float>(32, -0.5f))};
  model.nodes = {node("RNN", {"x", "w", "r"}, {"y"},
                      {attribute("hidden_size", std::int64_t{4}), attribute("direction", "bidirectional"),
                       attribute("activations", std::vector<std::string>{"Affine", "LeakyRelu"}),
                       attribute("activation_alpha", std::vector<float>{0.5f, 0.1f}),
                       attribute("activation_beta", std::vector<float>{0.75f}), attribute("clip", 3.0f)},
                      "rnn")};
  model.outputs = {"y"};
  const Model read = checked(model);
  CHECK(again(read).layers()[0].desc.text() == read.layers()[0].desc.text());
}

TEST_CASE("constants of all types, and single numbers, are written", "[onnx][writer]") {
  // ONNX's numbers of types, and how many bits an element has.
  const std::pair<int, int> types[] = {{1, 32},  {2, 8},  {3, 8},   {4, 16},  {5, 16},  {6, 32},
                                       {7, 64},  {9, 8},  {10, 16}, {11, 64}, {12, 32}, {13, 64},
                                       {16, 16}, {17, 8}, {19, 8},  {21, 4},  {22, 4}};
  for (const auto& [type, bits] : types) {
    INFO("type " << type);
    std::vector<std::uint8_t> bytes;
    for (int i = 0; i < 6 * bits / 8; ++i)
      bytes.push_back(static_cast<std::uint8_t>(type == 9 ? i % 2 : 16 + i));
    const ModelBytes model =
        one_node(node("Concat", {"x", "k"}, {"y"}, {attribute("axis", std::int64_t{0})}),
                 {value_info("x", {1, 3}, type)}, {tensor("k", type, {2, 3}, bytes)}, 21);
    checked(model);
  }
  checked(one_node(node("Mul", {"x", "k"}, {"y"}), {value_info("x", {2, 3})}, {floats("k", {}, {0.3f})}));
  checked(one_node(node("Add", {"x", "k"}, {"y"}), {value_info("x", {2, 3}, kInt64)},
                   {tensor<std::int64_t>("k", kInt64, {}, {1ll << 40})}));
}

TEST_CASE("constants that layers share are written once", "[onnx][writer]") {
  ModelBytes model;
  model.opset = 17;
  model.inputs = {value_info("x", {1, 64})};
  model.initialisers = {floats("w", {64, 64}, std::vector<float>(64 * 64, 0.01f))};
  model.nodes = {node("Gemm", {"x", "w"}, {"a"}), node("Gemm", {"a", "w"}, {"b"}),
                 node("Softmax", {"b"}, {"c"}), node("Gemm", {"c", "w"}, {"y"})};
  model.outputs = {"y"};
  const Model read = checked(model);
  CHECK(value_of(read.onnx()).size() < 64 * 64 * 4 + 4096);
}

TEST_CASE("weights from files of their own lie in the file", "[onnx][writer]") {
  const test::Folder folder;
  const float numbers[] = {1, 2, 3, 4};
  test::put(folder / "weights.bin", {reinterpret_cast<const char*>(numbers), sizeof numbers});
  const ModelBytes model = one_node(node("Add", {"x", "w"}, {"y"}), {value_info("x", {4})},
                                    {outside("w", {4}, {{"location", "weights.bin"}})});
  test::put(folder / "model.onnx", model.bytes());
  const Model read = value_of(Model::load(folder / "model.onnx"));
  CHECK(model_difference(read, again(read), random_inputs(read), 0) == "");
}

TEST_CASE("the file has the least opset that all layers need", "[onnx][writer]") {
  const std::vector<Message> x{value_info("x", {1, 4, 4, 4})};
  const auto opset_of = [](const ModelBytes& model) { return again(checked(model)).opset(); };
  CHECK(opset_of(one_node(node("Relu", {"x"}, {"y"}), x, {}, 7)) == 17);
  CHECK(opset_of(one_node(node("Mish", {"x"}, {"y"}), x, {}, 22)) == 18);
  ModelBytes groups =
      one_node(node("GroupNormalization", {"x", "k", "k"}, {"z"}, {attribute("num_groups", std::int64_t{2})}),
               x, {floats("k", {4}, {1, 2, 3, 4})}, 21);
  groups.nodes.push_back(node("ReduceMax", {"z"}, {"m"}));
  groups.nodes.push_back(node("Gelu", {"m"}, {"y"}));
  CHECK(opset_of(groups) == 21);
}

TEST_CASE("operators of late opsets are written in parts, and found again", "[onnx][writer]") {
  const std::vector<Message> x{value_info("x", {2, 8})};
  const Message row = floats("k", {8}, {1, 2, 3, 4, 5, 6, 7, 8});
  const std::pair<Message, std::int64_t> layers[] = {
      {node("Gelu", {"x"}, {"y"}, {}, "n"), 20},
      {node("Gelu", {"x"}, {"y"}, {attribute("approximate", "tanh")}, "n"), 20},
      {node("Swish", {"x"}, {"y"}, {}, "n"), 24},
      {node("RMSNormalization", {"x", "k"}, {"y"}, {}, "n"), 23}};
  for (const auto& [layer, opset] : layers) {
    const Model read = checked(one_node(layer, x, {row}, opset));
    const Model written = again(read);
    CHECK(written.opset() == 17);
    REQUIRE(written.layers().size() == 1);
    CHECK(written.layers()[0].desc.text() == read.layers()[0].desc.text());
    CHECK(written.layers()[0].id == "n");
  }
}

TEST_CASE("products with a bias and transposes are written as several nodes", "[onnx][writer]") {
  ModelBytes model;
  model.opset = 17;
  model.inputs = {value_info("x", {2, 3, 4, 6}), value_info("z", {2, 3, 5, 6})};
  model.initialisers = {floats("k", {5}, {1, 2, 3, 4, 5})};
  const std::vector<Message> columns{attribute("perm", Dims{0, 1, 3, 2})};
  const std::vector<Message> heads{attribute("perm", Dims{0, 2, 1, 3})};
  model.nodes = {node("Transpose", {"z"}, {"t"}, columns, "t"), node("MatMul", {"x", "t"}, {"p"}, {}, "p"),
                 node("Add", {"p", "k"}, {"s"}, {}, "s"), node("Transpose", {"s"}, {"y"}, heads, "u")};
  model.outputs = {"y"};
  const Model read = checked(model);
  REQUIRE(read.layers().size() == 1);
  const Model written = again(read);
  REQUIRE(written.layers().size() == 1);
  CHECK(written.layers()[0].desc.text() == read.layers()[0].desc.text());
  CHECK(nodes_of(read) == std::vector<std::string>{"transpose", "matmul", "add", "transpose"});
}

TEST_CASE("clamps are Relu, or Clip with the bounds that there are", "[onnx][writer]") {
  ModelBytes model;
  model.opset = 17;
  model.inputs = {value_info("x", {2, 3}), value_info("z", {2, 3})};
  model.initialisers = {floats("six", {}, {6}), floats("none", {}, {0})};
  model.nodes = {node("Add", {"x", "z"}, {"a"}), node("Relu", {"a"}, {"b"}),
                 node("Sub", {"b", "z"}, {"c"}), node("Clip", {"c", "none", "six"}, {"d"}),
                 node("Softmax", {"d"}, {"e"}),  node("Clip", {"e", "", "six"}, {"y"})};
  model.outputs = {"y"};
  const Model read = checked(model);
  CHECK(nodes_of(read) == std::vector<std::string>{"add", "relu", "sub", "clamp", "softmax", "clamp"});
}

TEST_CASE("all layers that cannot be written are listed", "[onnx][writer]") {
  ModelBytes model;
  model.opset = 17;
  model.inputs = {value_info("x", {2, 3})};
  model.initialisers = {tensor<std::uint8_t>("w", kUint8, {3, 2}, {1, 2, 3, 4, 5, 6})};
  model.nodes = {node("NonZero", {"x"}, {"found"}, {}, "finds"),
                 node("Sigmoid", {"x"}, {"gate"}, {}, "gates"),
                 node("DynamicQuantizeLinear", {"x"}, {"q", "qs", "qz"}, {}, "quantises"),
                 node("MatMulInteger", {"q", "w", "qz"}, {"sum"}, {}, "multiplies"),
                 node("Cast", {"sum"}, {"real"}, {attribute("to", std::int64_t{1})}, "casts"),
                 node("Mul", {"real", "qs"}, {"product"}, {}, "scales")};
  model.outputs = {"found", "gate", "product"};
  const Model read = value_of(test::parse(model));
  const Error error = test::error_of(read.onnx(), ErrorCode::kModelUnsupported, "2 layers cannot be written");
  CHECK(error.message().find("finds (NonZero): ") != std::string::npos);
  CHECK(error.message().find("): it quantises its operand while") != std::string::npos);
  CHECK(error.message().find("gates") == std::string::npos);
}

// Every file of a folder, if it loads by itself.
int check_folder(const std::filesystem::path& folder, int most) {
  std::set<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".onnx") files.insert(entry.path());
  }
  int count = 0;
  for (const std::filesystem::path& file : files) {
    INFO(file.string());
    const Result<Model> model = Model::load(file.string());
    if (!model || count >= most) continue;
    const Result<std::string> bytes = model->onnx();
    if (!bytes) {
      const bool named =
          std::any_of(model->layers().begin(), model->layers().end(), [&](const LayerInfo& layer) {
            return bytes.error().message().find("  " + layer.id + " (") != std::string::npos;
          });
      CHECK(named);
      continue;
    }
    CHECK(model_difference(*model, again(*model), random_inputs(*model), 1e-5) == "");
    ++count;
  }
  return count;
}

TEST_CASE("the seeds of fuzzing compute the same when they have been written", "[onnx][writer]") {
  CHECK(check_folder(test::source_file("tests/fuzz/seeds/onnx"), 1000) > 25);
}

TEST_CASE("the shared networks compute the same when they have been written", "[onnx][writer][shared]") {
  if (!std::filesystem::exists(test::shared_path("models"))) SKIP("no shared models");
  const int most = test::quick() ? 3 : 1000;
  for (const char* folder : {"models", "models/real", "cases"}) {
    if (std::filesystem::exists(test::shared_path(folder)))
      CHECK(check_folder(test::shared_path(folder), most) > 0);
  }
}

}  // namespace
}  // namespace fettle
