// SPDX-License-Identifier: Apache-2.0
//
// Loads and runs a case, and says what came of it.
#pragma once

#include "tests/conformance/cases.h"

#include <fettle/model.h>

#include <optional>
#include <string>
#include <vector>

namespace fettle::test {

enum class Outcome {
  passed,
  folded,     ///< right, and nothing was left to run: folding computed it all
  refused,    ///< an error at load, which names what cannot be run
  contested,  ///< results differ from data that ONNX's own text, or arithmetic, contradicts
  failed      ///< wrong results, or any other error
};

struct CaseResult {
  Outcome outcome = Outcome::failed;
  std::string reason;              ///< of a refusal or failure
  std::vector<std::string> bound;  ///< "Reshape operand 1", ...: inputs that were made constants
};

CaseResult run_case(const Case& test);

/// How the case's model loads, perhaps with inputs made constants; nothing where it is refused.
std::optional<ModelOptions> options_that_load(const Case& test);

}  // namespace fettle::test
