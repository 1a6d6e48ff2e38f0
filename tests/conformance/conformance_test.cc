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

namespace {

// Runs all cases of a set; what they say is the page's text.
void check_set(const CaseSet& set, int least_right) {
  const auto folders = case_folders(set.root);
  if (folders.empty()) SKIP("the ONNX backend tests are not here: " + set.root);
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
  CHECK(count(records, Outcome::passed) + count(records, Outcome::folded) >= least_right);
  const std::string page = conformance_page(set, records);
  const std::string path = source_file("docs/" + set.page);
  if (std::getenv("FETTLE_UPDATE_DOCS") != nullptr) {
    std::ofstream(path, std::ios::binary) << page;
    return;
  }
  INFO("docs/" << set.page << " differs from what the tests say; see there how to make it again");
  CHECK(page == read_text(path));
}

}  // namespace

TEST_CASE("ONNX backend tests pass or are refused with a reason", "[conformance]") {
  check_set({"1.12", "package `libonnx-testdata` of Debian 12", FETTLE_ONNX_TESTDATA, "conformance-1.12.md"},
            950);
}

TEST_CASE("backend tests of ONNX 1.20 pass or are refused with a reason", "[conformance]") {
  check_set(
      {"1.20", "package `libonnx-testdata` 1.20 of Debian", FETTLE_NEWER_ONNX_TESTDATA, "conformance.md"},
      1400);
}

}  // namespace fettle::test
