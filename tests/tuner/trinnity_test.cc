// SPDX-License-Identifier: Apache-2.0
//
// Exact selection on published measurements: AlexNet's convolutions, 51 primitives, three layouts. The
// transform into a layer is charged at that layer's input size; the network's input is chw.
#include "tuner/search/pbqp.h"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#ifndef FETTLE_SHARED_DIR
#define FETTLE_SHARED_DIR "../shared"
#endif

namespace fettle::tuner {
namespace {

using Rows = std::vector<std::vector<std::string>>;

Rows read_csv(const std::string& name) {
  const char* folder = std::getenv("FETTLE_SHARED");
  std::ifstream file(std::string(folder != nullptr ? folder : FETTLE_SHARED_DIR) + "/data/trinnity/" + name);
  Rows rows;
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string> fields;
    std::istringstream stream(line);
    for (std::string field; std::getline(stream, field, ',');) {
      field.erase(0, field.find_first_not_of(" \r"));
      field.erase(field.find_last_not_of(" \r") + 1);
      fields.push_back(field);
    }
    if (!fields.empty()) rows.push_back(fields);
  }
  return rows;
}

struct Primitive {
  std::string name;
  std::string input;
  std::string output;
  std::vector<double> costs;  // one per layer; 0: not applicable
};

struct Data {
  std::vector<Primitive> primitives;
  std::map<std::string, std::vector<double>> transforms;  // "chw-to-hwc"

  Data() {
    std::map<std::string, std::vector<double>> costs;
    for (const auto& row : read_csv("hns.csv")) {
      for (std::size_t i = 1; i < row.size(); ++i)
        costs[row[0]].push_back(std::strtod(row[i].c_str(), nullptr));
    }
    for (const auto& row : read_csv("hns-transforms.csv")) {
      for (std::size_t i = 1; i < row.size(); ++i)
        transforms[row[0]].push_back(std::strtod(row[i].c_str(), nullptr));
    }
    for (const auto& row : read_csv("triNNity-algorithms.csv")) {
      if (row.size() == 3 && costs.count(row[0]) != 0)
        primitives.push_back({row[0], row[1], row[2], costs[row[0]]});
    }
  }
  double transform(const std::string& from, const std::string& to, std::size_t layer) const {
    return from == to ? 0.0 : transforms.at(from + "-to-" + to).at(layer);
  }
};

double best(const Data& data, const std::function<bool(const Primitive&)>& allowed, bool output_chw = false,
            bool between_chw = false) {
  const std::size_t layers = 5;
  SelectionProblem problem;
  std::vector<std::vector<const Primitive*>> options(layers);
  for (std::size_t layer = 0; layer < layers; ++layer) {
    std::vector<double> costs;
    for (const Primitive& primitive : data.primitives) {
      if (primitive.costs[layer] == 0 || !allowed(primitive)) continue;
      // There are no measured transforms of the network's output: it is produced in chw.
      if (output_chw && layer + 1 == layers && primitive.output != "chw") continue;
      double cost = primitive.costs[layer];
      if (layer == 0 || between_chw) cost += data.transform("chw", primitive.input, layer);
      // Out of a layer at the next layer's input size; the last layer's output is about the size of its own
      // input.
      if (between_chw) cost += data.transform(primitive.output, "chw", std::min(layer + 1, layers - 1));
      options[layer].push_back(&primitive);
      costs.push_back(cost);
    }
    problem.add_node(std::move(costs));
    if (layer == 0 || between_chw) continue;
    std::vector<double> matrix;
    for (const Primitive* from : options[layer - 1]) {
      for (const Primitive* to : options[layer])
        matrix.push_back(data.transform(from->output, to->input, layer));
    }
    problem.add_edge(static_cast<int>(layer) - 1, static_cast<int>(layer), matrix);
  }
  const SelectionAnswer solution = solve_pbqp(problem);
  REQUIRE(solution.optimal);
  return solution.cost;
}

TEST_CASE("published optima are reproduced", "[tuner][pbqp][shared]") {
  if (read_csv("hns.csv").empty()) SKIP("no shared data: set FETTLE_SHARED");
  const Data data;
  REQUIRE(data.primitives.size() == 51);
  const auto all = [](const Primitive&) { return true; };
  const auto name_is = [](const char* name) { return [name](const Primitive& p) { return p.name == name; }; };
  const auto near = [](double value) { return Catch::Approx(value).margin(1.0).epsilon(0); };
  CHECK(best(data, all) == near(31'283'834));
  CHECK(best(data, all, true) == near(32'302'006));
  CHECK(best(data, all, false, true) == near(31'903'190));
  CHECK(best(data, [](const Primitive& p) { return p.name.find("winograd") == std::string::npos; }) ==
        near(42'586'671));
  CHECK(best(data, [](const Primitive& p) { return p.input == "chw" && p.output == "chw"; }) ==
        near(43'527'860));
  CHECK(best(data, name_is("im2col-scan-ab-ki")) == near(51'847'254));
  CHECK(best(data, name_is("direct-sum2d")) == near(340'213'463));
}

}  // namespace
}  // namespace fettle::tuner
