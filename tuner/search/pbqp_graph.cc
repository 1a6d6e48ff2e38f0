// SPDX-License-Identifier: Apache-2.0
#include "tuner/search/pbqp_graph.h"

#include "tuner/at.h"

#include <algorithm>

namespace fettle::tuner {
namespace {

constexpr int kDiffusionRounds = 8;

// Moves what an edge costs at least for each option of one end to that end's costs.
void pull(std::vector<double>& costs, EdgeMatrix& matrix, std::size_t others, bool as_rows) {
  const std::size_t options = costs.size();
  for (std::size_t i = 0; i < options; ++i) {
    const auto entry = [&](std::size_t j) -> double& {
      return matrix[as_rows ? i * others + j : j * options + i];
    };
    double least = kForbidden;
    for (std::size_t j = 0; j < others; ++j) least = std::min(least, entry(j));
    costs[i] += least;
    for (std::size_t j = 0; j < others; ++j) entry(j) = least == kForbidden ? 0.0 : entry(j) - least;
  }
}

// Moves a share of what each option costs to an edge.
void push(const std::vector<double>& costs, EdgeMatrix& matrix, std::size_t others, bool as_rows,
          double share) {
  const std::size_t options = costs.size();
  for (std::size_t i = 0; i < options; ++i) {
    const double part = costs[i] == kForbidden ? kForbidden : costs[i] * share;
    for (std::size_t j = 0; j < others; ++j) matrix[as_rows ? i * others + j : j * options + i] += part;
  }
}

// Diffusion around one node: it takes what its edges cost at least, and, unless this is the last round,
// shares it with them again.
void diffuse(PbqpGraph& graph, int node, bool share_again) {
  std::vector<double>& costs = graph.costs[at(node)];
  const auto each_edge = [&](auto&& visit) {
    for (int other : graph.neighbours[at(node)]) {
      visit(graph.edges.find({std::min(node, other), std::max(node, other)})->second,
            graph.costs[at(other)].size(), node < other);
    }
  };
  each_edge([&](EdgeMatrix& matrix, std::size_t others, bool rows) { pull(costs, matrix, others, rows); });
  if (!share_again) return;
  const double share = 1.0 / static_cast<double>(graph.neighbours[at(node)].size() + 1);
  each_edge(
      [&](EdgeMatrix& matrix, std::size_t others, bool rows) { push(costs, matrix, others, rows, share); });
  for (double& cost : costs) cost = cost == kForbidden ? cost : cost * share;
}

}  // namespace

double smallest_cost(const std::vector<double>& costs) {
  return *std::min_element(costs.begin(), costs.end());
}

PbqpGraph::PbqpGraph(const SelectionProblem& problem)
    : costs(problem.node_costs()),
      neighbours(costs.size()),
      alive(costs.size(), 1),
      edges(problem.edge_costs()) {
  for (const auto& [ends, matrix] : edges) {
    neighbours[at(ends.first)].insert(ends.second);
    neighbours[at(ends.second)].insert(ends.first);
  }
}

EdgeMatrix PbqpGraph::take_edge(int a, int b) {
  const auto found = edges.find({std::min(a, b), std::max(a, b)});
  EdgeMatrix matrix = std::move(found->second);
  edges.erase(found);
  neighbours[at(a)].erase(b);
  neighbours[at(b)].erase(a);
  if (a < b) return matrix;
  const std::size_t rows = costs[at(a)].size();
  const std::size_t columns = costs[at(b)].size();
  EdgeMatrix turned(matrix.size());
  for (std::size_t j = 0; j < columns; ++j) {
    for (std::size_t i = 0; i < rows; ++i) turned[i * columns + j] = matrix[j * rows + i];
  }
  return turned;
}

void PbqpGraph::add_edge(int a, int b, const EdgeMatrix& matrix) {
  add_to_edge(edges, a, costs[at(a)].size(), b, costs[at(b)].size(), matrix);
  neighbours[at(a)].insert(b);
  neighbours[at(b)].insert(a);
}

double PbqpGraph::cost_of(const std::vector<int>& choice) const {
  double sum = constant;
  for (std::size_t n = 0; n < costs.size(); ++n) sum += costs[n][at(choice[n])];
  for (const auto& [ends, matrix] : edges)
    sum += matrix[at(choice[at(ends.first)]) * costs[at(ends.second)].size() + at(choice[at(ends.second)])];
  return sum;
}

double PbqpGraph::bound() {
  for (int round = 0; round < kDiffusionRounds; ++round) {
    for (std::size_t n = 0; n < costs.size(); ++n) {
      if (alive[n] != 0) diffuse(*this, static_cast<int>(n), round + 1 < kDiffusionRounds);
    }
  }
  double sum = 0;
  for (std::size_t n = 0; n < costs.size(); ++n) {
    if (alive[n] != 0) sum += smallest_cost(costs[n]);
  }
  for (const auto& [ends, matrix] : edges) sum += smallest_cost(matrix);
  return sum;
}

EliminatedNode eliminate(PbqpGraph& graph, int node) {
  EliminatedNode gone{node, graph.costs[at(node)], {}};
  const std::vector<int> neighbours(graph.neighbours[at(node)].begin(), graph.neighbours[at(node)].end());
  for (int other : neighbours) gone.edges.emplace_back(other, graph.take_edge(node, other));
  const std::size_t options = gone.costs.size();
  if (neighbours.size() == 1) {
    std::vector<double>& costs = graph.costs[at(neighbours[0])];
    const EdgeMatrix& matrix = gone.edges[0].second;
    for (std::size_t j = 0; j < costs.size(); ++j) {
      double least = kForbidden;
      for (std::size_t i = 0; i < options; ++i)
        least = std::min(least, gone.costs[i] + matrix[i * costs.size() + j]);
      costs[j] += least;
    }
  } else if (neighbours.size() == 2) {
    const std::size_t rows = graph.costs[at(neighbours[0])].size();
    const std::size_t columns = graph.costs[at(neighbours[1])].size();
    const EdgeMatrix& to_first = gone.edges[0].second;
    const EdgeMatrix& to_second = gone.edges[1].second;
    EdgeMatrix between(rows * columns, kForbidden);
    for (std::size_t i = 0; i < options; ++i) {
      for (std::size_t j = 0; j < rows; ++j) {
        const double left = gone.costs[i] + to_first[i * rows + j];
        if (left == kForbidden) continue;
        for (std::size_t k = 0; k < columns; ++k)
          between[j * columns + k] = std::min(between[j * columns + k], left + to_second[i * columns + k]);
      }
    }
    graph.add_edge(neighbours[0], neighbours[1], between);
  }
  graph.alive[at(node)] = 0;
  return gone;
}

EliminatedNode fix(PbqpGraph& graph, int node, int option) {
  const std::vector<int> neighbours(graph.neighbours[at(node)].begin(), graph.neighbours[at(node)].end());
  for (int other : neighbours) {
    const EdgeMatrix matrix = graph.take_edge(node, other);
    std::vector<double>& costs = graph.costs[at(other)];
    for (std::size_t j = 0; j < costs.size(); ++j) costs[j] += matrix[at(option) * costs.size() + j];
  }
  graph.alive[at(node)] = 0;
  std::vector<double> fixed(graph.costs[at(node)].size(), kForbidden);
  fixed[at(option)] = graph.costs[at(node)][at(option)];
  return {node, std::move(fixed), {}};
}

std::size_t elimination_work(const PbqpGraph& graph, int node) {
  std::size_t work = graph.costs[at(node)].size();
  for (int other : graph.neighbours[at(node)]) work *= graph.costs[at(other)].size();
  return work;
}

}  // namespace fettle::tuner
