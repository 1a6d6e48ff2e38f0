// SPDX-License-Identifier: Apache-2.0
#include "lib/graph/imported.h"

#include <algorithm>
#include <utility>

namespace fettle::graph {
namespace {

constexpr std::size_t kMostListed = 50;

bool is_of_input(const Problem& problem) { return problem.position == kNoNode; }

std::string counted(std::size_t count, const std::string& one, const std::string& many) {
  return std::to_string(count) + (count == 1 ? one : many);
}

}  // namespace

Error problems_error(const std::string& model, std::vector<Problem> problems) {
  std::stable_sort(problems.begin(), problems.end(),
                   [](const Problem& a, const Problem& b) { return a.position < b.position; });
  const auto first = std::find_if_not(problems.begin(), problems.end(), is_of_input);
  const auto inputs = static_cast<std::size_t>(first - problems.begin());
  const std::size_t others = problems.size() - inputs;
  std::string head;
  std::string hint;
  if (inputs > 0) {
    head = counted(inputs, " input has", " inputs have") + " no fixed shape";
    hint = "fix it: --shape " + problems.front().node + "=..., or ModelOptions::shapes";
  }
  if (others > 0) {
    head += (inputs > 0 ? ", " : "") + counted(others, " node", " nodes") + " cannot be run";
    hint += (inputs > 0 ? "; " : "");
    hint += "simplify the model before export, use operators that are supported, or fix its input shapes";
  }
  std::string message = model + ": " + head + ":";
  for (const Problem& problem : std::span(problems).first(std::min(problems.size(), kMostListed)))
    message += "\n  " + problem.node + " (" + problem.op + "): " + problem.reason;
  if (problems.size() > kMostListed)
    message += "\n  and " + std::to_string(problems.size() - kMostListed) + " more";
  return {others > 0 ? ErrorCode::kModelUnsupported : ErrorCode::kWrongShape, std::move(message),
          std::move(hint)};
}

}  // namespace fettle::graph
