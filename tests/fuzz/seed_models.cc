// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/seed_models.h"

#include "tests/runtime/models.h"

#include <limits>

namespace fettle::fuzz {
namespace {

using namespace onnx_bytes;

ModelBytes model_of(std::vector<Message> nodes, const Dims& input, std::vector<Message> initialisers = {}) {
  ModelBytes model;
  model.nodes = std::move(nodes);
  model.inputs = {value_info("x", input)};
  model.outputs = {"y"};
  model.initialisers = std::move(initialisers);
  return model;
}

std::vector<float> some(std::int64_t count) {
  return test::numbers(count, static_cast<std::uint32_t>(count));
}

std::vector<Seed> windows() {
  std::vector<Seed> seeds;
  seeds.push_back(
      {"conv", model_of({node("Conv", {"x", "w", "b"}, {"c"},
                              {attribute("auto_pad", "SAME_UPPER"), attribute("strides", Dims{2, 2})}),
                         node("Relu", {"c"}, {"y"})},
                        {1, 2, 5, 5}, {floats("w", {3, 2, 3, 3}, some(54)), floats("b", {3}, some(3))})});
  seeds.push_back(
      {"depthwise",
       model_of({node("Conv", {"x", "w"}, {"c"},
                      {attribute("group", std::int64_t{4}), attribute("pads", Dims{1, 1, 1, 1}),
                       attribute("kernel_shape", Dims{3, 3}), attribute("dilations", Dims{1, 1})}),
                 node("BatchNormalization", {"c", "s", "b", "m", "v"}, {"n"}, {attribute("epsilon", 0.001f)}),
                 node("Clip", {"n", "low", "high"}, {"y"})},
                {1, 4, 4, 4},
                {floats("w", {4, 1, 3, 3}, some(36)), floats("s", {4}, {1, 2, 3, 4}),
                 floats("b", {4}, {0, 1, 0, 1}), floats("m", {4}, {0, 0, 1, 1}),
                 floats("v", {4}, {1, 2, 1, 2}), floats("low", {}, {0}), floats("high", {}, {6})})});
  seeds.push_back(
      {"conv_transpose",
       model_of({node("ConvTranspose", {"x", "w"}, {"y"},
                      {attribute("strides", Dims{2, 2}), attribute("output_padding", Dims{1, 1})})},
                {1, 2, 3, 3}, {floats("w", {2, 2, 2, 2}, some(16))})});
  seeds.push_back(
      {"pools",
       model_of(
           {node("MaxPool", {"x"}, {"a"},
                 {attribute("kernel_shape", Dims{3, 3}), attribute("strides", Dims{2, 2}),
                  attribute("pads", Dims{1, 1, 1, 1}), attribute("ceil_mode", std::int64_t{1})}),
            node("AveragePool", {"a"}, {"b"},
                 {attribute("kernel_shape", Dims{2, 2}), attribute("count_include_pad", std::int64_t{1})}),
            node("GlobalAveragePool", {"b"}, {"y"})},
           {1, 3, 7, 7})});
  seeds.push_back({"residual", test::residual_network()});
  return seeds;
}

std::vector<Seed> products() {
  std::vector<Seed> seeds;
  ModelBytes old = model_of({node("Flatten", {"x"}, {"f"}),
                             node("Gemm", {"f", "w", "b"}, {"g"}, {attribute("transB", std::int64_t{1})}),
                             node("Softmax", {"g"}, {"y"}, {attribute("axis", std::int64_t{1})})},
                            {1, 2, 2, 2}, {floats("w", {5, 8}, some(40)), floats("b", {5}, some(5))});
  old.opset = 11;
  seeds.push_back({"gemm", old});
  seeds.push_back({"matmul", model_of({node("MatMul", {"x", "w"}, {"m"}), node("Add", {"m", "b"}, {"y"})},
                                      {2, 3, 4}, {floats("w", {4, 2}, some(8)), floats("b", {2}, some(2))})});
  seeds.push_back({"layer_norm", model_of({node("ReduceMean", {"x"}, {"m"}, {attribute("axes", Dims{-1})}),
                                           node("Sub", {"x", "m"}, {"d"}), node("Pow", {"d", "two"}, {"p"}),
                                           node("ReduceMean", {"p"}, {"v"}, {attribute("axes", Dims{-1})}),
                                           node("Add", {"v", "eps"}, {"e"}), node("Sqrt", {"e"}, {"s"}),
                                           node("Div", {"d", "s"}, {"q"}), node("Mul", {"q", "g"}, {"t"}),
                                           node("Add", {"t", "h"}, {"y"})},
                                          {2, 3, 4},
                                          {floats("two", {}, {2}), floats("eps", {}, {1e-5f}),
                                           floats("g", {4}, some(4)), floats("h", {4}, some(4))})});
  return seeds;
}

std::vector<Seed> shapes() {
  std::vector<Seed> seeds;
  seeds.push_back({"shape_arithmetic",
                   model_of({node("Shape", {"x"}, {"s"}),
                             node("Gather", {"s", "zero"}, {"n"}, {attribute("axis", std::int64_t{0})}),
                             node("Concat", {"n", "rest"}, {"t"}, {attribute("axis", std::int64_t{0})}),
                             node("Reshape", {"x", "t"}, {"y"})},
                            {2, 3, 4}, {integers("zero", {0}), integers("rest", {-1})})});
  seeds.push_back(
      {"slice", model_of({node("Slice", {"x", "starts", "ends", "axes", "steps"}, {"a"}),
                          node("Pad", {"a", "pads"}, {"y"}, {attribute("mode", "reflect")})},
                         {1, 2, 6, 6},
                         {integers("starts", {1, -1}), integers("ends", {5, -9}), integers("axes", {2, 3}),
                          integers("steps", {1, -2}), integers("pads", {0, 0, 1, 1, 0, 0, 1, 1})})});
  ModelBytes old =
      model_of({node("Slice", {"x"}, {"a"},
                     {attribute("starts", Dims{1}), attribute("ends", Dims{3}), attribute("axes", Dims{2})}),
                node("Squeeze", {"a"}, {"b"}, {attribute("axes", Dims{0})}),
                node("Unsqueeze", {"b"}, {"y"}, {attribute("axes", Dims{0})})},
               {1, 2, 4, 4});
  old.opset = 9;
  seeds.push_back({"slice_9", old});
  ModelBytes split = model_of(
      {node("Split", {"x", "sizes"}, {"a", "b"}, {attribute("axis", std::int64_t{1})}),
       node("Sigmoid", {"a"}, {"c"}), node("Concat", {"c", "b"}, {"d"}, {attribute("axis", std::int64_t{1})}),
       node("Transpose", {"d"}, {"e"}, {attribute("perm", Dims{0, 2, 3, 1})}),
       node("Transpose", {"e"}, {"y"}, {attribute("perm", Dims{0, 3, 1, 2})})},
      {1, 4, 3, 3}, {integers("sizes", {1, 3})});
  seeds.push_back({"split", split});
  seeds.push_back(
      {"resize", model_of({node("Resize", {"x", "", "scales"}, {"a"}, {attribute("mode", "linear")}),
                           node("DepthToSpace", {"a"}, {"y"}, {attribute("blocksize", std::int64_t{2})})},
                          {1, 4, 2, 2}, {floats("scales", {4}, {1, 1, 2, 2})})});
  seeds.push_back(
      {"constants",
       model_of({node("ConstantOfShape", {"s"}, {"c"}, {attribute("value", floats("", {1}, {2}))}),
                 node("Range", {"from", "to", "by"}, {"r"}),
                 node("Cast", {"r"}, {"f"}, {attribute("to", std::int64_t{1})}),
                 node("Constant", {}, {"k"}, {attribute("value", floats("", {1}, {3}))}),
                 node("Mul", {"c", "f"}, {"m"}), node("Sum", {"x", "m", "k"}, {"y"})},
                {3, 4},
                {integers("s", {3, 4}), tensor<std::int64_t>("from", kInt64, {}, {0}),
                 tensor<std::int64_t>("to", kInt64, {}, {8}), tensor<std::int64_t>("by", kInt64, {}, {2})})});
  seeds.push_back(
      {"choice", model_of({node("Greater", {"x", "k"}, {"g"}), node("Not", {"g"}, {"h"}),
                           node("Where", {"h", "x", "k"}, {"w"}), node("Tile", {"w", "r"}, {"t"}),
                           node("Expand", {"k", "e"}, {"z"}), node("Add", {"t", "z"}, {"u"}),
                           node("TopK", {"u"}, {"unused"}), node("Identity", {"u"}, {"y"})},
                          {2, 3}, {floats("k", {1}, {0.5f}), integers("r", {1, 2}), integers("e", {2, 6})})});
  seeds.back().model.nodes.erase(seeds.back().model.nodes.end() - 2);
  return seeds;
}

// Operators that read, write or choose where integers say.
std::vector<Seed> indexing() {
  const auto scalar = [](std::string_view name, std::int64_t value) {
    return tensor<std::int64_t>(name, kInt64, {}, {value});
  };
  const Message index = tensor<std::int64_t>("i", kInt64, {2, 3}, {0, 1, 2, -1, 0, 1});
  std::vector<Seed> seeds;
  seeds.push_back(
      {"gather", model_of({node("GatherElements", {"x", "i"}, {"a"}, {attribute("axis", std::int64_t{1})}),
                           node("GatherND", {"a", "j"}, {"y"})},
                          {2, 3}, {index, tensor<std::int64_t>("j", kInt64, {2, 1}, {1, 0})})});
  seeds.push_back(
      {"scatter", model_of({node("ScatterElements", {"x", "i", "x"}, {"a"}, {attribute("reduction", "add")}),
                            node("ScatterND", {"a", "j", "u"}, {"y"})},
                           {3, 3},
                           {tensor<std::int64_t>("i", kInt64, {3, 3}, {0, 1, 2, 0, 0, 0, 2, 1, 0}),
                            tensor<std::int64_t>("j", kInt64, {1, 1}, {2}), floats("u", {1, 3}, some(3))})});
  seeds.push_back(
      {"choose", model_of({node("TopK", {"x", "k"}, {"y", "i"}), node("NonZero", {"x"}, {"z"}),
                           node("Compress", {"x", "c"}, {"w"}), node("Unique", {"x"}, {"u"})},
                          {2, 3}, {integers("k", {2}), tensor<std::uint8_t>("c", 9, {3}, {1, 0, 1})})});
  seeds.back().model.outputs = {"y", "i", "z", "w", "u"};
  seeds.push_back(
      {"boxes", model_of({node("NonMaxSuppression", {"x", "s", "n", "t"}, {"y"})}, {1, 3, 4},
                         {floats("s", {1, 1, 3}, some(3)), integers("n", {2}), floats("t", {1}, {0.5f})})});
  seeds.push_back(
      {"triangle",
       model_of({node("Trilu", {"x", "k"}, {"a"}), node("CumSum", {"a", "k"}, {"b"}),
                 node("ReverseSequence", {"b", "l"}, {"c"}), node("OneHot", {"c", "d", "v"}, {"y"})},
                {2, 3},
                {scalar("k", 1), integers("l", {1, 2, 2}), scalar("d", 4), floats("v", {2}, {0, 1})})});
  return seeds;
}

// Sampling, transforms, sums over labels, recurrent layers.
std::vector<Seed> signals() {
  std::vector<Seed> seeds;
  seeds.push_back(
      {"grid_sample",
       model_of(
           {node("GridSample", {"x", "g"}, {"a"}, {attribute("mode", "bicubic")}),
            node("RoiAlign", {"a", "r", "b"}, {"y"}, {attribute("output_height", std::int64_t{2})})},
           {1, 1, 3, 3},
           {floats("g", {1, 2, 2, 2}, some(8)), floats("r", {1, 4}, {0, 0, 2, 2}), integers("b", {0})})});
  seeds.push_back({"stft", model_of({node("STFT", {"x", "s", "", "l"}, {"a"}),
                                     node("DFT", {"a"}, {"y"}, {attribute("axis", std::int64_t{1})})},
                                    {1, 8, 1},
                                    {tensor<std::int64_t>("s", kInt64, {}, {2}),
                                     tensor<std::int64_t>("l", kInt64, {}, {4})})});
  seeds.back().model.opset = 17;
  seeds.push_back(
      {"einsum", model_of({node("Einsum", {"x", "k"}, {"a"}, {attribute("equation", "...ij,jk->...ik")}),
                           node("Det", {"a"}, {"y"})},
                          {2, 3, 2}, {floats("k", {2, 3}, some(6))})});
  seeds.push_back({"lstm", model_of({node("LSTM", {"x", "w", "r", "", "l"}, {"y", "", "c"},
                                          {attribute("hidden_size", std::int64_t{2})})},
                                    {3, 1, 2},
                                    {floats("w", {1, 8, 2}, some(16)), floats("r", {1, 8, 2}, some(16)),
                                     tensor<std::int32_t>("l", 6, {1}, {2})})});
  seeds.back().model.outputs = {"y", "c"};
  seeds.push_back({"loss", model_of({node("SoftmaxCrossEntropyLoss", {"x", "t"}, {"y", "p"},
                                          {attribute("reduction", "mean")})},
                                    {2, 3}, {integers("t", {0, 2})})});
  seeds.back().model.outputs = {"y", "p"};
  return seeds;
}

// What ONNX allows and few exporters write: any order of nodes, extents of 0, types that nothing uses.
std::vector<Seed> legal() {
  std::vector<Seed> seeds;
  const Message late = graph({node("Neg", {"c"}, {"r"}), node("Add", {"b", "x"}, {"c"})}, {}, {"r"});
  seeds.push_back({"unordered", model_of({node("If", {"yes"}, {"y"},
                                               {body("then_branch", late), body("else_branch", late)}),
                                          node("Mul", {"a", "a"}, {"b"}), node("Add", {"x", "x"}, {"a"})},
                                         {2}, {tensor<std::uint8_t>("yes", 9, {}, {1})})});
  seeds.push_back(
      {"empty", model_of({node("Split", {"x", "sizes"}, {"a", "b"}, {attribute("axis", std::int64_t{0})}),
                          node("Concat", {"b", "a", "none"}, {"c"}, {attribute("axis", std::int64_t{0})}),
                          node("ReduceMax", {"none"}, {"m"}, {attribute("axes", Dims{0})}),
                          node("MatMul", {"left", "right"}, {"p"}), node("Gather", {"c", "no_index"}, {"g"}),
                          node("Concat", {"g", "c", "m", "p"}, {"y"}, {attribute("axis", std::int64_t{0})})},
                         {2, 3},
                         {integers("sizes", {2, 0}), floats("none", {0, 3}, {}), floats("left", {1, 0}, {}),
                          floats("right", {0, 3}, {}), integers("no_index", {})})});
  const Message turn =
      graph({node("Identity", {"going"}, {"still"}), node("Add", {"sum", "x"}, {"next"}),
             node("Mul", {"next", "next"}, {"square"})},
            {value_info("i", {}, kInt64), value_info("going", {}, 9), value_info("sum", {2})},
            {"still", "next", "square"});
  seeds.push_back(
      {"loop_none", model_of({node("Loop", {"trips", "", "x"}, {"last", "y"}, {body("body", turn)})}, {2},
                             {tensor<std::int64_t>("trips", kInt64, {}, {0})})});
  seeds.push_back(
      {"layer_norm_broadcast", model_of({node("LayerNormalization", {"x", "s", "b"}, {"y", "m", "d"})},
                                        {2, 3}, {floats("s", {2, 1}, {1, 2}), floats("b", {1}, {3})})});
  seeds.back().model.opset = 17;
  seeds.back().model.outputs = {"y", "m"};
  seeds.push_back(
      {"crop", model_of({node("Pad", {"x", "p"}, {"a"}, {attribute("mode", "reflect")}),
                         node("Slice", {"a", "from", "to", "axis", "by"}, {"b"}),
                         node("Dropout", {"b", "none", "yes"}, {"y", "mask"})},
                        {2, 4},
                        {integers("p", {0, -1, 0, 2}), integers("from", {INT64_MAX}),
                         integers("to", {INT64_MIN}), integers("axis", {1}), integers("by", {INT64_MIN}),
                         floats("none", {}, {0}), tensor<std::uint8_t>("yes", 9, {}, {1})})});
  seeds.back().model.outputs = {"y", "mask"};
  seeds.push_back(
      {"foreign", model_of({node("Add", {"x", "k"}, {"y"}),
                            node("Constant", {}, {"t"}, {attribute("value_string", "a")})},
                           {2},
                           {Message().integer(1, 2).integer(2, 8).text(8, "labels").text(6, "a").text(6, "b"),
                            Message().integer(1, 2).integer(2, 22).text(8, "packed").text(9, "z"),
                            floats("k", {1}, {std::numeric_limits<float>::quiet_NaN()})})});
  return seeds;
}

// What later opsets and other writers of files have.
std::vector<Seed> recent() {
  std::vector<Seed> seeds;
  const auto call = [](std::string_view name, const std::string& from, const std::string& to,
                       std::vector<Message> attributes = {}) {
    return node(name, {from}, {to}, attributes, name, "local");
  };
  ModelBytes calls =
      model_of({call("Both", "x", "a", {attribute("slope", 0.5f)}), node("Neg", {"a"}, {"y"})}, {2});
  calls.opset = 18;
  calls.functions = {
      function_of({"Bent",
                   {"a"},
                   {"b"},
                   {node("LeakyRelu", {"a"}, {"b"}, {reference("alpha", "slope", 1)})},
                   {attribute("slope", 0.25f)}}),
      function_of({"Both",
                   {"a"},
                   {"c"},
                   {call("Bent", "a", "b", {reference("slope", "slope", 1)}), call("Bent", "b", "c")}})};
  seeds.push_back({"functions", std::move(calls)});
  seeds.push_back(
      {"attention",
       model_of({node("Attention", {"x", "k", "k", "m", "p", "p"}, {"a", "pk", "pv", "qk"},
                      {attribute("q_num_heads", std::int64_t{2}), attribute("is_causal", std::int64_t{1}),
                       attribute("kv_num_heads", std::int64_t{1}), attribute("softcap", 2.0f)}),
                 node("RMSNormalization", {"a", "s"}, {"y"})},
                {1, 3, 4},
                {floats("k", {1, 2, 2}, some(4)), floats("p", {1, 1, 1, 2}, some(2)),
                 floats("m", {3, 2}, some(6)), floats("s", {4}, some(4))})});
  seeds.back().model.opset = 24;
  seeds.back().model.outputs = {"y", "pk", "qk"};
  seeds.push_back(
      {"small_types",
       model_of(
           {node("DequantizeLinear", {"k", "s"}, {"w"},
                 {attribute("axis", std::int64_t{1}), attribute("block_size", std::int64_t{2})}),
            node("Cast", {"x"}, {"c"},
                 {attribute("to", std::int64_t{17}), attribute("saturate", std::int64_t{0})}),
            node("Cast", {"c"}, {"d"}, {attribute("to", std::int64_t{1})}), node("Mul", {"d", "w"}, {"y"})},
           {2, 3},
           {tensor<std::uint8_t>("k", 22, {2, 3}, {0x21, 0x43, 0x65}), floats("s", {2, 2}, some(4))})});
  seeds.back().model.opset = 25;
  seeds.push_back(
      {"resize_axes",
       model_of({node("Resize", {"x", "", "", "size"}, {"y"},
                      {attribute("axes", Dims{-1, 2}), attribute("antialias", std::int64_t{1}),
                       attribute("mode", "linear"), attribute("keep_aspect_ratio_policy", "not_larger")})},
                {1, 1, 6, 8}, {integers("size", {3, 4})})});
  seeds.back().model.opset = 19;
  seeds.push_back(
      {"contrib",
       model_of({node("MultiHeadAttention", {"x", "x", "x", "b", "m"}, {"a"},
                      {attribute("num_heads", std::int64_t{2})}, "", "com.microsoft"),
                 node("SkipLayerNormalization", {"a", "x", "s"}, {"n"}, {}, "", "com.microsoft"),
                 node("MatMulNBits", {"n", "w", "e"}, {"y"},
                      {attribute("K", std::int64_t{4}), attribute("N", std::int64_t{1}),
                       attribute("bits", std::int64_t{4}), attribute("block_size", std::int64_t{16})},
                      "", "com.microsoft")},
                {1, 2, 4},
                {floats("b", {12}, some(12)), floats("s", {4}, some(4)), floats("e", {1}, {2}),
                 tensor<std::int32_t>("m", kInt32, {1}, {1}),
                 tensor<std::uint8_t>("w", kUint8, {1, 1, 8}, {1, 2, 3, 4, 5, 6, 7, 8})})});
  seeds.back().model.opset = 17;
  return seeds;
}

// Extents and a course that depend on data.
std::vector<Seed> computed() {
  std::vector<Seed> seeds;
  const std::vector<Message> picked{node("Greater", {"x", "nought"}, {"m"}),
                                    node("NonZero", {"m"}, {"places"}),
                                    node("Squeeze", {"places", "zero"}, {"at"}),
                                    node("Gather", {"x", "at"}, {"p"}), node("Shape", {"p"}, {"n"})};
  const auto with_picked = [&](const std::vector<Message>& more, std::vector<Message> initialisers = {}) {
    std::vector<Message> nodes = picked;
    nodes.insert(nodes.end(), more.begin(), more.end());
    initialisers.push_back(floats("nought", {}, {0}));
    initialisers.push_back(integers("zero", {0}));
    ModelBytes model = model_of(std::move(nodes), {6}, std::move(initialisers));
    model.opset = 13;
    return model;
  };
  seeds.push_back({"extents_top_k",
                   with_picked({node("Concat", {"n", "two"}, {"both"}, {attribute("axis", std::int64_t{0})}),
                                node("ReduceMin", {"both"}, {"k"}), node("TopK", {"p", "k"}, {"y", "i"})},
                               {integers("two", {2})})});
  seeds.push_back({"extents_shapes",
                   with_picked({node("Concat", {"two", "n"}, {"s"}, {attribute("axis", std::int64_t{0})}),
                                node("Expand", {"p", "s"}, {"e"}), node("Reshape", {"e", "t"}, {"r"}),
                                node("Slice", {"r", "zero", "n", "zero"}, {"c"}),
                                node("ConstantOfShape", {"n"}, {"f"}), node("Unsqueeze", {"f", "one"}, {"u"}),
                                node("Add", {"c", "u"}, {"a"}), node("Tile", {"a", "two_one"}, {"y"})},
                               {integers("two", {2}), integers("one", {1}), integers("t", {-1, 2}),
                                integers("two_one", {2, 1})})});
  seeds.push_back({"extents_suppression",
                   model_of({node("NonMaxSuppression", {"x", "scores", "most", "overlap"}, {"rows"}),
                             node("Gather", {"rows", "two"}, {"boxes"}, {attribute("axis", std::int64_t{1})}),
                             node("Reshape", {"boxes", "flat"}, {"at"}),
                             node("Gather", {"x", "at"}, {"y"}, {attribute("axis", std::int64_t{1})})},
                            {1, 3, 4},
                            {floats("scores", {1, 1, 3}, {0.1f, 0.9f, 0.5f}), integers("most", {2}),
                             floats("overlap", {1}, {0.5f}), integers("two", {2}), integers("flat", {-1})})});
  const Message shorter = graph({node("Neg", {"p"}, {"a"})}, {}, {"a"});
  const Message longer =
      graph({node("Concat", {"p", "x"}, {"b"}, {attribute("axis", std::int64_t{0})})}, {}, {"b"});
  seeds.push_back(
      {"computed_if",
       with_picked({node("Size", {"p"}, {"size"}), node("Greater", {"size", "few"}, {"go"}),
                    node("If", {"go"}, {"y"}, {body("then_branch", shorter), body("else_branch", longer)})},
                   {tensor<std::int64_t>("few", kInt64, {}, {3})})});
  const Message turn = graph(
      {node("Less", {"i", "stop"}, {"on"}), node("Add", {"v", "v"}, {"w"}), node("Neg", {"w"}, {"piece"})},
      {value_info("i", {}, kInt64), value_info("go", {}, kBool), value_info("v", {6})}, {"on", "w", "piece"},
      {tensor<std::int64_t>("stop", kInt64, {}, {2})});
  seeds.push_back({"computed_loop",
                   with_picked({node("Size", {"p"}, {"trips"}),
                                node("Loop", {"trips", "", "x"}, {"last", "y"}, {body("body", turn)})})});
  return seeds;
}

// What once went wrong: docs/fuzzing.md has the list.
std::vector<Seed> found() {
  std::vector<Seed> seeds;
  seeds.push_back({"found_second_output", model_of({node("Sigmoid", {"x"}, {"z", "y"})}, {2, 3})});
  seeds.push_back({"found_normalised_slice",
                   model_of({node("Slice", {"x"}, {"y"},
                                  {attribute("starts", Dims{100000}), attribute("ends", Dims{100003}),
                                   attribute("axes", Dims{0}), attribute("normalised", std::int64_t{1})})},
                            {4})});
  seeds.back().model.opset = 9;
  seeds.push_back(
      {"found_arg_of_nothing", model_of({node("ArgMax", {"k"}, {"a"}, {attribute("axis", std::int64_t{1})}),
                                         node("Cast", {"a"}, {"f"}, {attribute("to", std::int64_t{1})}),
                                         node("Add", {"x", "f"}, {"y"})},
                                        {2, 1}, {floats("k", {2, 0}, {})})});
  const auto scalar = [](std::string_view name, std::int64_t value) {
    return tensor<std::int64_t>(name, kInt64, {}, {value});
  };
  seeds.push_back(
      {"found_range_overflow",
       model_of(
           {node("Range", {"from", "to", "by"}, {"r"}),
            node("Cast", {"r"}, {"f"}, {attribute("to", std::int64_t{1})}), node("Add", {"x", "f"}, {"y"})},
           {16}, {scalar("from", INT64_MIN), scalar("to", INT64_MAX), scalar("by", std::int64_t{1} << 60)})});
  seeds.push_back({"found_split_gap", model_of(
                                          {
                                              node("Split", {"x", "sizes"}, {"y", "", "z"},
                                                   {attribute("axis", std::int64_t{0})}),
                                          },
                                          {6}, {integers("sizes", {1, 2, 3})})});
  seeds.back().model.outputs = {"y", "z"};
  return seeds;
}

}  // namespace

std::vector<Seed> seed_models() {
  std::vector<Seed> seeds;
  for (const auto& family :
       {windows(), products(), shapes(), indexing(), signals(), legal(), recent(), computed(), found()})
    seeds.insert(seeds.end(), family.begin(), family.end());
  return seeds;
}

}  // namespace fettle::fuzz
