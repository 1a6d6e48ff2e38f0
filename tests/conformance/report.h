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

int count(const std::vector<CaseRecord>& records, Outcome outcome);
std::string conformance_page(const std::vector<CaseRecord>& records);

}  // namespace fettle::test
