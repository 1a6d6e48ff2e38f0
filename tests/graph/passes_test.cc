// SPDX-License-Identifier: Apache-2.0
//
// Each pass on small graphs: what it makes of them, and that the results stay the same.
#include "tests/common/attributes.h"
#include "tests/graph/passes_builder.h"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>

namespace fettle::graph {
namespace {

using test::with;

TEST_CASE("products with vectors are products of matrices", "[graph]") {
  for (const auto& [a, b, y] : {std::tuple{Shape{5, 7}, Shape{7}, Shape{5}},
                                {Shape{7}, Shape{7, 5}, Shape{5}},
                                {Shape{7}, Shape{7}, Shape{}},
                                {Shape{2, 5, 7}, Shape{7}, Shape{2, 5}},
                                {Shape{7}, Shape{2, 7, 5}, Shape{2, 5}}}) {
    Builder builder;
    Graph& graph = builder.graph;
    const ValueId left = builder.input(a);
    const ValueId right = builder.input(b);
    graph.outputs = {builder.op(Op::matmul, {left, right})};
    PassContext context = test_context();
    REQUIRE(optimise(graph, context));
    const auto actual = interpret(graph);
    // Row by row and column by column, with the vector in every place.
    const std::vector<float> x = test_values(a.elements());
    const std::vector<float> w = test_values(b.elements());
    const std::int64_t columns = b.rank() == 1 ? 1 : 5;
    REQUIRE(*graph.value(graph.outputs.front()).shape == y);
    REQUIRE(actual.front().size() == static_cast<std::size_t>(y.elements()));
    for (std::int64_t i = 0; i < y.elements(); ++i) {
      const std::int64_t row = b.rank() == 1 ? i : 0;
      const std::int64_t batch = b.rank() == 3 ? i / columns : 0;
      double sum = 0;
      for (std::int64_t k = 0; k < 7; ++k) {
        const auto at_x = static_cast<std::size_t>(row * 7 + k);
        const auto at_w = static_cast<std::size_t>((batch * 7 + k) * columns + i % columns);
        sum += static_cast<double>(x[at_x]) * static_cast<double>(w[at_w]);
      }
      CHECK(std::abs(static_cast<double>(actual.front()[static_cast<std::size_t>(i)]) - sum) < 1e-5);
    }
    bool matrices = false;
    for (std::size_t i = 0; i < graph.node_count(); ++i) {
      const Node& node = graph.node(static_cast<NodeId>(i));
      if (node.op != Op::matmul) continue;
      matrices = true;
      for (const ValueId operand : node.inputs) CHECK(graph.value(operand).shape->rank() >= 2);
    }
    CHECK(matrices);
  }
}

TEST_CASE("every run of a pass is noted, until a round changes nothing", "[graph][passes]") {
  Builder b;
  const ValueId kept = b.op(Op::add, {b.input({1, 4}), b.weights({4})});
  b.ending_in(b.op(Op::identity, {kept}));
  PassContext context = test_context();
  REQUIRE(optimise(b.graph, context));
  const std::vector<PassInfo>& passes = context.passes;
  REQUIRE(passes.size() >= 2);
  CHECK(passes.front().name == "simplify");
  CHECK(passes.front().nodes_before == 2);
  CHECK(passes.back().nodes_after == 1);
  const auto removal = std::find_if(passes.begin(), passes.end(), [](const PassInfo& pass) {
    return pass.operators == std::map<Op, int>{{Op::identity, -1}};
  });
  REQUIRE(removal != passes.end());
  CHECK(removal->name == "remove_identities");
  CHECK(removal->changed);
  CHECK(std::none_of(passes.begin(), passes.end(), [&](const PassInfo& pass) {
    return pass.round == passes.back().round && pass.changed;
  }));
}

TEST_CASE("batch norm goes into a convolution", "[graph][passes]") {
  Builder b;
  const ValueId conv =
      b.op(Op::conv, {b.input({1, 4, 5, 5}), b.weights({6, 2, 3, 3})}, with("group", std::int64_t{2}));
  const ValueId variance = b.constant({6}, {0.5f, 1, 2, 3, 4, 5});
  const ValueId norm =
      b.op(Op::batch_norm, {conv, b.weights({6}, 2), b.weights({6}, 3), b.weights({6}, 4), variance});
  CHECK(optimised(b.ending_in(b.op(Op::relu, {norm}))) == "conv");
  CHECK(b.graph.node(0).clamp == Clamp{0, std::numeric_limits<float>::infinity()});
  CHECK(b.graph.node(0).id == "n0");
}

TEST_CASE("batch norm goes into a grouped transposed convolution", "[graph][passes]") {
  Builder b;
  const ValueId conv =
      b.op(Op::conv_transpose, {b.input({1, 4, 3, 3}), b.weights({4, 3, 2, 2}), b.weights({6})},
           with("group", std::int64_t{2}));
  const ValueId variance = b.constant({6}, {0.5f, 1, 2, 3, 4, 5});
  CHECK(optimised(b.ending_in(b.op(Op::batch_norm, {conv, b.weights({6}, 2), b.weights({6}, 3),
                                                    b.weights({6}, 4), variance}))) == "conv_transpose");
}

TEST_CASE("batch norm without a layer before it becomes depthwise", "[graph][passes]") {
  Builder b;
  const ValueId variance = b.constant({3}, {0.5f, 1, 2});
  CHECK(optimised(b.ending_in(b.op(Op::batch_norm, {b.input({1, 3, 2, 2}), b.weights({3}, 2),
                                                    b.weights({3}, 3), b.weights({3}, 4), variance}))) ==
        "conv");
}

TEST_CASE("products and sums by channel go into weights, shared weights stay", "[graph][passes]") {
  Builder b;
  const ValueId x = b.input({1, 3, 4, 4});
  const ValueId shared = b.weights({3, 3, 1, 1});
  const ValueId first = b.op(Op::mul, {b.op(Op::conv, {x, shared}), b.weights({1, 3, 1, 1}, 5)});
  const ValueId second = b.op(Op::sub, {b.scalar(2), b.op(Op::conv, {x, shared})});
  CHECK(optimised(b.ending_in(b.op(Op::mul, {first, second}))) == "conv conv mul");
}

TEST_CASE("folding makes no more weights than the limits allow", "[graph][passes]") {
  Builder b;
  const ValueId conv = b.op(Op::conv, {b.input({1, 3, 4, 4}), b.weights({3, 3, 1, 1})});
  b.ending_in(b.op(Op::mul, {conv, b.weights({1, 3, 1, 1}, 5)}));
  PassContext context = test_context();
  context.limits.folded_bytes = 47;  // nine weights and three biases have 48
  REQUIRE(optimise(b.graph, context));
  CHECK(ops(b.graph) == "conv mul");
}

TEST_CASE("weights and biases that would not be finite are not made", "[graph][passes]") {
  constexpr float kDenormal = 1e-40f;
  const auto behind_conv = [](Op op, float number, float weight, const std::vector<float>& bias) {
    Builder b;
    const ValueId conv =
        b.op(Op::conv, {b.input({1, 1, 2, 2}), b.constant({1, 1, 1, 1}, {weight}), b.constant({1}, bias)});
    return optimised(b.ending_in(b.op(op, {conv, b.scalar(number)})));
  };
  CHECK(behind_conv(Op::div, 0.5f, 1, {0}) == "conv");
  CHECK(behind_conv(Op::div, kDenormal, 1, {0}) == "conv div");
  CHECK(behind_conv(Op::div, -kDenormal, 1, {0}) == "conv div");
  CHECK(behind_conv(Op::div, 0, 1, {0}) == "conv div");
  // 1 / 3e38 is a number of few digits.
  CHECK(behind_conv(Op::div, 3e38f, 1, {0}) == "conv div");
  CHECK(behind_conv(Op::div, 1e-30f, 1e10f, {0}) == "conv div");
  CHECK(behind_conv(Op::mul, 1e30f, 1e10f, {0}) == "conv mul");
  CHECK(behind_conv(Op::mul, 1e30f, 1, {1e10f}) == "conv mul");
  CHECK(behind_conv(Op::add, 3e38f, 1, {3e38f}) == "conv add");
}

TEST_CASE("batch normalisation whose factors are not finite stays", "[graph][passes]") {
  const auto normalised = [](bool behind_conv, float scale, float mean, float variance) {
    Builder b;
    ValueId x = b.input({1, 1, 2, 2});
    if (behind_conv) x = b.op(Op::conv, {x, b.constant({1, 1, 1, 1}, {1})});
    const std::vector<ValueId> operands{x, b.constant({1}, {scale}), b.constant({1}, {0}),
                                        b.constant({1}, {mean}), b.constant({1}, {variance})};
    return optimised(b.ending_in(b.op(Op::batch_norm, operands, with("epsilon", 0.0f))));
  };
  for (const bool behind_conv : {false, true}) {
    const std::string kept = behind_conv ? "conv batch_norm" : "batch_norm";
    CHECK(normalised(behind_conv, 2, 1, 4) == "conv");
    CHECK(normalised(behind_conv, 1e30f, 1, 1e-40f) == kept);
    CHECK(normalised(behind_conv, 1, 1, 0) == kept);
    CHECK(normalised(behind_conv, 1e30f, 1e30f, 1) == kept);
  }
}

TEST_CASE("a result that others use keeps its layer", "[graph][passes]") {
  Builder b;
  const ValueId conv = b.op(Op::conv, {b.input({1, 3, 4, 4}), b.weights({3, 3, 1, 1})});
  const ValueId scaled = b.op(Op::mul, {conv, b.weights({1, 3, 1, 1}, 5)});
  CHECK(optimised(b.ending_in(b.op(Op::add, {conv, scaled}))) == "conv mul add");
}

TEST_CASE("a constant along the rows does not go into a dense layer", "[graph][passes]") {
  Builder b;
  const ValueId column = b.weights({4, 1}, 9);
  const ValueId dense = b.op(Op::gemm, {b.input({4, 3}), b.weights({3, 4}), column});
  CHECK(optimised(b.ending_in(b.op(Op::mul, {dense, b.weights({4}, 5)}))) == "gemm mul");
}

TEST_CASE("a product with constant weights and a sum are a dense layer", "[graph][passes]") {
  Builder b;
  const ValueId product = b.op(Op::matmul, {b.input({4, 3}), b.weights({3, 5})});
  CHECK(optimised(b.ending_in(b.op(Op::add, {product, b.weights({5}, 5)}))) == "gemm");
  CHECK(b.graph.node(0).inputs.size() == 3);
}

TEST_CASE("zero padding goes into the convolution", "[graph][passes]") {
  Builder b;
  const ValueId padded = b.op(Op::pad, {b.input({1, 2, 4, 4}), b.integers({0, 0, 1, 2, 0, 0, 0, 1})});
  CHECK(optimised(b.ending_in(b.op(Op::conv, {padded, b.weights({3, 2, 3, 3})}))) == "conv");
  const std::vector<std::int64_t> pads{1, 2, 0, 1};
  CHECK(std::ranges::equal(b.graph.node(0).attributes.integers("pads"), pads));
}

TEST_CASE("padding with a number or of channels stays", "[graph][passes]") {
  Builder number;
  const ValueId padded = number.op(
      Op::pad, {number.input({1, 2, 4, 4}), number.integers({0, 0, 1, 1, 0, 0, 1, 1}), number.scalar(3)});
  CHECK(optimised(number.ending_in(number.op(Op::conv, {padded, number.weights({3, 2, 3, 3})}))) ==
        "pad conv");
  Builder channels;
  const ValueId wider =
      channels.op(Op::pad, {channels.input({1, 2, 4, 4}), channels.integers({0, 1, 0, 0, 0, 1, 0, 0})});
  CHECK(optimised(channels.ending_in(channels.op(Op::conv, {wider, channels.weights({3, 4, 3, 3})}))) ==
        "pad conv");
}

TEST_CASE("padding with a computed value stays, whatever the value", "[graph][passes]") {
  Builder b;
  const ValueId padded =
      b.op(Op::pad, {b.input({1, 2, 4, 4}), b.integers({0, 0, 1, 1, 0, 0, 1, 1}), b.input({})});
  CHECK(optimised(b.ending_in(b.op(Op::conv, {padded, b.weights({3, 2, 3, 3})}))) == "pad conv");
}

TEST_CASE("taps that meet padding alone are cut off", "[graph][passes]") {
  const auto kernel_of = [](const Shape& image, std::vector<std::int64_t> dilations,
                            std::vector<std::int64_t> pads, std::vector<std::int64_t> strides) {
    Builder b;
    Attributes a = with("dilations", std::move(dilations));
    a.set("pads", std::move(pads));
    a.set("strides", std::move(strides));
    a.set("kernel_shape", std::vector<std::int64_t>{3, 3});
    CHECK(optimised(b.ending_in(
              b.op(Op::conv, {b.input(image), b.weights({4, 2, 3, 3}), b.weights({4})}, a))) == "conv");
    const auto kernel = b.graph.node(0).attributes.integers("kernel_shape");
    return std::vector<std::int64_t>(kernel.begin(), kernel.end());
  };
  using Extents = std::vector<std::int64_t>;
  CHECK(kernel_of({1, 2, 5, 6}, {6, 6}, {6, 6, 6, 6}, {1, 1}) == Extents{1, 1});
  CHECK(kernel_of({1, 2, 5, 7}, {6, 6}, {6, 6, 6, 6}, {1, 1}) == Extents{1, 3});
  CHECK(kernel_of({1, 2, 5, 6}, {1, 5}, {1, 9, 1, 1}, {1, 2}) == Extents{3, 2});
  CHECK(kernel_of({1, 2, 2, 2}, {2, 2}, {4, 2, 0, 2}, {1, 1}) == Extents{1, 1});
  CHECK(kernel_of({1, 2, 3, 3}, {1, 1}, {2, 0, 2, 0}, {4, 1}) == Extents{3, 3});
}

TEST_CASE("clamps are fused and merged", "[graph][passes]") {
  Builder b;
  const ValueId sum = b.op(Op::add, {b.input({1, 3, 4, 4}), b.input({1, 3, 4, 4})});
  const ValueId relu = b.op(Op::relu, {sum});
  CHECK(optimised(b.ending_in(b.op(Op::min, {relu, b.scalar(0.75f)}))) == "add");
  CHECK(b.graph.node(0).clamp == Clamp{0, 0.75f});
  Builder alone;
  CHECK(optimised(alone.ending_in(alone.op(Op::relu, {alone.op(Op::sigmoid, {alone.input({4})})}))) ==
        "sigmoid clamp");
}

TEST_CASE("transposes that undo each other vanish", "[graph][passes]") {
  const auto perm = [](std::vector<std::int64_t> axes) { return with("perm", std::move(axes)); };
  Builder b;
  const ValueId there = b.op(Op::transpose, {b.input({1, 3, 4, 5})}, perm({0, 2, 3, 1}));
  const ValueId back = b.op(Op::transpose, {there}, perm({0, 3, 1, 2}));
  CHECK(optimised(b.ending_in(b.op(Op::tanh, {back}))) == "tanh");
  Builder twice;
  const ValueId first = twice.op(Op::transpose, {twice.input({2, 3, 4})}, perm({1, 2, 0}));
  CHECK(optimised(twice.ending_in(twice.op(Op::transpose, {first}, perm({1, 2, 0})))) == "transpose");
  Builder ones;
  CHECK(optimised(ones.ending_in(ones.op(Op::transpose, {ones.input({1, 3, 1, 5})}, perm({0, 2, 1, 3})))) ==
        "reshape");
}

TEST_CASE("what does nothing and what nobody uses is removed", "[graph][passes]") {
  Builder b;
  const ValueId x = b.input({2, 6});
  b.op(Op::exp, {x});
  const ValueId dropped = b.op(Op::dropout, {b.op(Op::identity, {x})});
  const ValueId reshaped =
      b.op(Op::reshape, {b.op(Op::reshape, {dropped, b.integers({3, 4})}), b.integers({2, -1})});
  CHECK(optimised(b.ending_in(b.op(Op::sigmoid, {reshaped}))) == "sigmoid");
}

TEST_CASE("constants are folded", "[graph][passes]") {
  Builder b;
  const ValueId sum = b.op(Op::add, {b.constant({2}, {1, 2}), b.constant({2}, {3, 4})});
  CHECK(optimised(b.ending_in(b.op(Op::mul, {b.input({2}), sum}))) == "mul");
  PassContext context = test_context();
  context.limits.folded_bytes = 4;
  Builder limited;
  limited.ending_in(limited.op(Op::add, {limited.constant({2}, {1, 2}), limited.constant({2}, {3, 4})}));
  const Result<bool> result = simplify(limited.graph, context);
  REQUIRE_FALSE(result);
  CHECK(result.error().code() == ErrorCode::kLimitExceeded);
}

TEST_CASE("folding takes no more operations than the limits allow", "[graph][passes]") {
  Builder b;
  b.ending_in(b.op(Op::matmul, {b.weights({8, 100}), b.weights({100, 8})}));
  PassContext context = test_context();
  context.limits.folding_operations = 8 * 8 * 100;  // reading the operands comes on top
  const Result<bool> result = simplify(b.graph, context);
  REQUIRE_FALSE(result);
  CHECK(result.error().code() == ErrorCode::kLimitExceeded);
  CHECK(result.error().hint().find("folding_operations") != std::string::npos);
}

TEST_CASE("an einsum of several terms becomes einsums of two, those of the smallest products first",
          "[graph][passes]") {
  const auto equation = [](const char* text) { return with("equation", std::string(text)); };
  Builder chain;
  const ValueId product =
      chain.op(Op::einsum, {chain.input({5, 6}), chain.weights({6, 2}, 2), chain.weights({2, 7}, 3)},
               equation("ij,jk,kl->il"));
  CHECK(optimised(chain.ending_in(product)) == "einsum einsum");
  // The last two would be a constant of 6 x 7; the first two give 5 x 2.
  CHECK(*chain.graph.value(chain.graph.node(0).outputs[0]).shape == Shape{5, 2});
  CHECK(chain.graph.node(0).id == "n0.pair");
  Builder four;
  const ValueId traced =
      four.op(Op::einsum,
              {four.input({2, 3}), four.weights({3, 4}, 2), four.weights({4, 5}, 3), four.weights({5, 2}, 4)},
              equation("ab,bc,cd,da->"));
  CHECK(optimised(four.ending_in(traced)) == "einsum einsum");  // one of the pairs is constant
  Builder broadcast;
  const ValueId scaled = broadcast.op(
      Op::einsum, {broadcast.input({4, 5}), broadcast.weights({1, 5}, 2), broadcast.weights({4, 1}, 3)},
      equation("...i,...i,...j->...j"));
  CHECK(optimised(broadcast.ending_in(scaled)) == "einsum einsum");
}

TEST_CASE("labels that one term of an einsum has alone are summed before its product", "[graph][passes]") {
  Builder b;
  const ValueId product =
      b.op(Op::einsum, {b.input({4, 5}), b.input({3, 4})}, with("equation", std::string("ij,ki->j")));
  CHECK(optimised(b.ending_in(product)) == "einsum einsum");
  CHECK(b.graph.node(0).id == "n0.sum");
  CHECK(*b.graph.value(b.graph.node(0).outputs[0]).shape == Shape{4});
  // An extent of 1 has nothing to be summed.
  Builder one;
  const ValueId thin =
      one.op(Op::einsum, {one.input({4, 5}), one.input({1, 4})}, with("equation", std::string("ij,ki->j")));
  CHECK(optimised(one.ending_in(thin)) == "einsum");
}

TEST_CASE("all problems are listed at once", "[graph][passes]") {
  Builder b;
  const ValueId x = b.input({1, 3, 4, 4});
  const ValueId first = b.op(Op::conv, {x, b.weights({2, 5, 1, 1})});
  const ValueId second = b.op(Op::add, {x, b.weights({7})});
  b.graph.outputs = {first, second};
  PassContext context = test_context();
  const Status status = optimise(b.graph, context);
  REQUIRE_FALSE(status);
  CHECK(status.error().code() == ErrorCode::kModelUnsupported);
  CHECK(status.error().message().find("n0 (Conv)") != std::string::npos);
  CHECK(status.error().message().find("n1 (Add)") != std::string::npos);
}

TEST_CASE("cycles are refused", "[graph]") {
  Builder b;
  const ValueId x = b.input({2});
  const ValueId first = b.op(Op::add, {x, x});
  const ValueId second = b.op(Op::tanh, {first});
  b.graph.node(0).inputs[1] = second;
  const auto order = b.ending_in(second).topological_order();
  REQUIRE_FALSE(order);
  CHECK(order.error().code() == ErrorCode::kModelInvalid);
}

TEST_CASE("uses are counted, replaced and compacted", "[graph]") {
  Builder b;
  const ValueId x = b.input({2});
  const ValueId twice = b.op(Op::add, {x, x});
  const ValueId end = b.op(Op::tanh, {twice});
  b.ending_in(end);
  CHECK(b.graph.use_counts()[static_cast<std::size_t>(x)] == 2);
  CHECK(b.graph.consumers(x) == std::vector<NodeId>{0});
  CHECK(b.graph.sole_consumer(twice) == 1);
  CHECK(b.graph.sole_consumer(end) == kNoNode);
  b.graph.replace_uses(twice, x);
  b.graph.remove_node(0);
  REQUIRE(b.graph.compact());
  CHECK(b.graph.node_count() == 1);
  CHECK(b.graph.value_count() == 2);
  CHECK(ops(b.graph) == "tanh");
}

}  // namespace
}  // namespace fettle::graph
