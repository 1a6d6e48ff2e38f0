// SPDX-License-Identifier: Apache-2.0
//
// Every ONNX backend test that loads can be written and read again, and then computes the same, or is refused
// with the names of the layers that stand in the way.
#include "tests/common/data.h"
#include "tests/conformance/run_case.h"
#include "tests/onnx/write_back.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace fettle::test {
namespace {

struct WrittenCases {
  int same = 0;
  int refused = 0;
};

void check_case(const Case& test, WrittenCases& counts) {
  const std::optional<ModelOptions> options = options_that_load(test);
  if (!options) return;
  const Model model = value_of(Model::parse(test.model, test.name, *options));
  INFO(test.name);
  const Result<std::string> bytes = model.onnx();
  if (!bytes) {
    ++counts.refused;
    CHECK(bytes.error().code() == ErrorCode::kModelUnsupported);
    const bool named = std::any_of(model.layers().begin(), model.layers().end(), [&](const LayerInfo& layer) {
      return bytes.error().message().find(layer.id + " (") != std::string::npos;
    });
    CHECK(named);
    return;
  }
  const Result<Model> again = Model::parse(std::as_bytes(std::span(bytes->data(), bytes->size())), "written");
  if (!again) {
    FAIL_CHECK(again.error().text());
    return;
  }
  Contents inputs;
  for (const TensorInfo& input : model.inputs()) {
    for (const CaseTensor& given : test.data.front().inputs) {
      if (given.name == input.name) inputs.push_back(given.bytes);
    }
  }
  if (const std::string text = model_difference(model, *again, inputs, 1e-5); !text.empty()) FAIL_CHECK(text);
  ++counts.same;
}

void check_all(const std::string& root, int least_same, int most_refused) {
  std::vector<std::filesystem::path> folders = case_folders(root);
  if (folders.empty()) SKIP("the ONNX backend tests are not here: " + root);
  WrittenCases counts;
  for (const std::filesystem::path& folder : folders) {
    const Result<Case> test = read_case(folder);
    REQUIRE(test);
    check_case(*test, counts);
  }
  INFO(counts.same << " the same, " << counts.refused << " refused");
  CHECK(counts.same >= least_same);
  CHECK(counts.refused <= most_refused);
}

}  // namespace

TEST_CASE("ONNX backend tests are written and read again", "[conformance]") {
  check_all(FETTLE_ONNX_TESTDATA, 950, 40);
}

TEST_CASE("backend tests of ONNX 1.20 are written and read again", "[conformance]") {
  check_all(FETTLE_NEWER_ONNX_TESTDATA, 1630, 50);
}

}  // namespace fettle::test
