// SPDX-License-Identifier: Apache-2.0
//
// Every ONNX backend test passes or is refused with a reason, and docs/conformance.md says which.
#include "tests/common/data.h"
#include "tests/conformance/report.h"

#include <catch2/catch_test_macros.hpp>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace fettle::test {
namespace {

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace

TEST_CASE("ONNX backend tests pass or are refused with a reason", "[conformance]") {
  const auto folders = case_folders(FETTLE_ONNX_TESTDATA);
  if (folders.empty()) SKIP("the ONNX backend tests are not here: " FETTLE_ONNX_TESTDATA);
  std::vector<CaseRecord> records;
  for (const std::filesystem::path& folder : folders) {
    Result<Case> test = read_case(folder);
    REQUIRE(test);
    CaseResult result = run_case(*test);
    if (result.outcome == Outcome::failed) FAIL_CHECK(test->name << ": " << result.reason);
    if (result.outcome == Outcome::refused && result.reason.empty()) FAIL_CHECK(test->name);
    test->model.clear();
    test->data.clear();
    records.push_back({*std::move(test), std::move(result)});
  }
  CHECK(count(records, Outcome::passed) >= 800);
  const std::string page = conformance_page(records);
  const std::string path = source_file("docs/conformance.md");
  if (std::getenv("FETTLE_UPDATE_DOCS") != nullptr) {
    std::ofstream(path, std::ios::binary) << page;
    return;
  }
  INFO("docs/conformance.md differs from what the tests say; see there how to make it again");
  CHECK(page == read_text(path));
}

}  // namespace fettle::test
