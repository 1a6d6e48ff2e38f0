// SPDX-License-Identifier: Apache-2.0
//
// A file as PyTorch's exporter of 2026 writes it: functions of its own libraries that call each other,
// weights beside the model in one file and shared between calls, a batch that is free under a made-up name,
// shapes computed by many small nodes, and metadata everywhere. It loads without an option and computes what
// the network is.
#include "tests/io/folder.h"
#include "tests/onnx/run_model.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace fettle {
namespace {

using namespace onnx_bytes;
using test::run_model;

using Floats = std::vector<float>;
using Tables = std::vector<std::pair<std::string, std::string>>;

constexpr char kTorchlib[] = "pkg.onnxscript.torch_lib";
constexpr char kCommon[] = "pkg.onnxscript.torch_lib.common";
constexpr char kModules[] = "pkg.torch.2.9.0";
constexpr std::int64_t kChannels = 2;
constexpr std::int64_t kSide = 4;
constexpr std::int64_t kClasses = 3;

// ---- The network ----

// Small numbers of both signs, which sums keep exactly.
Floats eighths(std::int64_t count, int seed) {
  Floats values;
  for (std::int64_t i = 0; i < count; ++i)
    values.push_back(static_cast<float>((i * 7 + seed * 5) % 11 - 5) / 8.0f);
  return values;
}

struct Weights {
  Floats conv = eighths(kChannels * kChannels * 3 * 3, 1);
  Floats conv_bias = eighths(kChannels, 2);
  Floats dense = eighths(kClasses * kChannels * 4, 3);
  Floats dense_bias = eighths(kClasses, 4);
};

// Twice the same: a convolution of 3 x 3 with padding, ReLU, and x added. Then the largest of each 2 x 2, and
// a dense layer over what is left; a SiLU.
Floats computed_straight(const Weights& w, const Floats& x) {
  Floats result;
  constexpr std::int64_t kImage = kChannels * kSide * kSide;
  const auto at = [](std::int64_t c, std::int64_t row, std::int64_t column) {
    return static_cast<std::size_t>((c * kSide + row) * kSide + column);
  };
  for (std::size_t image = 0; image * kImage < x.size(); ++image) {
    Floats now(x.begin() + static_cast<std::ptrdiff_t>(image * kImage),
               x.begin() + static_cast<std::ptrdiff_t>((image + 1) * kImage));
    for (int pass = 0; pass < 2; ++pass) {
      Floats next = now;
      for (std::int64_t c = 0; c < kChannels; ++c) {
        for (std::int64_t place = 0; place < kSide * kSide; ++place) {
          const std::int64_t row = place / kSide;
          const std::int64_t column = place % kSide;
          float sum = w.conv_bias[static_cast<std::size_t>(c)];
          for (std::int64_t tap = 0; tap < kChannels * 9; ++tap) {
            const std::int64_t y = row + tap % 9 / 3 - 1;
            const std::int64_t z = column + tap % 3 - 1;
            if (y < 0 || y >= kSide || z < 0 || z >= kSide) continue;
            sum += w.conv[static_cast<std::size_t>(c * kChannels * 9 + tap)] * now[at(tap / 9, y, z)];
          }
          next[at(c, row, column)] += std::max(sum, 0.0f);
        }
      }
      now = std::move(next);
    }
    Floats pooled;
    for (std::int64_t c = 0; c < kChannels; ++c) {
      for (std::int64_t place = 0; place < 4; ++place) {
        const std::int64_t row = place / 2 * 2;
        const std::int64_t column = place % 2 * 2;
        pooled.push_back(std::max({now[at(c, row, column)], now[at(c, row, column + 1)],
                                   now[at(c, row + 1, column)], now[at(c, row + 1, column + 1)]}));
      }
    }
    for (std::size_t k = 0; k < kClasses; ++k) {
      float sum = w.dense_bias[k];
      for (std::size_t i = 0; i < pooled.size(); ++i) sum += w.dense[k * pooled.size() + i] * pooled[i];
      result.push_back(sum / (1 + std::exp(-sum)));
    }
  }
  return result;
}

// ---- The file ----

Message property(std::string_view key, std::string_view value) {
  return Message().text(1, key).text(2, value);
}

// What the exporter says of a node: where in the module, and in the program, it comes from (metadata_props).
Message noted(Message node) {
  return node
      .message(9, property("namespace", ": model.Net/blocks.0: model.Block/conv2d: aten.conv2d.default"))
      .message(9, property("pkg.torch.onnx.class_hierarchy", "['model.Net', 'model.Block']"))
      .message(9, property("pkg.torch.onnx.stack_trace", "File \"model.py\", line 12, in forward"));
}

Message library_call(std::string_view domain, std::string_view name, const std::vector<std::string>& inputs,
                     const std::vector<std::string>& outputs, std::string_view id,
                     const std::vector<Message>& attributes = {}) {
  return noted(node(name, inputs, outputs, attributes, id, domain));
}

// Scalars as the exporter's library makes them inside its functions.
Message whole(std::string_view result, std::int64_t value) {
  return node("Constant", {}, {std::string(result)}, {attribute("value_int", value)});
}

std::vector<FunctionParts> exported_functions() {
  FunctionParts rank{"Rank", {"input"}, {"return_val"}, {}};
  rank.domain = kCommon;
  rank.nodes = {node("Shape", {"input"}, {"tmp"}, {}, "n0"), node("Size", {"tmp"}, {"return_val"}, {}, "n1")};

  FunctionParts relu{
      "aten_relu", {"self"}, {"return_val"}, {node("Relu", {"self"}, {"return_val"}, {}, "n0")}};
  relu.domain = kTorchlib;

  // Whether there is a scale, and how many axes x has, is decided in the function: both are known at load.
  FunctionParts silu{"aten_silu", {"self"}, {"return_val"}, {}};
  silu.domain = kTorchlib;
  silu.imports = {kCommon};
  const Message flat = graph({node("Sigmoid", {"self"}, {"one"}, {}, "n0")}, {}, {"one"});
  const Message same = graph({node("Identity", {"self"}, {"other"}, {}, "n0")}, {}, {"other"});
  silu.nodes = {node("Rank", {"self"}, {"rank"}, {}, "n0", kCommon), whole("two", 2),
                node("Equal", {"rank", "two"}, {"cond"}, {}, "n2"),
                node("If", {"cond"}, {"gate"}, {body("then_branch", flat), body("else_branch", same)}, "n3"),
                node("Mul", {"self", "gate"}, {"return_val"}, {}, "n4")};

  // A module: it takes its weights as inputs, and the padding as an attribute.
  FunctionParts block{"Block_blocks_0", {"x", "weight", "bias"}, {"out"}, {}};
  block.domain = kModules;
  block.imports = {kTorchlib};
  block.nodes = {noted(node("Conv", {"x", "weight", "bias"}, {"conv2d"},
                            {attribute("auto_pad", std::string_view("NOTSET")),
                             attribute("strides", Dims{1, 1}), attribute("dilations", Dims{1, 1}),
                             attribute("group", std::int64_t{1}), reference("pads", "padding", 7)},
                            "node_conv2d")),
                 library_call(kTorchlib, "aten_relu", {"conv2d"}, {"relu"}, "node_relu"),
                 noted(node("Add", {"x", "relu"}, {"out"}, {}, "node_add"))};
  block.defaults = {attribute("padding", Dims{0, 0, 0, 0})};
  return {rank, relu, silu, block};
}

// Where the file of the weights holds what: like the exporter, each piece begins on a page of 4096 bytes.
class WeightFile {
 public:
  Tables add(const Floats& values) {
    bytes_.resize((bytes_.size() + 4095) / 4096 * 4096);
    const std::string offset = std::to_string(bytes_.size());
    const std::size_t count = values.size() * sizeof(float);
    bytes_.append(reinterpret_cast<const char*>(values.data()), count);
    return {{"location", "net.onnx.data"}, {"offset", offset}, {"length", std::to_string(count)}};
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// value_info of a dimension that has a name beside others.
Message batched(std::string_view name, const Dims& rest) {
  Message shape;
  shape.message(1, Message().text(2, "s77"));
  for (const std::int64_t extent : rest) shape.message(1, Message().integer(1, extent));
  return Message().text(1, name).message(
      2, Message().message(1, Message().integer(1, kFloat).message(2, shape)));
}

struct Written {
  std::string model;
  std::string weights;
};

Written written(const Weights& w, std::int64_t opset) {
  WeightFile file;
  const Message padding = attribute("padding", Dims{1, 1, 1, 1});
  // The batch from the input's shape, and the rest multiplied together: view(x.shape[0], -1) as it is
  // written.
  const std::vector<Message> nodes = {
      noted(node("Shape", {"x"}, {"val_0"},
                 {attribute("end", std::int64_t{1}), attribute("start", std::int64_t{0})}, "node_Shape_0")),
      noted(node("Squeeze", {"val_0"}, {"sym_size_int_1"}, {}, "node_sym_size_int_1")),
      library_call(kModules, "Block_blocks_0", {"x", "blocks.0.conv.weight", "blocks.0.conv.bias"}, {"add"},
                   "node_Block_0", {padding}),
      library_call(kModules, "Block_blocks_0", {"add", "blocks.0.conv.weight", "blocks.0.conv.bias"},
                   {"add_1"}, "node_Block_1", {padding}),
      noted(node("MaxPool", {"add_1"}, {"max_pool2d"},
                 {attribute("auto_pad", std::string_view("NOTSET")), attribute("ceil_mode", std::int64_t{0}),
                  attribute("storage_order", std::int64_t{0}), attribute("dilations", Dims{1, 1}),
                  attribute("kernel_shape", Dims{2, 2}), attribute("pads", Dims{0, 0, 0, 0}),
                  attribute("strides", Dims{2, 2})},
                 "node_max_pool2d")),
      noted(node("Shape", {"max_pool2d"}, {"val_1"}, {}, "node_Shape_1")),
      noted(
          node("Gather", {"val_1", "val_2"}, {"val_3"}, {attribute("axis", std::int64_t{0})}, "node_Gather")),
      noted(node("ReduceProd", {"val_3"}, {"val_4"}, {attribute("keepdims", std::int64_t{1})}, "node_Prod")),
      noted(node("Reshape", {"sym_size_int_1", "neg_1"}, {"val_5"}, {attribute("allowzero", std::int64_t{0})},
                 "node_Reshape_5")),
      noted(node("Concat", {"val_5", "val_4"}, {"val_6"}, {attribute("axis", std::int64_t{0})},
                 "node_Concat_6")),
      noted(node("Reshape", {"max_pool2d", "val_6"}, {"view"}, {attribute("allowzero", std::int64_t{1})},
                 "node_view")),
      noted(node("Gemm", {"view", "fc.weight", "fc.bias"}, {"linear"},
                 {attribute("alpha", 1.0f), attribute("beta", 1.0f), attribute("transA", std::int64_t{0}),
                  attribute("transB", std::int64_t{1})},
                 "node_linear")),
      library_call(kTorchlib, "aten_silu", {"linear"}, {"silu"}, "node_silu")};
  // Small tensors stay in the model.
  const std::vector<Message> initialisers = {
      outside("blocks.0.conv.weight", {kChannels, kChannels, 3, 3}, file.add(w.conv)),
      outside("fc.weight", {kClasses, kChannels * 4}, file.add(w.dense)),
      outside("fc.bias", {kClasses}, file.add(w.dense_bias)),
      floats("blocks.0.conv.bias", {kChannels}, w.conv_bias),
      integers("val_2", {1, 2, 3}),
      integers("neg_1", {-1})};

  Message graph;
  for (const Message& part : nodes) graph.message(1, part);
  graph.text(2, "main_graph");
  for (const Message& part : initialisers) graph.message(5, part);
  graph.message(11, batched("x", {kChannels, kSide, kSide})).message(12, batched("silu", {kClasses}));
  for (const char* name : {"add", "add_1"}) graph.message(13, batched(name, {kChannels, kSide, kSide}));
  graph.message(13, value_info("val_0", {1}, kInt64)).message(13, value_info("sym_size_int_1", {}, kInt64));
  graph.message(16, property("pkg.torch.export.ExportedProgram.range_constraints", "{s77: VR[2, int_oo]}"));

  Message model;
  model.integer(1, 10).text(2, "pytorch").text(3, "2.9.0").message(7, graph);
  model.message(8, Message().text(1, "").integer(2, opset));
  for (const char* domain : {kTorchlib, kCommon, kModules})
    model.message(8, Message().text(1, domain).integer(2, 1));
  model.message(14, property("pkg.torch.export.ExportedProgram.graph_signature", "inputs, outputs"));
  for (FunctionParts& function : exported_functions()) {
    function.opset = opset;
    model.message(25, function_of(function));
  }
  return {model.bytes(), file.bytes()};
}

Floats computed_by(const Model& model, const Floats& x) {
  Runtime runtime = test::value_of(Runtime::create(test::value_of(Program::compile(model))));
  test::succeeds(runtime.input(0).copy_from(x));
  test::succeeds(runtime.run());
  const auto values = runtime.output(0).values<float>();
  return {values.begin(), values.end()};
}

}  // namespace

TEST_CASE("a file with functions and weights beside it loads without an option", "[onnx][functions]") {
  const Weights weights;
  const Floats x = eighths(kChannels * kSide * kSide, 6);
  for (const std::int64_t opset : {18, 19, 20}) {
    INFO("opset " << opset);
    const test::Folder folder;
    const Written files = written(weights, opset);
    test::put(folder / "net.onnx", files.model);
    test::put(folder / "net.onnx.data", files.weights);
    const Model model = test::value_of(Model::load(folder / "net.onnx"));
    CHECK(model.inputs()[0].shape == Shape{1, kChannels, kSide, kSide});
    REQUIRE(model.notes().size() == 1);  // that the free batch is 1
    CHECK(model.notes()[0].find("s77") != std::string::npos);
    CHECK(test::alike(computed_by(model, x), computed_straight(weights, x), 1e-5f));
    // What computes shapes, asks for ranks and chooses branches is gone; both calls are there by name.
    std::vector<std::string> ids;
    for (const LayerInfo& layer : model.layers()) ids.push_back(layer.id);
    CHECK(ids == std::vector<std::string>{"node_Block_0/node_conv2d", "node_Block_0/node_add",
                                          "node_Block_1/node_conv2d", "node_Block_1/node_add",
                                          "node_max_pool2d", "node_view", "node_linear", "node_silu/n4"});
  }
}

TEST_CASE("the free batch of such a file may be any", "[onnx][functions]") {
  const Weights weights;
  const test::Folder folder;
  const Written files = written(weights, 20);
  test::put(folder / "net.onnx", files.model);
  test::put(folder / "net.onnx.data", files.weights);
  ModelOptions options;
  options.shapes["x"] = Shape{3, kChannels, kSide, kSide};
  const Model model = test::value_of(Model::load(folder / "net.onnx", options));
  CHECK(model.outputs()[0].shape == Shape{3, kClasses});
  const Floats x = eighths(3 * kChannels * kSide * kSide, 7);
  CHECK(test::alike(computed_by(model, x), computed_straight(weights, x), 1e-5f));
}

TEST_CASE("what such a file lacks is said by name", "[onnx][functions][bad]") {
  const Written files = written({}, 20);
  const test::Folder folder;
  test::put(folder / "net.onnx", files.model);
  test::error_of(Model::load(folder / "net.onnx"), ErrorCode::kFileNotFound, "net.onnx.data");
  // Cut off within the last of the weights, as by a download that ended early.
  test::put(folder / "net.onnx.data", files.weights.substr(0, files.weights.size() - 4));
  test::error_of(Model::load(folder / "net.onnx"), ErrorCode::kModelInvalid, "fc.bias");
  // Whoever gives the model as bytes has no file beside it.
  test::error_of(Model::parse(as_bytes(files.model), "net"), ErrorCode::kModelUnsupported, "memory");
}

}  // namespace fettle
