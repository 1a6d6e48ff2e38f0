// SPDX-License-Identifier: Apache-2.0
#include "lib/graph/imported.h"

#include <algorithm>
#include <span>
#include <utility>

namespace fettle::graph {
namespace {

constexpr std::size_t kMostListed = 50;

struct Group {
  Problem::Kind kind;
  const char* one;
  const char* many;
};
constexpr Group kGroups[] = {
    {Problem::Kind::input_shape, " input has no fixed shape", " inputs have no fixed shape"},
    {Problem::Kind::input_type, " input cannot be used", " inputs cannot be used"},
    {Problem::Kind::node, " node cannot be run", " nodes cannot be run"}};

// What to do about problems of a kind.
std::string hint_for(Problem::Kind kind, std::span<const Problem> problems) {
  std::string hint;
  switch (kind) {
    case Problem::Kind::input_shape:
      hint = "give every extent that is left open:";
      for (const Problem& problem : problems) {
        if (problem.kind == kind) hint += " --shape " + problem.fix;
      }
      return hint + ", or ModelOptions::shapes";
    case Problem::Kind::input_type:
      return "export inputs as tensors of numbers, of at most " + std::to_string(kMaxRank) + " dimensions";
    case Problem::Kind::node:
      break;
  }
  return "simplify the model before export, use operators that are supported, or fix its input shapes";
}

}  // namespace

Error problems_error(const std::string& model, std::vector<Problem> problems) {
  std::stable_sort(problems.begin(), problems.end(),
                   [](const Problem& a, const Problem& b) { return a.position < b.position; });
  std::string head;
  std::string hint;
  bool shapes_alone = true;
  for (const Group& group : kGroups) {
    const auto is_of_group = [&](const Problem& problem) { return problem.kind == group.kind; };
    const auto count = std::count_if(problems.begin(), problems.end(), is_of_group);
    if (count == 0) continue;
    head += (head.empty() ? "" : ", ") + std::to_string(count) + (count == 1 ? group.one : group.many);
    hint += (hint.empty() ? "" : "; ") + hint_for(group.kind, problems);
    shapes_alone = shapes_alone && group.kind == Problem::Kind::input_shape;
  }
  std::string message = model + ": " + head + ":";
  for (const Problem& problem : std::span(problems).first(std::min(problems.size(), kMostListed)))
    message += "\n  " + problem.node + " (" + problem.op + "): " + problem.reason;
  if (problems.size() > kMostListed)
    message += "\n  and " + std::to_string(problems.size() - kMostListed) + " more";
  return {shapes_alone ? ErrorCode::kWrongShape : ErrorCode::kModelUnsupported, std::move(message),
          std::move(hint)};
}

}  // namespace fettle::graph
