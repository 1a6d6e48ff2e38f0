// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/report.h"

#include <algorithm>
#include <array>
#include <map>

namespace fettle::test {
namespace {

constexpr std::string_view kIntroduction = R"(
The test `fettle_conformance_tests` runs them all, within ONNX's own tolerances (1e-3 relative, 1e-7 absolute; the last
digit of bfloat16), and fails when a result is wrong or when this page is no longer true. Make it again:

```sh
FETTLE_UPDATE_DOCS=1 build/dev/tests/conformance/fettle_conformance_tests
```

)";

// Of the kind of case that a folder holds, or of all.
std::string right_of_all(const std::vector<CaseRecord>& records, std::string_view kind) {
  int right = 0;
  int all = 0;
  for (const CaseRecord& record : records) {
    if (!record.test.name.starts_with(kind)) continue;
    ++all;
    const Outcome outcome = record.result.outcome;
    right += outcome == Outcome::passed || outcome == Outcome::folded ? 1 : 0;
  }
  return std::to_string(right) + " of " + std::to_string(all);
}

using Counts = std::array<int, 5>;

int& at(Counts& counts, Outcome outcome) { return counts[static_cast<std::size_t>(outcome)]; }

void append_row(std::string& page, const std::string& name, Counts counts) {
  page += "| " + name;
  for (const int count : counts) page += " | " + (count == 0 ? std::string() : std::to_string(count));
  page += " |\n";
}

void append_operators(std::string& page, const std::vector<CaseRecord>& records) {
  std::map<std::string, Counts> operators;
  for (const CaseRecord& record : records) {
    for (const std::string& op : record.test.operators) ++at(operators[op], record.result.outcome);
  }
  page += "## By operator\n\nA test counts for every operator in it.\n\n";
  page += "| operator | passed | folded | refused | contested | failed |\n|---|--:|--:|--:|--:|--:|\n";
  for (const auto& [op, counts] : operators) append_row(page, op, counts);
}

void append_cases(std::string& page, const std::vector<CaseRecord>& records, Outcome outcome) {
  std::map<std::string, std::vector<std::string>> reasons;
  for (const CaseRecord& record : records) {
    if (record.result.outcome == outcome) reasons[record.result.reason].push_back(record.test.name);
  }
  for (const auto& [reason, names] : reasons) {
    page += "- " + reason + ":";
    for (const std::string& name : names) page += " `" + name.substr(name.find('/') + 1) + "`";
    page += "\n";
  }
}

void append_bound(std::string& page, const std::vector<CaseRecord>& records) {
  std::map<std::string, std::vector<std::string>> uses;
  for (const CaseRecord& record : records) {
    for (const std::string& use : record.result.bound) {
      std::vector<std::string>& names = uses[use];
      const std::string name = record.test.name.substr(record.test.name.find('/') + 1);
      if (names.empty() || names.back() != name) names.push_back(name);
    }
  }
  page +=
      "\n## Inputs bound as constants\n\nIntegers that say what a layer is, not what it works on; the tests "
      "give them as inputs, networks as constants\n(`ModelOptions::constants`, `--bind`).\n\n";
  for (const auto& [use, names] : uses) {
    page += "- " + use + ":";
    for (const std::string& name : names) page += " `" + name + "`";
    page += "\n";
  }
}

}  // namespace

int count(const std::vector<CaseRecord>& records, Outcome outcome) {
  return static_cast<int>(std::count_if(records.begin(), records.end(), [&](const CaseRecord& record) {
    return record.result.outcome == outcome;
  }));
}

std::string conformance_page(const CaseSet& set, const std::vector<CaseRecord>& records) {
  std::string page = "# Conformance: ONNX " + set.version + "\n\n**" + right_of_all(records, "") +
                     " pass** (of the node tests " + right_of_all(records, "node/") +
                     "): what the backend tests of ONNX " + set.version +
                     "\n(node, simple, pytorch-operator, " + "pytorch-converted; " + set.source +
                     ") say of this version.\n";
  page += kIntroduction;
  Counts all{};
  for (const CaseRecord& record : records) ++at(all, record.result.outcome);
  page += "| | passed | folded | refused | contested | failed |\n|---|--:|--:|--:|--:|--:|\n";
  append_row(page, std::to_string(records.size()) + " tests", all);
  page +=
      "\nPassed: the network ran and its results are right. Folded: they are right, and folding constants "
      "left nothing to\nrun. Refused: an error at load says why. Contested: the results differ from data "
      "that ONNX's own "
      "text or plain\narithmetic contradicts.\n\n";
  append_operators(page, records);
  page += "\n## Refused, and why\n\n";
  append_cases(page, records, Outcome::refused);
  if (count(records, Outcome::contested) > 0) {
    page += "\n## Contested, and why\n\n";
    append_cases(page, records, Outcome::contested);
  }
  if (count(records, Outcome::failed) > 0) {
    page += "\n## Failed\n\n";
    append_cases(page, records, Outcome::failed);
  }
  append_bound(page, records);
  return page;
}

}  // namespace fettle::test
