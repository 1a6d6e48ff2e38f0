// SPDX-License-Identifier: Apache-2.0
//
// Layers whose operands have as many images, rows or regions as the data ask for: each run gives what the
// same network of one size gives of those that are there.
#include "tests/runtime/data_extents.h"

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace fettle::test::extents {
namespace {

constexpr std::size_t kAll = 6;  // elements of the input, of which each chooses an image, a row or a region

Floats ramp(std::size_t count, float scale) {
  Floats values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(static_cast<float>((i * 7) % 13) * scale - 2);
  return values;
}

// The nodes behind `chosen`: of all that there are, or of those that the input chooses. `all` has as many in
// front as the input has elements.
ModelBytes behind(const Message& all, const std::vector<Message>& nodes, const std::vector<Message>& weights,
                  bool choosing) {
  ModelBytes model = picking();
  model.opset = 16;
  model.initialisers.push_back(all);
  model.initialisers.insert(model.initialisers.end(), weights.begin(), weights.end());
  if (choosing)
    model.nodes.push_back(node("Gather", {"all", "at"}, {"chosen"}, {}, "choose"));
  else
    model.nodes.push_back(node("Identity", {"all"}, {"chosen"}, {}, "choose"));
  model.nodes.insert(model.nodes.end(), nodes.begin(), nodes.end());
  model.outputs = {"y"};
  return model;
}

// Whether each run gives the parts of the whole that it chooses, and nothing where it chooses none.
void check_parts(const Message& all, const std::vector<Message>& nodes, const std::vector<Message>& weights) {
  Runtime whole = runtime_of(behind(all, nodes, weights, false));
  const Floats everything = run(whole, kInputs[0]);
  const std::size_t part = everything.size() / kAll;
  REQUIRE(part * kAll == everything.size());
  Runtime runtime = runtime_of(behind(all, nodes, weights, true));
  REQUIRE(runtime.program().outputs()[0].bounded);
  CHECK(runtime.program().outputs()[0].shape == whole.output(0).shape());
  for (const Floats& x : kInputs) {
    Floats expected;
    for (std::size_t i = 0; i < kAll; ++i) {
      if (x[i] > 0)
        expected.insert(expected.end(), everything.begin() + static_cast<std::ptrdiff_t>(i * part),
                        everything.begin() + static_cast<std::ptrdiff_t>((i + 1) * part));
    }
    const Floats got = run(runtime, x);
    CHECK(relative_error(got, expected) < 1e-6);
    CHECK(runtime.output(0).shape()[0] == static_cast<std::int64_t>(positive(x).size()));
  }
}

Message ints(std::string_view name, const Dims& values) { return attribute(name, values); }

}  // namespace

TEST_CASE("convolutions and pools have as many images as the data ask for", "[runtime][extents]") {
  const Message images = floats("all", {6, 2, 5, 4}, ramp(6 * 2 * 5 * 4, 0.25f));
  const std::vector<Message> weights{
      floats("w", {3, 2, 3, 3}, ramp(3 * 2 * 9, 0.125f)), floats("deep", {2, 1, 3, 3}, ramp(18, 0.5f)),
      floats("b", {3}, {1, -1, 2}), floats("up", {2, 2, 2, 2}, ramp(16, 0.5f))};
  check_parts(images, {node("Conv", {"chosen", "w", "b"}, {"y"}, {ints("pads", {1, 1, 1, 1})}, "conv")},
              weights);
  check_parts(images,
              {node("Conv", {"chosen", "deep"}, {"c"}, {attribute("group", std::int64_t{2})}, "depthwise"),
               node("Relu", {"c"}, {"y"}, {}, "relu")},
              weights);
  check_parts(images,
              {node("ConvTranspose", {"chosen", "up"}, {"y"}, {ints("strides", {2, 2})}, "transposed")},
              weights);
  check_parts(images, {node("MaxPool", {"chosen"}, {"y"}, {ints("kernel_shape", {2, 2})}, "largest")}, {});
  check_parts(images, {node("AveragePool", {"chosen"}, {"y"}, {ints("kernel_shape", {2, 2})}, "mean")}, {});
  check_parts(images, {node("GlobalAveragePool", {"chosen"}, {"y"}, {}, "mean")}, {});
  check_parts(images, {node("GlobalMaxPool", {"chosen"}, {"y"}, {}, "largest")}, {});
}

TEST_CASE("Gemm has as many rows as the data ask for, whichever way its operand lies", "[runtime][extents]") {
  const Message rows = floats("all", {6, 4}, ramp(24, 0.25f));
  const std::vector<Message> weights{floats("w", {4, 3}, ramp(12, 0.5f)), floats("t", {3, 4}, ramp(12, 0.5f)),
                                     floats("b", {3}, {1, -1, 2}), floats("one", {1, 3}, {3, 2, 1})};
  check_parts(rows, {node("Gemm", {"chosen", "w", "b"}, {"y"}, {}, "gemm")}, weights);
  const Message other = attribute("transB", std::int64_t{1});
  check_parts(rows, {node("Gemm", {"chosen", "t", "one"}, {"y"}, {other}, "gemm")}, weights);
  check_parts(rows,
              {node("Transpose", {"chosen"}, {"columns"}, {}, "turn"),
               node("Gemm", {"columns", "w"}, {"y"}, {attribute("transA", std::int64_t{1})}, "gemm")},
              weights);
  // What is added has a row for each.
  check_parts(rows,
              {node("Slice", {"chosen", "axis0", "three", "axis1"}, {"c"}, {}, "slice"),
               node("Gemm", {"chosen", "w", "c"}, {"y"}, {attribute("beta", 2.0f)}, "gemm")},
              {weights[0], integers("three", {3})});
}

TEST_CASE("a Gemm of sums over what the data choose", "[runtime][extents]") {
  // Columns times rows: of none, the sum is what is added.
  ModelBytes model = picking();
  model.initialisers.push_back(floats("c", {1, 1}, {0.5f}));
  model.nodes.push_back(node("Unsqueeze", {"picked", "axis0"}, {"row"}, {}, "row"));
  model.nodes.push_back(node("Unsqueeze", {"picked", "axis1"}, {"column"}, {}, "column"));
  model.nodes.push_back(node("Gemm", {"row", "column", "c"}, {"y"}, {}, "squares"));
  model.outputs = {"y"};
  Runtime runtime = runtime_of(model);
  CHECK_FALSE(runtime.program().outputs()[0].bounded);
  for (const Floats& x : kInputs) {
    float sum = 0.5f;
    for (const float value : positive(x)) sum += value * value;
    CHECK(run(runtime, x) == Floats{sum});
  }
}

TEST_CASE("a profile says what is a bound, and no rate of what the data decide", "[runtime][extents]") {
  ModelBytes model = behind(
      floats("all", {6, 4}, ramp(24, 0.25f)),
      {node("Gemm", {"chosen", "w"}, {"y"}, {}, "some"), node("Gemm", {"all", "w"}, {"z"}, {}, "all_six")},
      {floats("w", {4, 3}, ramp(12, 0.5f)), floats("one", {1}, {1})}, true);
  // Not folded: what is multiplied is an input.
  model.inputs.push_back(value_info("p", {6, 4}));
  model.nodes.back() = node("Gemm", {"p", "w"}, {"z"}, {}, "all_six");
  model.outputs = {"y", "z"};
  RuntimeOptions options;
  options.profile = true;
  Runtime runtime = value_of(Runtime::create(value_of(Program::compile(parse(model))), options));
  run(runtime, {1, 1, 0, 0, 0, 0});
  const std::string table = runtime.profile_table();
  const auto line = [&](std::string_view layer) {
    const std::size_t begin = table.find("\n" + std::string(layer) + " ") + 1;
    REQUIRE(begin > 0);
    return table.substr(begin, table.find('\n', begin) - begin);
  };
  CHECK(line("some").find(" <=6x3 ") != std::string::npos);
  CHECK(line("some").ends_with(' '));
  CHECK(line("all_six").find(" 6x3 ") != std::string::npos);
  CHECK_FALSE(line("all_six").ends_with(' '));
}

TEST_CASE("sums over labels follow each of them", "[runtime][extents]") {
  const Message rows = floats("all", {6, 4}, ramp(24, 0.25f));
  const std::vector<Message> weights{floats("w", {4, 3}, ramp(12, 0.5f)),
                                     floats("v", {3, 5}, ramp(15, 0.5f))};
  const auto sum = [](const char* equation, const std::vector<std::string>& operands) {
    return node("Einsum", operands, {"y"}, {attribute("equation", equation)}, "einsum");
  };
  check_parts(rows, {sum("ij,jk->ik", {"chosen", "w"})}, weights);
  check_parts(rows, {sum("ij,jk,kl->il", {"chosen", "w", "v"})}, weights);
  check_parts(rows, {sum("ij,ij->i", {"chosen", "chosen"})}, weights);
  check_parts(rows, {sum("i...->i...", {"chosen"})}, weights);
  // Of what is summed over there may be nothing.
  ModelBytes model = picking();
  model.nodes.push_back(sum("i,i->", {"picked", "picked"}));
  model.outputs = {"y"};
  Runtime runtime = runtime_of(model);
  for (const Floats& x : kInputs) {
    float squares = 0;
    for (const float value : positive(x)) squares += value * value;
    CHECK(run(runtime, x) == Floats{squares});
  }
}

TEST_CASE("recurrent layers have as many steps and sequences as the data ask for", "[runtime][extents]") {
  for (const char* op : {"LSTM", "GRU", "RNN"}) {
    const std::int64_t gates = op[0] == 'L' ? 4 : op[0] == 'G' ? 3 : 1;
    INFO(op);
    const std::vector<Message> weights{
        floats("w", {1, gates * 2, 3}, ramp(static_cast<std::size_t>(gates * 6), 0.1f)),
        floats("r", {1, gates * 2, 2}, ramp(static_cast<std::size_t>(gates * 4), 0.1f))};
    const std::vector<Message> size{attribute("hidden_size", std::int64_t{2})};
    // A sequence each, in either layout; the last state.
    const Message turn = node("Transpose", {"chosen"}, {"t"}, {ints("perm", {1, 0, 2})}, "turn");
    check_parts(floats("all", {6, 2, 3}, ramp(36, 0.25f)),
                {turn, node(op, {"t", "w", "r"}, {"", "h"}, size, "layer"),
                 node("Transpose", {"h"}, {"y"}, {ints("perm", {1, 0, 2})}, "back")},
                weights);
    // Steps: those before do not ask what comes later, so that all results begin alike.
    const Message steps = floats("all", {6, 1, 3}, ramp(18, 0.25f));
    Runtime whole =
        runtime_of(behind(steps, {node(op, {"chosen", "w", "r"}, {"y"}, size, "layer")}, weights, false));
    const Floats all = run(whole, kInputs[0]);
    Runtime runtime =
        runtime_of(behind(steps, {node(op, {"chosen", "w", "r"}, {"y"}, size, "layer")}, weights, true));
    for (std::size_t count = 0; count <= kAll; ++count) {
      Floats x(kAll, -1);
      std::fill_n(x.begin(), count, 1.0f);
      CHECK(relative_error(run(runtime, x), std::span(all).first(2 * count)) < 1e-6);
    }
  }
}

TEST_CASE("Attention has as many queries and keys as the data ask for", "[runtime][extents]") {
  const auto at_opset = [](ModelBytes model) {
    model.opset = 23;
    return model;
  };
  const Message rows = floats("all", {6, 4}, ramp(24, 0.25f));
  const std::vector<Message> operands{integers("heads", {1, 1, -1, 4}), integers("row", {-1, 4}),
                                      floats("k", {1, 1, 3, 4}, ramp(12, 0.5f)),
                                      floats("v", {1, 1, 3, 4}, ramp(12, 0.3f))};
  const std::vector<Message> queries{node("Reshape", {"chosen", "heads"}, {"q"}, {}, "q"),
                                     node("Attention", {"q", "k", "v"}, {"a"}, {}, "attend"),
                                     node("Reshape", {"a", "row"}, {"y"}, {}, "rows")};
  Runtime whole = runtime_of(at_opset(behind(rows, queries, operands, false)));
  const Floats all = run(whole, kInputs[0]);
  Runtime runtime = runtime_of(at_opset(behind(rows, queries, operands, true)));
  // Keys: each that is not chosen might as well be masked.
  const std::vector<Message> keys{node("Reshape", {"chosen", "heads"}, {"k6"}, {}, "k6"),
                                  node("Attention", {"k", "k6", "k6"}, {"y"}, {}, "attend")};
  Runtime some = runtime_of(at_opset(behind(rows, keys, operands, true)));
  for (const Floats& x : kInputs) {
    Floats expected;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (x[i / 4] > 0) expected.push_back(all[i]);
    }
    CHECK(relative_error(run(runtime, x), expected) < 1e-6);
    std::vector<std::uint8_t> taken;
    for (const float value : x) taken.push_back(value > 0 ? 1 : 0);
    std::vector<Message> masked{operands};
    masked.push_back(tensor<std::uint8_t>("taken", kBool, {1, 6}, taken));
    const std::vector<Message> with_mask{keys[0],
                                         node("Attention", {"k", "k6", "k6", "taken"}, {"y"}, {}, "attend")};
    Runtime other = runtime_of(at_opset(behind(rows, with_mask, masked, false)));
    CHECK(relative_error(run(some, x), run(other, x)) < 1e-6);
  }
}

TEST_CASE("RoiAlign has as many regions as the data ask for", "[runtime][extents]") {
  const Message regions = floats(
      "all", {6, 4}, {0, 0, 3, 3, 1, 1, 4, 3, 0, 0, 1, 1, 2, 0, 4, 4, 0, 2, 3, 4, 1.5f, 0.5f, 3, 2.5f});
  const std::vector<Message> operands{floats("image", {2, 2, 5, 5}, ramp(100, 0.5f)),
                                      integers("numbers", {0, 1, 1, 0, 1, 0})};
  for (const char* mode : {"avg", "max"}) {
    const std::vector<Message> size{attribute("output_height", std::int64_t{2}),
                                    attribute("output_width", std::int64_t{3}),
                                    attribute("sampling_ratio", std::int64_t{2}), attribute("mode", mode)};
    // Which image each is of is chosen with it.
    Runtime whole = runtime_of(behind(
        regions, {node("RoiAlign", {"image", "chosen", "numbers"}, {"y"}, size, "align")}, operands, false));
    const Floats everything = run(whole, kInputs[0]);
    Runtime runtime = runtime_of(behind(regions,
                                        {node("Gather", {"numbers", "at"}, {"of"}, {}, "which"),
                                         node("RoiAlign", {"image", "chosen", "of"}, {"y"}, size, "align")},
                                        operands, true));
    CHECK(runtime.program().outputs()[0].shape == Shape{6, 2, 2, 3});
    constexpr std::size_t kPart = 12;
    for (const Floats& x : kInputs) {
      Floats expected;
      for (std::size_t i = 0; i < kAll; ++i) {
        for (std::size_t k = 0; x[i] > 0 && k < kPart; ++k) expected.push_back(everything[i * kPart + k]);
      }
      CHECK(run(runtime, x) == expected);
      CHECK(runtime.output(0).shape() == Shape{static_cast<std::int64_t>(positive(x).size()), 2, 2, 3});
    }
  }
}

TEST_CASE("regions and the numbers of their images must be as many", "[runtime][extents][bad]") {
  const Message regions = floats("all", {6, 4}, ramp(24, 0.25f));
  ModelBytes model =
      behind(regions,
             {node("LessOrEqual", {"x", "zero"}, {"others"}, {}, "others"),
              node("Compress", {"numbers", "others"}, {"of"}, {}, "which"),
              node("RoiAlign", {"image", "chosen", "of"}, {"y"}, {}, "align")},
             {floats("image", {1, 1, 3, 3}, ramp(9, 1)), integers("numbers", Dims(6, 0))}, true);
  Runtime runtime = runtime_of(model);
  CHECK(run(runtime, {1, 1, 1, 0, 0, 0}).size() == 3);
  succeeds(runtime.input(0).copy_from(Floats{1, 1, 1, 1, 0, 0}));
  error_of(runtime.run(), ErrorCode::kWrongShape, "align");
  CHECK(run(runtime, {0, 0, 0, 1, 2, 3}).size() == 3);
}

TEST_CASE("extents other than those that a layer follows are refused with what they are",
          "[runtime][extents][bad]") {
  // A row of picked elements: an extent of the picture, of weights, of images for regions.
  const auto with_row = [](const Dims& shape, const std::vector<Message>& nodes,
                           const std::vector<Message>& operands) {
    ModelBytes model = picking();
    model.opset = 16;
    model.initialisers.push_back(integers("shape", shape));
    model.initialisers.insert(model.initialisers.end(), operands.begin(), operands.end());
    model.nodes.push_back(node("Reshape", {"picked", "shape"}, {"row"}, {}, "row"));
    model.nodes.insert(model.nodes.end(), nodes.begin(), nodes.end());
    model.outputs = {"y"};
    return model;
  };
  const char* images = "follows a number of images that depends on the data, but no other extent";
  refused(with_row({1, 1, 1, -1}, {node("Conv", {"row", "w"}, {"y"}, {}, "conv")},
                   {floats("w", {1, 1, 1, 1}, {1})}),
          images);
  refused(with_row({-1, 1, 1, 1}, {node("Conv", {"p", "row"}, {"y"}, {}, "conv")},
                   {floats("p", {1, 1, 2, 2}, {1, 2, 3, 4})}),
          images);
  refused(with_row({1, 1, 1, -1}, {node("GlobalMaxPool", {"row"}, {"y"}, {}, "pool")}, {}), images);
  refused(
      with_row({1, 1, 1, -1}, {node("RoiAlign", {"row", "regions", "numbers"}, {"y"}, {}, "align")},
               {floats("regions", {1, 4}, {0, 0, 1, 1}), integers("numbers", {0})}),
      "align (RoiAlign): the size of an operand depends on the data: the images have extents that depend on "
      "the data");
  refused(
      with_row({1, -1}, {node("Gemm", {"row", "w"}, {"y"}, {}, "gemm")}, {floats("w", {7, 1}, ramp(7, 1))}),
      "gemm (Gemm)");
}

}  // namespace fettle::test::extents
