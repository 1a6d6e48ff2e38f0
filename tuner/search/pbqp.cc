// SPDX-License-Identifier: Apache-2.0
#include "tuner/search/pbqp.h"

#include "tuner/at.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <set>

namespace fettle::tuner {
namespace {

constexpr int kDiffusionRounds = 8;
constexpr double kSlack =
    1e-12;  // relative; rounding of reparametrised costs must not keep equal answers apart

int argmin(const std::vector<double>& costs) {
  return static_cast<int>(std::min_element(costs.begin(), costs.end()) - costs.begin());
}

double smallest(const std::vector<double>& costs) { return *std::min_element(costs.begin(), costs.end()); }

}  // namespace

int Pbqp::add_node(std::vector<double> costs) {
  costs_.push_back(std::move(costs));
  return static_cast<int>(costs_.size()) - 1;
}

void Pbqp::add_edge(int a, int b, const std::vector<double>& matrix) {
  const std::size_t rows = costs_[at(a)].size();
  const std::size_t columns = costs_[at(b)].size();
  std::vector<double>& edge = edges_[{std::min(a, b), std::max(a, b)}];
  edge.resize(rows * columns, 0.0);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j)
      edge[a < b ? i * columns + j : j * rows + i] += matrix[i * columns + j];
  }
}

double Pbqp::cost_of(const std::vector<int>& choice) const {
  double sum = 0;
  for (std::size_t n = 0; n < costs_.size(); ++n) sum += costs_[n][at(choice[n])];
  for (const auto& [ends, matrix] : edges_) {
    sum += matrix[at(choice[at(ends.first)]) * costs_[at(ends.second)].size() + at(choice[at(ends.second)])];
  }
  return sum;
}

// One solve. The graph shrinks as nodes are eliminated or fixed; the trail says how to choose their options
// afterwards, last eliminated first.
class PbqpSearch {
 public:
  PbqpSearch(const Pbqp& problem, std::int64_t most_branches)
      : problem_(problem), most_branches_(most_branches) {}

  PbqpSolution run() {
    Graph graph;
    graph.costs = problem_.costs_;
    graph.neighbours.resize(graph.costs.size());
    graph.alive.assign(graph.costs.size(), 1);
    graph.edges = problem_.edges_;
    for (const auto& [ends, matrix] : graph.edges) {
      graph.neighbours[at(ends.first)].insert(ends.second);
      graph.neighbours[at(ends.second)].insert(ends.first);
    }
    search(std::move(graph));
    best_.optimal = !out_of_budget_;
    best_.branches = branches_;
    return best_;
  }

 private:
  struct Graph {
    std::vector<std::vector<double>> costs;
    std::vector<std::set<int>> neighbours;
    std::vector<char> alive;
    std::map<std::pair<int, int>, std::vector<double>> edges;
  };
  // How to choose a node's option once its neighbours at elimination time have theirs.
  struct Eliminated {
    int node;
    std::vector<double> costs;
    std::vector<std::pair<int, std::vector<double>>>
        edges;  // neighbour, matrix [option of node][option of neighbour]
  };

  // The matrix of an edge with `a`'s options as rows, taken out of the graph.
  static std::vector<double> take_edge(Graph& graph, int a, int b) {
    const auto found = graph.edges.find({std::min(a, b), std::max(a, b)});
    std::vector<double> matrix = std::move(found->second);
    graph.edges.erase(found);
    graph.neighbours[at(a)].erase(b);
    graph.neighbours[at(b)].erase(a);
    if (a < b) return matrix;
    const std::size_t rows = graph.costs[at(a)].size();
    const std::size_t columns = graph.costs[at(b)].size();
    std::vector<double> turned(matrix.size());
    for (std::size_t j = 0; j < columns; ++j) {
      for (std::size_t i = 0; i < rows; ++i) turned[i * columns + j] = matrix[j * rows + i];
    }
    return turned;
  }

  static void add_edge(Graph& graph, int a, int b, const std::vector<double>& matrix) {
    const std::size_t rows = graph.costs[at(a)].size();
    const std::size_t columns = graph.costs[at(b)].size();
    std::vector<double>& edge = graph.edges[{std::min(a, b), std::max(a, b)}];
    edge.resize(rows * columns, 0.0);
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < columns; ++j)
        edge[a < b ? i * columns + j : j * rows + i] += matrix[i * columns + j];
    }
    graph.neighbours[at(a)].insert(b);
    graph.neighbours[at(b)].insert(a);
  }

  void eliminate(Graph& graph, int node) {
    Eliminated gone{node, graph.costs[at(node)], {}};
    const std::vector<int> neighbours(graph.neighbours[at(node)].begin(), graph.neighbours[at(node)].end());
    for (int other : neighbours) gone.edges.emplace_back(other, take_edge(graph, node, other));
    const std::size_t options = gone.costs.size();
    if (neighbours.size() == 1) {
      std::vector<double>& costs = graph.costs[at(neighbours[0])];
      const std::vector<double>& m = gone.edges[0].second;
      for (std::size_t j = 0; j < costs.size(); ++j) {
        double least = kForbidden;
        for (std::size_t i = 0; i < options; ++i)
          least = std::min(least, gone.costs[i] + m[i * costs.size() + j]);
        costs[j] += least;
      }
    } else if (neighbours.size() == 2) {
      const std::size_t rows = graph.costs[at(neighbours[0])].size();
      const std::size_t columns = graph.costs[at(neighbours[1])].size();
      const std::vector<double>& ma = gone.edges[0].second;
      const std::vector<double>& mb = gone.edges[1].second;
      std::vector<double> between(rows * columns, kForbidden);
      for (std::size_t i = 0; i < options; ++i) {
        for (std::size_t j = 0; j < rows; ++j) {
          const double left = gone.costs[i] + ma[i * rows + j];
          for (std::size_t k = 0; k < columns; ++k)
            between[j * columns + k] = std::min(between[j * columns + k], left + mb[i * columns + k]);
        }
      }
      add_edge(graph, neighbours[0], neighbours[1], between);
    }
    graph.alive[at(node)] = 0;
    trail_.push_back(std::move(gone));
  }

  void reduce(Graph& graph) {
    std::set<std::pair<std::size_t, int>> low;  // (degree, node) of nodes that can go
    const auto look = [&](int node) {
      const std::size_t degree = graph.neighbours[at(node)].size();
      if (graph.alive[at(node)] != 0 && degree <= 2) low.insert({degree, node});
    };
    for (std::size_t n = 0; n < graph.costs.size(); ++n) look(static_cast<int>(n));
    while (!low.empty()) {
      const auto [degree, node] = *low.begin();
      low.erase(low.begin());
      if (graph.alive[at(node)] == 0) continue;
      if (graph.neighbours[at(node)].size() != degree) {
        look(node);
        continue;
      }
      const std::vector<int> neighbours(graph.neighbours[at(node)].begin(), graph.neighbours[at(node)].end());
      eliminate(graph, node);
      for (int other : neighbours) look(other);
    }
  }

  // Moves what an edge costs at least for each option of one end to that end's costs. Changes no full
  // choice's cost.
  static void pull(std::vector<double>& costs, std::vector<double>& matrix, std::size_t others,
                   bool as_rows) {
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

  static void push(std::vector<double>& costs, std::vector<double>& matrix, std::size_t others, bool as_rows,
                   double share) {
    const std::size_t options = costs.size();
    for (std::size_t i = 0; i < options; ++i) {
      const double part = costs[i] == kForbidden ? kForbidden : costs[i] * share;
      for (std::size_t j = 0; j < others; ++j) matrix[as_rows ? i * others + j : j * options + i] += part;
    }
  }

  // A lower bound on the cost of everything alive. Reparametrises the graph, which also makes costs good
  // guides for branching.
  static double bound(Graph& graph) {
    for (int round = 0; round < kDiffusionRounds; ++round) {
      for (std::size_t n = 0; n < graph.costs.size(); ++n) {
        if (graph.alive[n] == 0) continue;
        const int node = static_cast<int>(n);
        const auto each_edge = [&](auto&& visit) {
          for (int other : graph.neighbours[n]) {
            visit(graph.edges.find({std::min(node, other), std::max(node, other)})->second,
                  graph.costs[at(other)].size(), node < other);
          }
        };
        each_edge([&](std::vector<double>& m, std::size_t others, bool rows) {
          pull(graph.costs[n], m, others, rows);
        });
        if (round + 1 == kDiffusionRounds) continue;
        const std::vector<double> whole = graph.costs[n];
        const double share = 1.0 / static_cast<double>(graph.neighbours[n].size() + 1);
        each_edge([&](std::vector<double>& m, std::size_t others, bool rows) {
          std::vector<double> costs = whole;
          push(costs, m, others, rows, share);
        });
        for (double& cost : graph.costs[n]) cost = cost == kForbidden ? cost : cost * share;
      }
    }
    double sum = 0;
    for (std::size_t n = 0; n < graph.costs.size(); ++n) {
      if (graph.alive[n] != 0) sum += smallest(graph.costs[n]);
    }
    for (const auto& [ends, matrix] : graph.edges) sum += smallest(matrix);
    return sum;
  }

  // What the eliminated nodes cost whatever comes: nodes without neighbours at elimination and fixed options.
  double settled() const {
    double sum = 0;
    for (const Eliminated& gone : trail_) {
      if (gone.edges.empty()) sum += smallest(gone.costs);
    }
    return sum;
  }

  void finish() {
    std::vector<int> choice(problem_.costs_.size(), 0);
    for (auto gone = trail_.rbegin(); gone != trail_.rend(); ++gone) {
      std::vector<double> costs = gone->costs;
      for (const auto& [other, matrix] : gone->edges) {
        const std::size_t columns = problem_.costs_[at(other)].size();
        for (std::size_t i = 0; i < costs.size(); ++i)
          costs[i] += matrix[i * columns + at(choice[at(other)])];
      }
      choice[at(gone->node)] = argmin(costs);
    }
    const double cost = problem_.cost_of(choice);
    if (cost < best_.cost) {
      best_.cost = cost;
      best_.choice = std::move(choice);
    }
  }

  bool hopeless(double lower) const {
    return lower == kForbidden || (best_.feasible() && lower >= best_.cost - kSlack * std::abs(best_.cost));
  }

  void search(Graph graph) {
    const std::size_t mark = trail_.size();
    reduce(graph);
    int node = -1;
    for (std::size_t n = 0; n < graph.costs.size(); ++n) {
      if (graph.alive[n] == 0) continue;
      if (node < 0 || graph.neighbours[n].size() > graph.neighbours[at(node)].size())
        node = static_cast<int>(n);
    }
    if (node < 0)
      finish();
    else
      branch(graph, node);
    trail_.resize(mark, Eliminated{});
  }

  void branch(Graph& graph, int node) {
    const double lower = settled() + bound(graph);
    if (hopeless(lower)) return;
    const std::vector<double> costs = graph.costs[at(node)];
    const double least = smallest(costs);
    std::vector<int> order(costs.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return costs[at(a)] < costs[at(b)]; });
    for (int option : order) {
      if (hopeless(lower - least + costs[at(option)])) break;
      if (branches_ >= most_branches_ && best_.feasible()) {
        out_of_budget_ = true;
        break;
      }
      ++branches_;
      const std::size_t mark = trail_.size();
      search(fix(graph, node, option));
      trail_.resize(mark, Eliminated{});
    }
  }

  // The graph without `node`, which takes `option`.
  Graph fix(const Graph& graph, int node, int option) {
    Graph rest = graph;
    const std::vector<int> neighbours(rest.neighbours[at(node)].begin(), rest.neighbours[at(node)].end());
    for (int other : neighbours) {
      const std::vector<double> matrix = take_edge(rest, node, other);
      std::vector<double>& costs = rest.costs[at(other)];
      for (std::size_t j = 0; j < costs.size(); ++j) costs[j] += matrix[at(option) * costs.size() + j];
    }
    rest.alive[at(node)] = 0;
    std::vector<double> fixed(rest.costs[at(node)].size(), kForbidden);
    fixed[at(option)] = rest.costs[at(node)][at(option)];
    trail_.push_back({node, std::move(fixed), {}});
    return rest;
  }

  const Pbqp& problem_;
  std::int64_t most_branches_;
  std::int64_t branches_ = 0;
  bool out_of_budget_ = false;
  std::vector<Eliminated> trail_;
  PbqpSolution best_;
};

PbqpSolution Pbqp::solve(std::int64_t most_branches) const { return PbqpSearch(*this, most_branches).run(); }

}  // namespace fettle::tuner
