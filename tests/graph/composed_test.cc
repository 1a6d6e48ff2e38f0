// SPDX-License-Identifier: Apache-2.0
//
// Operators that exporters write in parts: when recognise_composed finds them, and when it must not.
#include "tests/common/attributes.h"
#include "tests/graph/passes_builder.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace fettle::graph {
namespace {

using test::with;

TEST_CASE("hard swish in its variants", "[graph][passes]") {
  const auto relu6 = [](Builder& b, ValueId x) {
    return b.op(Op::clamp, {b.op(Op::add, {x, b.scalar(3)}), b.scalar(0), b.scalar(6)});
  };
  SECTION("x * relu6(x + 3) / 6") {
    Builder b;
    const ValueId x = b.input({1, 3, 4, 4});
    CHECK(optimised(b.ending_in(b.op(Op::div, {b.op(Op::mul, {x, relu6(b, x)}), b.scalar(6)}))) ==
          "hard_swish");
  }
  SECTION("x * (relu6(x + 3) / 6)") {
    Builder b;
    const ValueId x = b.input({1, 3, 4, 4});
    CHECK(optimised(b.ending_in(b.op(Op::mul, {b.op(Op::div, {relu6(b, x), b.scalar(6)}), x}))) ==
          "hard_swish");
  }
  SECTION("x * (relu6(x + 3) * (1 / 6))") {
    Builder b;
    const ValueId x = b.input({1, 3, 4, 4});
    CHECK(optimised(b.ending_in(b.op(Op::mul, {x, b.op(Op::mul, {relu6(b, x), b.scalar(1.0f / 6)})}))) ==
          "hard_swish");
  }
  SECTION("x * hard_sigmoid(x)") {
    Builder b;
    const ValueId x = b.input({1, 3, 4, 4});
    CHECK(optimised(b.ending_in(b.op(Op::mul, {x, b.op(Op::hard_sigmoid, {x}, with("alpha", 1.0f / 6))}))) ==
          "hard_swish");
  }
  SECTION("of another value it is no hard swish") {
    Builder b;
    const ValueId x = b.input({1, 3, 4, 4});
    const ValueId other = b.op(Op::tanh, {x});
    CHECK(optimised(b.ending_in(b.op(Op::mul, {other, b.op(Op::div, {relu6(b, x), b.scalar(6)})}))) ==
          "tanh hard_sigmoid mul");
  }
}

TEST_CASE("another slope is no hard swish, however close", "[graph][passes]") {
  const float close[] = {std::nextafter(1.0f / 6, 0.0f), 0.166667f, 0.16667f, 0.1666f, 0.2f};
  for (const float slope : close) {
    Builder gate;
    const ValueId x = gate.input({1, 3, 4, 4});
    CHECK(optimised(gate.ending_in(gate.op(
              Op::mul, {x, gate.op(Op::hard_sigmoid, {x}, with("alpha", slope))}))) == "hard_sigmoid mul");
    Builder parts;
    const ValueId y = parts.input({1, 3, 4, 4});
    const ValueId bounded =
        parts.op(Op::clamp, {parts.op(Op::add, {y, parts.scalar(3)}), parts.scalar(0), parts.scalar(6)});
    CHECK(optimised(parts.ending_in(
              parts.op(Op::mul, {y, parts.op(Op::mul, {bounded, parts.scalar(slope)})}))) == "add mul mul");
  }
  for (const float offset : {0.49999f, 0.5001f}) {
    Builder b;
    const ValueId x = b.input({1, 3, 4, 4});
    Attributes attributes = with("alpha", 1.0f / 6);
    attributes.set("beta", offset);
    CHECK(optimised(b.ending_in(b.op(Op::mul, {x, b.op(Op::hard_sigmoid, {x}, attributes)}))) ==
          "hard_sigmoid mul");
  }
}

TEST_CASE("the error function of something else is no gelu", "[graph][passes]") {
  for (const float root : {1.4142f, 1.41421f, std::nextafter(std::sqrt(2.0f), 2.0f)}) {
    Builder b;
    const ValueId x = b.input({2, 8});
    const ValueId gate = b.op(Op::add, {b.op(Op::erf, {b.op(Op::div, {x, b.scalar(root)})}), b.scalar(1)});
    CHECK(optimised(b.ending_in(b.op(Op::mul, {b.op(Op::mul, {x, gate}), b.scalar(0.5f)}))) ==
          "div erf add mul mul");
  }
}

TEST_CASE("NaN is no bound of a clamp", "[graph][passes]") {
  for (const Op op : {Op::min, Op::max}) {
    Builder b;
    const ValueId bounded = b.op(op, {b.input({4}), b.scalar(std::numeric_limits<float>::quiet_NaN())});
    CHECK(optimised(b.ending_in(bounded)) == std::string(to_string(op)));
  }
}

TEST_CASE("swish and gelu", "[graph][passes]") {
  Builder swish;
  const ValueId x = swish.input({2, 8});
  CHECK(optimised(swish.ending_in(swish.op(Op::mul, {swish.op(Op::sigmoid, {x}), x}))) == "swish");
  Builder gelu;
  const ValueId y = gelu.input({2, 8});
  const ValueId gate = gelu.op(
      Op::add, {gelu.op(Op::erf, {gelu.op(Op::div, {y, gelu.scalar(std::sqrt(2.0f))})}), gelu.scalar(1)});
  CHECK(optimised(gelu.ending_in(gelu.op(Op::mul, {gelu.op(Op::mul, {y, gate}), gelu.scalar(0.5f)}))) ==
        "gelu");
}

TEST_CASE("gelu by tanh, its cube a power or products", "[graph][passes]") {
  for (const bool power : {true, false}) {
    for (const float half_pi : {0.79788456080286535588f, 0.7978f}) {
      for (const bool half_last : {true, false}) {
        Builder b;
        const ValueId x = b.input({2, 8});
        const ValueId cube =
            power ? b.op(Op::pow, {x, b.scalar(3)}) : b.op(Op::mul, {x, b.op(Op::mul, {x, x})});
        const ValueId inner = b.op(Op::add, {x, b.op(Op::mul, {b.scalar(0.044715f), cube})});
        const ValueId gate =
            b.op(Op::add, {b.scalar(1), b.op(Op::tanh, {b.op(Op::mul, {inner, b.scalar(half_pi)})})});
        const ValueId y = half_last ? b.op(Op::mul, {b.scalar(0.5f), b.op(Op::mul, {x, gate})})
                                    : b.op(Op::mul, {b.op(Op::mul, {x, b.scalar(0.5f)}), gate});
        const bool whole = half_pi > 0.79788f;
        CHECK((optimised(b.ending_in(y)) == "gelu_tanh") == whole);
      }
    }
  }
}

TEST_CASE("normalisation by the root mean square", "[graph][passes]") {
  const auto written = [](int form, std::int64_t axis, bool of_another) {
    Builder b;
    const ValueId x = b.input({3, 8});
    const ValueId other = of_another ? b.op(Op::neg, {x}) : x;
    const ValueId square =
        form % 2 == 0 ? b.op(Op::pow, {other, b.scalar(2)}) : b.op(Op::mul, {other, other});
    const ValueId mean = b.op(Op::reduce_mean, {square}, with("axes", std::vector<std::int64_t>{axis}));
    const ValueId root = b.op(Op::sqrt, {b.op(Op::add, {mean, b.scalar(1e-5f)})});
    ValueId normal = kNoValue;
    if (form / 2 == 0) normal = b.op(Op::div, {x, root});
    if (form / 2 == 1) normal = b.op(Op::mul, {b.op(Op::reciprocal, {root}), x});
    if (form / 2 == 2) normal = b.op(Op::mul, {x, b.op(Op::div, {b.scalar(1), root})});
    return optimised(b.ending_in(b.op(Op::mul, {b.weights({8}, 3), normal})));
  };
  for (int form = 0; form < 6; ++form) {
    INFO(form);
    CHECK(written(form, -1, false) == "rms_norm");
    CHECK(written(form, 0, false).find("rms_norm") == std::string::npos);
    CHECK(written(form, -1, true).find("rms_norm") == std::string::npos);
  }
}

TEST_CASE("constants that give the result more dimensions are not forgotten", "[graph][passes]") {
  Builder b;
  const ValueId x = b.input({8});
  const ValueId gate = b.op(Op::add, {x, b.constant({1, 1}, {3})});
  const ValueId bounded = b.op(Op::clamp, {gate, b.scalar(0), b.scalar(6)});
  CHECK(optimised(b.ending_in(b.op(Op::mul, {x, b.op(Op::div, {bounded, b.scalar(6)})}))).find("hard_s") ==
        std::string::npos);
  CHECK(*b.graph.value(b.graph.outputs[0]).shape == Shape{1, 8});
}

ValueId layer_norm_parts(Builder& b, ValueId x, ValueId averaged) {
  const Attributes axes = with("axes", std::vector<std::int64_t>{-1});
  const ValueId centred = b.op(Op::sub, {x, b.op(Op::reduce_mean, {x}, axes)});
  const ValueId again = b.op(Op::sub, {x, b.op(Op::reduce_mean, {averaged}, axes)});
  const ValueId variance = b.op(Op::reduce_mean, {b.op(Op::pow, {again, b.scalar(2)})}, axes);
  const ValueId quotient =
      b.op(Op::div, {centred, b.op(Op::sqrt, {b.op(Op::add, {variance, b.scalar(1e-5f)})})});
  return b.op(Op::add, {b.op(Op::mul, {quotient, b.weights({8}, 3)}), b.weights({8}, 4)});
}

TEST_CASE("layer norm that centres once, with and without a bias", "[graph][passes]") {
  for (const bool biased : {false, true}) {
    for (const bool power : {false, true}) {
      Builder b;
      const Attributes axes = with("axes", std::vector<std::int64_t>{-1});
      const ValueId x = b.input({2, 3, 8});
      const ValueId centred = b.op(Op::sub, {x, b.op(Op::reduce_mean, {x}, axes)});
      const ValueId square =
          power ? b.op(Op::pow, {centred, b.scalar(2)}) : b.op(Op::mul, {centred, centred});
      const ValueId variance = b.op(Op::reduce_mean, {square}, axes);
      const ValueId root = b.op(Op::sqrt, {b.op(Op::add, {variance, b.scalar(1e-5f)})});
      const ValueId scaled = b.op(Op::mul, {b.op(Op::div, {centred, root}), b.weights({8}, 3)});
      const ValueId y = biased ? b.op(Op::add, {scaled, b.weights({8}, 4)}) : scaled;
      CHECK(optimised(b.ending_in(y)) == "layer_norm");
      CHECK(b.graph.node(0).inputs.size() == (biased ? 3u : 2u));
    }
  }
}

TEST_CASE("constants that fix an extent that depends on data are not forgotten", "[graph][passes]") {
  Builder b;
  const ValueId which = b.input({8});
  b.graph.value(which).type = DataType::boolean;
  const ValueId x = b.op(Op::compress, {b.input({3, 8}), which}, with("axis", std::int64_t{1}));
  b.graph.outputs = {b.op(Op::exp, {layer_norm_parts(b, x, x)})};
  PassContext context;
  REQUIRE(optimise(b.graph, context));
  CHECK(ops(b.graph).find("layer_norm") == std::string::npos);
  CHECK(b.graph.value(b.graph.outputs[0]).bounded == 0);
}

TEST_CASE("layer norm", "[graph][passes]") {
  Builder b;
  const ValueId x = b.input({2, 3, 8});
  CHECK(optimised(b.ending_in(layer_norm_parts(b, x, x))) == "layer_norm");
  // Centred on the mean of another value, it is none.
  Builder other;
  const ValueId y = other.input({2, 3, 8});
  CHECK(optimised(other.ending_in(layer_norm_parts(other, y, other.op(Op::tanh, {y})))).find("layer_norm") ==
        std::string::npos);
}

TEST_CASE("channels that are shuffled in parts", "[graph][passes]") {
  const auto shuffled = [](const std::vector<std::int64_t>& parts, const std::vector<std::int64_t>& order,
                           const std::vector<std::int64_t>& shape) {
    Builder b;
    const ValueId grouped = b.op(Op::reshape, {b.input({2, 6, 4, 5}), b.integers(parts)});
    return optimised(b.ending_in(
        b.op(Op::reshape, {b.op(Op::transpose, {grouped}, with("perm", order)), b.integers(shape)})));
  };
  CHECK(shuffled({2, 2, 3, 4, 5}, {0, 2, 1, 3, 4}, {2, 6, 4, 5}) == "channel_shuffle");
  CHECK(shuffled({2, 3, 2, 4, 5}, {0, 2, 1, 3, 4}, {2, -1, 4, 5}) == "channel_shuffle");
  // Another order, another shape in between, another result.
  CHECK(shuffled({2, 2, 3, 4, 5}, {0, 2, 1, 4, 3}, {2, 6, 4, 5}) == "reshape transpose reshape");
  CHECK(shuffled({2, 2, 3, 5, 4}, {0, 2, 1, 3, 4}, {2, 6, 4, 5}) == "reshape transpose reshape");
  CHECK(shuffled({4, 3, 1, 4, 5}, {0, 2, 1, 3, 4}, {2, 6, 4, 5}) != "channel_shuffle");
  CHECK(shuffled({2, 2, 3, 4, 5}, {0, 2, 1, 3, 4}, {2, 6, 5, 4}) == "reshape transpose reshape");
}

}  // namespace
}  // namespace fettle::graph
