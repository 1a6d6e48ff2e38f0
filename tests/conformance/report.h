// SPDX-License-Identifier: Apache-2.0
//
// The results of all cases as a Markdown page.
#pragma once

#include "tests/conformance/run_case.h"

#include <string>
#include <vector>

namespace fettle::test {

struct CaseRecord {
  Case test;  ///< without model and data
  CaseResult result;
};

/// The cases of one release of ONNX, and the page in docs/ that says what came of them.
struct CaseSet {
  std::string version;
  std::string source;
  std::string root;
  std::string page;
};

int count(const std::vector<CaseRecord>& records, Outcome outcome);
std::string conformance_page(const CaseSet& set, const std::vector<CaseRecord>& records);

}  // namespace fettle::test
