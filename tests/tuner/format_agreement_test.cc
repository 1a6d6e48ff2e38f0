// SPDX-License-Identifier: Apache-2.0
#include "tuner/search/format_agreement.h"

#include "tests/tuner/random_selection.h"
#include "tuner/search/pbqp.h"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <random>
#include <set>
#include <utility>
#include <vector>

namespace fettle::tuner {
namespace {

using testing::brute_force;
using testing::for_each_choice;
using testing::random_costs;

double conversion(int from, int to) { return 10 + std::abs(from - to); }

std::vector<int> random_formats(std::mt19937& rng, int options, int formats) {
  std::vector<int> result;
  for (int i = 0; i < options; ++i)
    result.push_back(static_cast<int>(rng() % static_cast<unsigned>(formats)));
  return result;
}

// What the conversions of a value cost, by its definition: one for each other format that is read.
double conversions_of(const FormattedValue& value, const std::vector<int>& choice) {
  const auto format_of = [&](const FormatEnd& end) {
    return end
        .formats[end.node < 0 ? 0 : static_cast<std::size_t>(choice[static_cast<std::size_t>(end.node)])];
  };
  const int from = format_of(value.producer);
  std::set<int> read;
  for (const FormatEnd& reader : value.readers) read.insert(format_of(reader));
  if (read.empty()) return 0;
  if (from == kInside || read.contains(kInside))
    return from == kInside && read == std::set<int>{kInside} ? 0 : kForbidden;
  double sum = 0;
  for (int to : read) sum += from == to ? 0 : value.conversion(from, to);
  return sum;
}

TEST_CASE("format agreement: values cost a conversion for each other format that is read",
          "[tuner][formats]") {
  std::mt19937 rng(31);
  for (int round = 0; round < 300; ++round) {
    const int formats = 2 + static_cast<int>(rng() % 4);
    const int options = 3;
    const int readers = static_cast<int>(rng() % 4);
    const bool leaves = rng() % 3 == 0;
    const bool produced = rng() % 4 != 0;
    SelectionProblem problem;
    FormattedValue value;
    value.conversion = conversion;
    if (produced)
      value.producer = {problem.add_node(random_costs(rng, options, 0)),
                        random_formats(rng, options, formats)};
    else
      value.producer = {-1, {static_cast<int>(rng() % static_cast<unsigned>(formats))}};
    for (int r = 0; r < readers; ++r)
      value.readers.push_back(
          {problem.add_node(random_costs(rng, options, 0)), random_formats(rng, options, formats)});
    if (produced && rng() % 3 == 0) {  // a region over the producer and all readers
      value.producer.formats[0] = kInside;
      for (FormatEnd& reader : value.readers) reader.formats[0] = kInside;
    }
    if (leaves) value.readers.push_back({-1, {0}});
    const SelectionProblem layers = problem;
    const ValueNode node = add_value(problem, value);
    CAPTURE(round, readers, leaves, produced);
    CHECK((node.node >= 0) == (value.readers.size() > 1));
    CHECK_FALSE((node.bounded && value.readers.size() <= 3));
    if (problem.node_count() == 0) continue;
    double expected = kForbidden;
    for_each_choice(layers, [&](const std::vector<int>& choice) {
      expected = std::min(expected, layers.cost_of(choice) + conversions_of(value, choice));
    });
    const SelectionAnswer answer = solve_pbqp(problem);
    // With a fixed end at both sides the cost is the same for every choice, and is left out.
    if (!produced && readers == 0) expected = layers.cost_of(answer.choice);
    REQUIRE(answer.feasible == (expected < kForbidden));
    if (answer.feasible) CHECK(answer.cost == Catch::Approx(expected));
  }
}

TEST_CASE("format agreement: at most three copies, and the answer says when there are as many",
          "[tuner][formats]") {
  const auto read_in = [](const std::vector<int>& formats) {
    SelectionProblem problem;
    FormattedValue value;
    value.producer = {problem.add_node({0}), {0}};
    for (int format : formats) value.readers.push_back({problem.add_node({0, 100}), {format, 0}});
    value.conversion = conversion;
    const ValueNode node = add_value(problem, value);
    const SelectionAnswer answer = solve_pbqp(problem);
    REQUIRE(answer.feasible);
    const int copies =
        node.copies[static_cast<std::size_t>(answer.choice[static_cast<std::size_t>(node.node)])];
    return std::make_pair(copies, node.bound_reached(answer.choice));
  };
  CHECK(read_in({1, 2}) == std::make_pair(2, false));
  CHECK(read_in({1, 2, 3}) == std::make_pair(3, false));     // no more readers
  CHECK(read_in({1, 2, 3, 0}) == std::make_pair(3, false));  // no more formats
  CHECK(read_in({1, 1, 1, 2}) == std::make_pair(2, false));
  CHECK(read_in({1, 2, 3, 4}) == std::make_pair(3, true));  // the fourth reader takes its costly option
}

TEST_CASE("format agreement: a value that no option of a reader can read forbids everything",
          "[tuner][formats]") {
  SelectionProblem problem;
  FormattedValue value;
  value.producer = {problem.add_node({0}), {0}};
  for (int format : {0, 1}) value.readers.push_back({problem.add_node({0}), {format}});
  value.conversion = [](int, int) { return kForbidden; };
  add_value(problem, value);
  const SelectionAnswer answer = solve_pbqp(problem);
  CHECK_FALSE(answer.feasible);
  CHECK(answer.optimal);
}

// The shape of MobileNetV2: inverted residuals of three layers, ten of them with an addition; 12 formats of
// values, 8 options of layers.
class MobileNetLike {
 public:
  MobileNetLike() {
    int last = layer({});
    for (int block = 0; block < 17; ++block) {
      const int start = last;
      for (int i = 0; i < 3; ++i) last = layer({last});
      if (block % 5 < 3 && adds_ < 10) {
        last = layer({last, start});
        ++adds_;
      }
    }
    for (std::size_t v = 0; v < readers_.size(); ++v) {
      FormattedValue value;
      value.producer = {static_cast<int>(v), written_[v]};
      for (int reader : readers_[v])
        value.readers.push_back({reader, read_[static_cast<std::size_t>(reader)]});
      if (value.readers.empty()) value.readers.push_back({-1, {0}});
      value.conversion = conversion;
      bounded_ = bounded_ || add_value(problem_, value).bounded;
    }
  }

  SelectionProblem& problem() { return problem_; }
  int layers() const { return static_cast<int>(readers_.size()); }
  int adds() const { return adds_; }
  bool bounded() const { return bounded_; }

 private:
  int layer(const std::vector<int>& inputs) {
    const int node = problem_.add_node(random_costs(rng_, 8, 0));
    for (int input : inputs) readers_[static_cast<std::size_t>(input)].push_back(node);
    readers_.emplace_back();
    read_.push_back(random_formats(rng_, 8, 12));
    written_.push_back(random_formats(rng_, 8, 12));
    return node;
  }

  std::mt19937 rng_{1};
  SelectionProblem problem_;
  std::vector<std::vector<int>> readers_;  // by layer, of its result
  std::vector<std::vector<int>> read_;     // formats of each option
  std::vector<std::vector<int>> written_;
  int adds_ = 0;
  bool bounded_ = false;
};

TEST_CASE("format agreement: a network of 12 formats is solved by reductions alone", "[tuner][formats]") {
  MobileNetLike network;
  CHECK(network.layers() == 62);
  CHECK(network.adds() == 10);
  const SelectionAnswer answer = solve_pbqp(network.problem());
  REQUIRE(answer.feasible);
  CHECK(answer.optimal);
  CHECK(answer.branches == 0);
  CHECK(answer.lower_bound == answer.cost);
  CHECK(network.problem().cost_of(answer.choice) == answer.cost);
  CHECK_FALSE(network.bounded());
}

TEST_CASE("format agreement: the same network under a memory capacity", "[tuner][formats]") {
  MobileNetLike network;
  SelectionProblem& problem = network.problem();
  const double free = solve_pbqp(problem).cost;
  std::mt19937 rng(2);
  for (int n = 0; n < network.layers(); ++n) problem.add_step(100);
  for (int n = 0; n < network.layers(); ++n) {
    for (int i = 0; i < 8; ++i)
      problem.occupy(n, i, n, std::min(n + 1, network.layers() - 1), random_costs(rng, 1, 0)[0]);
  }
  const SelectionAnswer answer = solve_pbqp(problem);
  REQUIRE(answer.feasible);
  CHECK(answer.optimal);
  CHECK(problem.fits(answer.choice));
  CHECK(answer.cost > free);
}

}  // namespace
}  // namespace fettle::tuner
