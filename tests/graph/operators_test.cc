// SPDX-License-Identifier: Apache-2.0
//
// The table of operators as a whole.
#include "lib/graph/operators.h"

#include "lib/base/op_names.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <functional>
#include <string>

namespace fettle::graph {
namespace {

constexpr Op kEveryOp[] = {
#define FETTLE_X(name, onnx) Op::name,
    FETTLE_OPERATORS(FETTLE_X)
#undef FETTLE_X
};

}  // namespace

TEST_CASE("every operator is found by the name that files give it", "[graph]") {
  for (const Op op : kEveryOp) {
    INFO(to_string(op));
    const OperatorInfo& info = operator_info(op);
    CHECK(info.op == op);
    if (onnx_name(op).empty()) {
      CHECK(info.since.begin() == info.since.end());
      continue;
    }
    CHECK(find_operator({}, onnx_name(op)) == &info);
    CHECK(find_operator("ai.onnx", onnx_name(op)) == &info);
    CHECK(find_operator("some.other.domain", onnx_name(op)) == nullptr);
    CHECK(info.since.begin() != info.since.end());
    CHECK(std::is_sorted(info.since.begin(), info.since.end(), std::less_equal<>()));
  }
  CHECK(find_operator({}, "NoSuchOperator") == nullptr);
  CHECK(find_operator({}, "") == nullptr);
}

TEST_CASE("an operator's version is the newest that is not above the model's opset", "[graph]") {
  const OperatorInfo& softmax = operator_info(Op::softmax);
  CHECK(softmax.version(1) == 1);
  CHECK(softmax.version(10) == 1);
  CHECK(softmax.version(11) == 11);
  CHECK(softmax.version(12) == 11);
  CHECK(softmax.version(13) == 13);
  CHECK(softmax.version(99) == 13);
  CHECK(operator_info(Op::layer_norm).version(16) == 0);
  CHECK(operator_info(Op::convert).version(17) == 0);
}

TEST_CASE("what layers have has an estimate, and what graphs have a rule", "[graph]") {
  for (const Op op : kEveryOp) {
    INFO(to_string(op));
    const OperatorInfo& info = operator_info(op);
    // Whatever the importer leaves as it is reaches inference, but for conversions, which only programs have.
    const bool stays = info.import == Import::plain || info.import == Import::recurrent ||
                       info.import == Import::softmax || op == Op::min || op == Op::max;
    CHECK((info.rule != nullptr) == (stays && op != Op::convert));
    if (info.rule == nullptr && op != Op::convert) CHECK(info.estimate == nullptr);
  }
}

}  // namespace fettle::graph
