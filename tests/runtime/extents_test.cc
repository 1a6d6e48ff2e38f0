// SPDX-License-Identifier: Apache-2.0
//
// Extents that depend on data: what follows values whose size only running tells, and shapes that networks
// compute.
#include "tests/runtime/data_extents.h"

#include <fettle/plan.h>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

namespace fettle::test::extents {

TEST_CASE("what follows a result of NonZero has as many elements as that in each run", "[runtime][extents]") {
  ModelBytes model = picking();
  model.nodes.push_back(node("Mul", {"picked", "picked"}, {"square"}, {}, "square"));
  model.nodes.push_back(node("Unsqueeze", {"square", "axis1"}, {"column"}, {}, "column"));
  model.nodes.push_back(
      node("Concat", {"column", "column"}, {"pair"}, {attribute("axis", std::int64_t{1})}, "pair"));
  model.nodes.push_back(node("Transpose", {"pair"}, {"rows"}, {}, "rows"));
  model.nodes.push_back(node("ReduceSum", {"picked", "axis0"}, {"sum"}, {}, "sum"));
  model.outputs = {"picked", "pair", "rows", "sum", "count"};
  Runtime runtime = runtime_of(model);
  CHECK(runtime.program().outputs()[0].bounded);
  CHECK(runtime.program().outputs()[0].shape == Shape{6});
  CHECK_FALSE(runtime.program().outputs()[3].bounded);
  for (const Floats& x : kInputs) {
    const Floats expected = positive(x);
    const auto count = static_cast<std::int64_t>(expected.size());
    CHECK(run(runtime, x) == expected);
    CHECK(runtime.output(1).shape() == Shape{count, 2});
    CHECK(runtime.output(2).shape() == Shape{2, count});
    Floats pairs;
    Floats rows;
    float sum = 0;
    for (const float value : expected) {
      pairs.insert(pairs.end(), {value * value, value * value});
      rows.push_back(value * value);
      sum += value;
    }
    rows.insert(rows.end(), rows.begin(), rows.end());
    CHECK(run(runtime, x, 1) == pairs);
    CHECK(run(runtime, x, 2) == rows);
    CHECK(run(runtime, x, 3) == Floats{sum});
    CHECK(run<std::int64_t>(runtime, x, 4) == Integers{count});
  }
}

TEST_CASE("NonMaxSuppression keeps a computed number of boxes, and of equal scores the first",
          "[runtime][extents]") {
  // Boxes 0 and 3 are one; of each class half of all boxes may stay, and all of x decides how many these are.
  ModelBytes model = picking();
  model.inputs.push_back(value_info("scores", {1, 2, 4}));
  model.initialisers.push_back(floats("boxes", {1, 4, 4}, {0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 0, 0, 1, 1}));
  model.initialisers.push_back(floats("overlap", {1}, {0.5f}));
  model.initialisers.push_back(integers("three", {3}));
  model.nodes.push_back(node("Min", {"count", "three"}, {"most"}, {}, "most"));
  model.nodes.push_back(
      node("NonMaxSuppression", {"boxes", "scores", "most", "overlap"}, {"kept"}, {}, "suppress"));
  model.outputs = {"kept"};
  Runtime runtime = runtime_of(model);
  CHECK(runtime.program().outputs()[0].shape == Shape{6, 3});
  succeeds(runtime.input(1).copy_from(Floats{0.5f, 0.5f, 0.5f, 0.5f, 0.1f, 0.7f, 0.2f, 0.2f}));
  CHECK(run<std::int64_t>(runtime, {1, -1, -1, -1, -1, -1}) == Integers{0, 0, 0, 0, 1, 1});
  CHECK(run<std::int64_t>(runtime, {1, 1, -1, -1, -1, -1}) == Integers{0, 0, 0, 0, 0, 1, 0, 1, 1, 0, 1, 2});
  // No more than three, though there are six: of the second class box 3 hides what is left, box 0.
  CHECK(run<std::int64_t>(runtime, Floats(6, 1)) ==
        Integers{0, 0, 0, 0, 0, 1, 0, 0, 2, 0, 1, 1, 0, 1, 2, 0, 1, 3});
  CHECK(run<std::int64_t>(runtime, Floats(6, -1)).empty());
}

namespace {

// A picture of 2 rows and 3 columns, resized by scales that an initialiser gives.
Floats resized(const std::vector<Message>& attributes, const Floats& scales) {
  ModelBytes model;
  model.opset = 19;
  model.inputs = {value_info("p", {1, 1, 2, 3})};
  model.initialisers = {floats("scales", {4}, scales)};
  model.nodes = {node("Resize", {"p", "", "scales"}, {"y"}, attributes, "resize")};
  model.outputs = {"y"};
  Runtime runtime = runtime_of(model);
  return run(runtime, {1, 2, 4, 8, 16, 32});
}

}  // namespace

TEST_CASE("computed scales of Resize mean what constant ones do", "[runtime][extents]") {
  for (const char* mode : {"nearest", "linear", "cubic"}) {
    for (const char* places :
         {"half_pixel", "half_pixel_symmetric", "asymmetric", "align_corners", "pytorch_half_pixel"}) {
      INFO(mode << " " << places);
      const std::vector<Message> attributes{attribute("mode", mode),
                                            attribute("coordinate_transformation_mode", places)};
      // Rows by half the number of positive elements, columns by 0.8 times it.
      ModelBytes model = picking();
      model.opset = 19;
      model.inputs.push_back(value_info("p", {1, 1, 2, 3}));
      model.initialisers.push_back(floats("ones", {2}, {1, 1}));
      model.initialisers.push_back(floats("shares", {2}, {0.5f, 0.8f}));
      model.nodes.push_back(node("Cast", {"count"}, {"real"}, {attribute("to", std::int64_t{kFloat})}));
      model.nodes.push_back(node("Mul", {"real", "shares"}, {"factors"}));
      model.nodes.push_back(
          node("Concat", {"ones", "factors"}, {"scales"}, {attribute("axis", std::int64_t{0})}));
      model.nodes.push_back(node("Resize", {"p", "", "scales"}, {"y"}, attributes, "resize"));
      model.outputs = {"y"};
      Runtime runtime = runtime_of(model);
      CHECK(runtime.program().outputs()[0].bounded);
      CHECK(runtime.program().outputs()[0].shape == Shape{1, 1, 6, 14});
      succeeds(runtime.input(1).copy_from(Floats{1, 2, 4, 8, 16, 32}));
      for (const Floats& x : kInputs) {
        const auto count = static_cast<float>(positive(x).size());
        const Floats got = run(runtime, x);
        if (count > 0)
          CHECK(relative_error(got, resized(attributes, {1, 1, count * 0.5f, count * 0.8f})) < 1e-6);
        else
          CHECK(got.empty());
      }
    }
  }
}

TEST_CASE("Resize by constant scales, and to constant sizes, follows its operand", "[runtime][extents]") {
  ModelBytes model = picking();
  model.initialisers.push_back(integers("row", {1, 1, -1}));
  model.initialisers.push_back(floats("scales", {3}, {1, 1, 1.5f}));
  model.initialisers.push_back(integers("sizes", {1, 1, 2}));
  model.nodes.push_back(node("Reshape", {"picked", "row"}, {"r"}, {}, "row"));
  const std::vector<Message> left{attribute("mode", "nearest"),
                                  attribute("coordinate_transformation_mode", "asymmetric"),
                                  attribute("nearest_mode", "floor")};
  model.nodes.push_back(node("Resize", {"r", "", "scales"}, {"wide"}, left, "wide"));
  model.nodes.push_back(node("Resize", {"r", "", "", "sizes"}, {"pair"}, left, "pair"));
  model.outputs = {"wide", "pair"};
  Runtime runtime = runtime_of(model);
  CHECK(runtime.program().outputs()[0].shape == Shape{1, 1, 9});
  CHECK_FALSE(runtime.program().outputs()[1].bounded);
  for (const Floats& x : kInputs) {
    const Floats all = positive(x);
    if (all.empty()) continue;
    Floats wide;
    for (std::size_t i = 0; i < all.size() * 3 / 2; ++i) wide.push_back(all[i * 2 / 3]);
    CHECK(run(runtime, x) == wide);
    CHECK(run(runtime, x, 1) == Floats{all[0], all[all.size() / 2]});
  }
  // Of nothing there are no two elements.
  succeeds(runtime.input(0).copy_from(Floats(6, -1)));
  CHECK(error_of(runtime.run(), ErrorCode::kWrongShape, "pair").code() == ErrorCode::kWrongShape);
}

TEST_CASE("computed scales without a bound are refused by name", "[runtime][extents][bad]") {
  ModelBytes model;
  model.opset = 13;
  model.inputs = {value_info("x", {1, 1, 2, 2}), value_info("scales", {4})};
  model.nodes = {node("Resize", {"x", "", "scales"}, {"y"}, {}, "resize")};
  model.outputs = {"y"};
  refused(model, "resize (Resize): extent 0 of the result has no bound (scales says it)");
}

TEST_CASE("a computed k of TopK is at most the extent and what bounds it", "[runtime][extents]") {
  // The 2 largest of the positive numbers, as detectors choose their candidates.
  ModelBytes model = picking();
  model.initialisers.push_back(integers("two", {2}));
  model.nodes.push_back(
      node("Concat", {"count", "two"}, {"both"}, {attribute("axis", std::int64_t{0})}, "both"));
  model.nodes.push_back(node("ReduceMin", {"both"}, {"k"},
                             {attribute("axes", Dims{0}), attribute("keepdims", std::int64_t{1})}, "least"));
  model.nodes.push_back(node("TopK", {"picked", "k"}, {"best", "where"}, {}, "best"));
  model.outputs = {"best", "where"};
  Runtime runtime = runtime_of(model);
  CHECK(runtime.program().outputs()[0].shape == Shape{2});
  CHECK(run(runtime, {1, 2, 3, 4, 5, 6}) == Floats{6, 5});
  CHECK(run<std::int64_t>(runtime, {1, -2, 5, -4, 3, 0}, 1) == Integers{1, 2});
  CHECK(run(runtime, {-1, -2, -3, 4, -5, -6}) == Floats{4});
  CHECK(run(runtime, Floats(6, -1)).empty());
  CHECK(run(runtime, {6, 5, 4, 3, 2, 1}) == Floats{6, 5});
}

TEST_CASE(
    "shapes that a network computes say the extents of Range, Expand, Tile, Reshape and ConstantOfShape",
    "[runtime][extents]") {
  ModelBytes model = picking();
  model.initialisers.push_back(integer("start", 0));
  model.initialisers.push_back(integer("step", 1));
  model.initialisers.push_back(integers("one", {1}));
  model.initialisers.push_back(integers("twice", {2}));
  model.nodes.push_back(node("Squeeze", {"count", "axis0"}, {"n"}, {}, "n"));
  model.nodes.push_back(node("Range", {"start", "n", "step"}, {"range"}, {}, "range"));
  model.nodes.push_back(node("ConstantOfShape", {"count"}, {"zeros"}, {}, "zeros"));
  model.nodes.push_back(
      node("Concat", {"twice", "count"}, {"wide"}, {attribute("axis", std::int64_t{0})}, "wide"));
  model.nodes.push_back(node("Expand", {"picked", "wide"}, {"expanded"}, {}, "expand"));
  model.nodes.push_back(node("Tile", {"picked", "twice"}, {"tiled"}, {}, "tile"));
  model.nodes.push_back(
      node("Concat", {"count", "minus"}, {"tall"}, {attribute("axis", std::int64_t{0})}, "tall"));
  model.nodes.push_back(node("Add", {"picked", "zeros"}, {"same"}, {}, "same"));
  model.nodes.push_back(node("Unsqueeze", {"expanded", "axis0"}, {"deep"}, {}, "deep"));
  model.nodes.push_back(node("Slice", {"range", "axis0", "count", "axis0"}, {"sliced"}, {}, "slice"));
  model.outputs = {"range", "expanded", "tiled", "same", "deep", "sliced"};
  Runtime runtime = runtime_of(model);
  CHECK(runtime.program().outputs()[2].shape == Shape{12});
  for (const Floats& x : kInputs) {
    const Floats expected = positive(x);
    const auto count = static_cast<std::int64_t>(expected.size());
    Floats doubled = expected;
    doubled.insert(doubled.end(), expected.begin(), expected.end());
    Integers range;
    for (std::int64_t i = 0; i < count; ++i) range.push_back(i);
    CHECK(run<std::int64_t>(runtime, x, 0) == range);
    CHECK(run(runtime, x, 1) == doubled);
    CHECK(runtime.output(1).shape() == Shape{2, count});
    CHECK(run(runtime, x, 2) == doubled);
    CHECK(run(runtime, x, 3) == expected);
    CHECK(runtime.output(4).shape() == Shape{1, 2, count});
    CHECK(run<std::int64_t>(runtime, x, 5) == range);
  }
}

TEST_CASE("a reshape follows the axes that it copies and what is left", "[runtime][extents]") {
  ModelBytes model = picking();
  model.initialisers.push_back(integers("grid", {1, -1, 1}));
  model.initialisers.push_back(integers("row", {1, 0}));
  model.nodes.push_back(node("Reshape", {"picked", "grid"}, {"y"}, {}, "grid"));
  model.nodes.push_back(node("Flatten", {"y"}, {"flat"}, {attribute("axis", std::int64_t{1})}, "flat"));
  model.nodes.push_back(
      node("Concat", {"count", "axis1"}, {"shape"}, {attribute("axis", std::int64_t{0})}, "shape"));
  model.nodes.push_back(node("Reshape", {"picked", "shape"}, {"column"}, {}, "column"));
  model.outputs = {"y", "flat", "column"};
  Runtime runtime = runtime_of(model);
  for (const Floats& x : kInputs) {
    const Floats expected = positive(x);
    const auto count = static_cast<std::int64_t>(expected.size());
    CHECK(run(runtime, x) == expected);
    CHECK(runtime.output(0).shape() == Shape{1, count, 1});
    CHECK(runtime.output(1).shape() == Shape{1, count});
    CHECK(runtime.output(2).shape() == Shape{count, 1});
    CHECK(run(runtime, x, 2) == expected);
  }
}

TEST_CASE("slices from either end follow the extent", "[runtime][extents]") {
  struct Case {
    std::int64_t start, end, step;
    std::int64_t bound;
  };
  for (const Case& c : {Case{0, 3, 1, 3}, Case{1, 100, 1, 5}, Case{-2, 100, 1, 2}, Case{0, -1, 1, 5},
                        Case{-3, -1, 1, 2}, Case{-4, 2, 1, 2}, Case{-1, -100, -1, 6}, Case{0, 6, 2, 3}}) {
    ModelBytes model = picking();
    model.initialisers.push_back(integers("starts", {c.start}));
    model.initialisers.push_back(integers("ends", {c.end}));
    model.initialisers.push_back(integers("steps", {c.step}));
    model.nodes.push_back(node("Slice", {"picked", "starts", "ends", "axis0", "steps"}, {"y"}, {}, "slice"));
    model.outputs = {"y"};
    Runtime runtime = runtime_of(model);
    INFO(c.start << ":" << c.end << ":" << c.step);
    CHECK(runtime.program().outputs()[0].shape == Shape{c.bound});
    for (const Floats& x : kInputs) {
      const Floats all = positive(x);
      const auto extent = static_cast<std::int64_t>(all.size());
      const auto at = [&](std::int64_t i) {
        if (i < 0) i += extent;
        return std::clamp<std::int64_t>(i, c.step > 0 ? 0 : -1, c.step > 0 ? extent : extent - 1);
      };
      Floats expected;
      for (std::int64_t i = at(c.start); c.step > 0 ? i < at(c.end) : i > at(c.end); i += c.step)
        expected.push_back(all[static_cast<std::size_t>(i)]);
      CHECK(run(runtime, x) == expected);
    }
  }
}

TEST_CASE("pieces of extents that depend on data are joined", "[runtime][extents]") {
  ModelBytes model = picking();
  model.initialisers.push_back(floats("edge", {1}, {7}));
  model.nodes.push_back(node("Neg", {"picked"}, {"negative"}, {}, "negative"));
  model.nodes.push_back(
      node("Concat", {"picked", "edge", "negative"}, {"y"}, {attribute("axis", std::int64_t{0})}, "join"));
  model.outputs = {"y"};
  Runtime runtime = runtime_of(model);
  for (const Floats& x : kInputs) {
    Floats expected = positive(x);
    expected.push_back(7);
    for (const float value : positive(x)) expected.push_back(-value);
    CHECK(run(runtime, x) == expected);
  }
}

TEST_CASE("extents that do not fit each other are an error of that run alone", "[runtime][extents][bad]") {
  // Both at most 6, and the same number in no run but the first and last.
  ModelBytes model = picking();
  model.nodes.push_back(node("LessOrEqual", {"x", "zero"}, {"other"}, {}, "other"));
  model.nodes.push_back(node("Compress", {"x", "other"}, {"rest"}, {}, "rest"));
  model.nodes.push_back(node("Add", {"picked", "rest"}, {"y"}, {}, "sum"));
  model.outputs = {"y"};
  Runtime runtime = runtime_of(model);
  CHECK(run(runtime, {1, 2, 3, -1, -2, -3}) == Floats{0, 0, 0});
  succeeds(runtime.input(0).copy_from(Floats{1, 2, 3, 4, -2, -3}));
  const Status status = runtime.run();
  REQUIRE_FALSE(status);
  CHECK(status.error().code() == ErrorCode::kWrongShape);
  CHECK(status.error().text().find("sum") != std::string::npos);
  CHECK(run(runtime, {1, 2, 3, -1, -2, -3}) == Floats{0, 0, 0});
}

TEST_CASE("indices into nothing are an error", "[runtime][extents][bad]") {
  ModelBytes model = picking();
  model.nodes.push_back(node("Gather", {"picked", "axis0"}, {"y"}, {}, "first"));
  model.outputs = {"y"};
  Runtime runtime = runtime_of(model);
  CHECK(run(runtime, {-1, 5, 6, -1, -1, -1}) == Floats{5});
  succeeds(runtime.input(0).copy_from(Floats(6, -1)));
  const Status status = runtime.run();
  REQUIRE_FALSE(status);
  CHECK(status.error().text().find("first") != std::string::npos);
}

TEST_CASE("an extent without a bound is refused by name", "[runtime][extents][bad]") {
  ModelBytes model;
  model.opset = 13;
  model.inputs = {value_info("shape", {2}, kInt64)};
  model.nodes = {node("ConstantOfShape", {"shape"}, {"y"}, {}, "fill")};
  model.outputs = {"y"};
  const Error error =
      refused(model, "fill (ConstantOfShape): extent 0 of the result has no bound (shape says it)");
  CHECK(error.text().find("Min") != std::string::npos);
  // A bound beyond the limits.
  model.initialisers = {integers("most", {std::numeric_limits<std::int64_t>::max() / 4})};
  model.nodes = {node("Min", {"shape", "most"}, {"bounded"}, {}, "min"),
                 node("ConstantOfShape", {"bounded"}, {"y"}, {}, "fill")};
  refused(model, "fill");
  model.initialisers = {integers("most", {1 << 30})};
  refused(model, "larger than the limits allow");
}

TEST_CASE("what has no direction, and what is beside an extent of 0, has no bound",
          "[runtime][extents][bad]") {
  ModelBytes range;
  range.opset = 13;
  range.inputs = {value_info("limit", {}, kInt64), value_info("delta", {}, kInt64)};
  range.initialisers = {integer("start", 0)};
  range.nodes = {node("Range", {"start", "limit", "delta"}, {"y"}, {}, "range")};
  range.outputs = {"y"};
  refused(range, "range (Range): extent 0 of the result has no bound");
  ModelBytes nothing;
  nothing.opset = 14;
  nothing.inputs = {value_info("x", {0, 3}), value_info("shape", {2}, kInt64)};
  nothing.nodes = {
      node("Reshape", {"x", "shape"}, {"y"}, {attribute("allowzero", std::int64_t{1})}, "reshape")};
  nothing.outputs = {"y"};
  refused(nothing, "reshape (Reshape): extent 0 of the result has no bound");
}

TEST_CASE("extents above what Min allows never come, and negative ones are an error",
          "[runtime][extents][bad]") {
  ModelBytes model;
  model.opset = 13;
  model.inputs = {value_info("n", {1}, kInt64)};
  model.initialisers = {integers("most", {4})};
  model.nodes = {node("Min", {"n", "most"}, {"k"}, {}, "min"),
                 node("ConstantOfShape", {"k"}, {"y"}, {}, "fill")};
  model.outputs = {"y"};
  Runtime runtime = runtime_of(model);
  for (const std::int64_t n : {3, 0, 4, 100}) {
    succeeds(runtime.input(0).copy_from(Integers{n}));
    succeeds(runtime.run());
    CHECK(runtime.output(0).shape() == Shape{std::min<std::int64_t>(n, 4)});
  }
  succeeds(runtime.input(0).copy_from(Integers{-1}));
  const Status status = runtime.run();
  REQUIRE_FALSE(status);
  CHECK(status.error().code() == ErrorCode::kWrongShape);
}

TEST_CASE("kernels that do not learn extents refuse layers that have them", "[runtime][extents]") {
  ModelBytes model = picking();
  model.nodes.push_back(node("Tanh", {"picked"}, {"y"}, {}, "curve"));
  model.outputs = {"y"};
  const Model parsed = parse(model);
  std::size_t refusals = 0;
  std::size_t accepted = 0;
  for (const LayerVariants& layer : enumerate_variants(parsed, {})) {
    if (layer.layer != "curve") continue;
    for (const VariantInfo& info : layer.variants) {
      refusals += info.refusal == Refusal::extent ? 1 : 0;
      accepted += info.refusal == Refusal::none ? 1 : 0;
      if (info.kernel->bounded_axes == BoundedAxes::none) CHECK(info.refusal != Refusal::none);
    }
  }
  CHECK(refusals > 0);
  CHECK(accepted > 0);
  CHECK(to_string(Refusal::extent) == "extent");
}

TEST_CASE("plans of models with extents that depend on data are followed", "[runtime][extents]") {
  ModelBytes model = picking();
  model.nodes.push_back(node("Tanh", {"picked"}, {"y"}, {}, "curve"));
  model.outputs = {"picked"};
  const Program program = value_of(Program::compile(parse(model)));
  const Plan plan = program.effective_plan();
  Runtime runtime = runtime_of(model, &plan);
  CHECK(runtime.report().empty());
  CHECK(run(runtime, {-1, 5, 6, -1, -1, -1}) == Floats{5, 6});
  // One that names a kernel that cannot: reported, and the default runs.
  Plan other = plan;
  for (auto& [id, layer] : other.points.front().layers) {
    if (id == "pick") layer.variant.kernel = "gather.copy.f32.portable";
  }
  Runtime fallen = runtime_of(model, &other);
  CHECK(run(fallen, {-1, 5, 6, -1, -1, -1}) == Floats{5, 6});
}

TEST_CASE("layers with bounded extents have a text of their own", "[runtime][extents]") {
  const Model model = parse(picking());
  bool found = false;
  for (const LayerInfo& layer : model.layers()) {
    const std::string text = layer.desc.text();
    const LayerDesc read = value_of(LayerDesc::parse(text));
    CHECK(read.text() == text);
    succeeds(layer.desc.check());
    found = found || text.find("<=6") != std::string::npos;
  }
  CHECK(found);
}

TEST_CASE("a caller's memory holds as many elements as the run gives", "[runtime][extents]") {
  Runtime runtime = runtime_of(picking());
  std::vector<std::byte> memory(runtime.program().outputs()[0].bytes);
  succeeds(runtime.bind_output(0, memory));
  for (const Floats& x : kInputs) CHECK(run(runtime, x) == positive(x));
}

TEST_CASE("an input of a model may come back as an output beside bounded ones", "[runtime][extents]") {
  ModelBytes model = picking();
  model.nodes.push_back(node("Identity", {"picked"}, {"again"}, {}, "again"));
  model.outputs = {"picked", "again"};
  Runtime runtime = runtime_of(model);
  for (const Floats& x : kInputs) {
    CHECK(run(runtime, x, 0) == positive(x));
    CHECK(run(runtime, x, 1) == positive(x));
  }
}

}  // namespace fettle::test::extents
