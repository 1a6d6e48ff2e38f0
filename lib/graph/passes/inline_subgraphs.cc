// SPDX-License-Identifier: Apache-2.0
#include "lib/graph/passes/inline_subgraphs.h"

#include "lib/base/op_names.h"
#include "lib/graph/infer/infer.h"

#include <algorithm>
#include <utility>

namespace fettle::graph {

std::optional<bool> truth(const Value& value) {
  if (!value.constant || value.type != DataType::boolean || value.constant->bytes.size() != 1)
    return std::nullopt;
  return value.constant->bytes.front() != std::byte{0};
}

namespace {

// A loop may repeat more than nodes: long lists of operands, names and attributes count as well, so that the
// limit on nodes is one on memory and time.
constexpr std::size_t kPartsPerNode = 256;

std::size_t cost_of(const Graph& body) {
  std::size_t parts = body.value_count() + body.inputs.size() + body.outputs.size();
  for (std::size_t i = 0; i < body.node_count(); ++i) {
    const Node& node = body.node(static_cast<NodeId>(i));
    parts += node.inputs.size() + node.outputs.size() + node.id.size() + node.attributes.text().size();
  }
  return std::max<std::size_t>(1, body.node_count()) + parts / kPartsPerNode;
}

// Entry `i` of a list that may be left out, then 0.
std::int64_t entry(const Node& node, std::string_view list, std::size_t i) {
  const auto values = node.attributes.integers(list);
  return i < values.size() ? values[i] : 0;
}

std::size_t scan_inputs(const Node& node) {
  return static_cast<std::size_t>(node.attributes.integer("num_scan_inputs"));
}

// Takes over what the last iteration gave; `first` results are neither carried nor scan outputs.
template <typename Expansion>
void collect(Expansion& expansion, std::size_t first) {
  const auto& results = expansion.results;
  for (std::size_t i = 0; i < expansion.carried.size(); ++i) expansion.carried[i] = results[first + i];
  first += expansion.carried.size();
  for (std::size_t i = 0; i < expansion.scanned.size(); ++i)
    expansion.scanned[i].push_back(results[first + i]);
}

}  // namespace

Status SubgraphInliner::advance(NodeId id, std::vector<NodeId>& next) {
  if (nodes_ == 0) nodes_ = graph_.live_nodes();
  Expansion& expansion = expansions_[id];
  // A body that cannot be run gives the same problems each time.
  if (expansion.body && context_.problems.size() > expansion.known_problems) return {};
  switch (graph_.node(id).op) {
    case Op::branch:
      return advance_branch(id, expansion, next);
    case Op::loop:
      return advance_loop(id, expansion, next);
    case Op::scan:
      return advance_scan(id, expansion, next);
    default:
      return problem(id, "has a subgraph");
  }
}

Status SubgraphInliner::begin(NodeId id, std::size_t body, Expansion& expansion) {
  const Node& node = graph_.node(id);
  expansion.body = node.bodies[body];
  std::size_t first = node.inputs.size();
  for (std::size_t i = body; i < node.bodies.size(); ++i) first -= node.bodies[i]->captures;
  const auto from = node.inputs.begin() + static_cast<std::ptrdiff_t>(first);
  expansion.captures.assign(from, from + static_cast<std::ptrdiff_t>(expansion.body->captures));
  expansion.known_problems = context_.problems.size();
  expansion.cost = cost_of(expansion.body->graph);
  Result<std::vector<NodeId>> order = expansion.body->graph.topological_order();
  if (!order) return std::move(order).error();
  expansion.order = *std::move(order);
  return {};
}

Status SubgraphInliner::advance_branch(NodeId id, Expansion& expansion, std::vector<NodeId>& next) {
  const std::optional<bool> condition = truth(graph_.value(graph_.node(id).inputs.front()));
  if (!condition) return advance_computed_branch(id, expansion, next);
  if (expansion.body) {
    expansion.carried = expansion.results;
    return finish(id, expansion, next);
  }
  if (Status status = begin(id, *condition ? 0 : 1, expansion); !status) return status;
  return add_body(id, expansion, {}, std::string(graph_.node(id).attributes.string("instance")), next);
}

// Operands: trip count, condition, what is carried. The body: iteration, condition, what is carried; gives
// the condition, what is carried, scan outputs.
Status SubgraphInliner::begin_loop(NodeId id, Expansion& expansion) {
  if (Status status = begin(id, 0, expansion); !status) return status;
  const Node& node = graph_.node(id);
  const auto operands = node.inputs.end() - static_cast<std::ptrdiff_t>(expansion.captures.size());
  expansion.carried.assign(node.inputs.begin() + 2, operands);
  expansion.scanned.resize(expansion.body->graph.outputs.size() - 1 - expansion.carried.size());
  const std::size_t problems = context_.problems.size();
  if (Status status = read_trips(id, expansion); !status) return status;
  if (context_.problems.size() > problems) return {};
  expansion.condition = node.inputs[1];
  if (expansion.condition != kNoValue) return {};
  const std::byte yes{1};
  Result<ValueId> condition =
      graph_.add_constant(node.id + ".condition", DataType::boolean, Shape{}, std::span(&yes, 1));
  if (!condition) return std::move(condition).error();
  expansion.condition = *condition;
  return {};
}

Status SubgraphInliner::advance_loop(NodeId id, Expansion& expansion, std::vector<NodeId>& next) {
  if (!expansion.body) {
    const std::size_t problems = context_.problems.size();
    if (Status status = begin_loop(id, expansion); !status) return status;
    if (context_.problems.size() > problems) return {};
  } else if (expansion.probed) {
    return finish(id, expansion, next);
  } else {
    if (Status status = keep_where_over(id, expansion, next); !status) return status;
    expansion.condition = expansion.results.front();
    collect(expansion, 1);
  }
  if (expansion.trips && expansion.iteration >= *expansion.trips) return end(id, expansion, next);
  const Result<bool> takes_place = begin_iteration(id, expansion, next);
  if (!takes_place) return takes_place.error();
  if (context_.problems.size() > expansion.known_problems) return {};
  if (!*takes_place) return end(id, expansion, next);
  const std::int64_t iteration = expansion.iteration++;
  return add_iteration(id, expansion, iteration, "." + std::to_string(iteration), next);
}

Status SubgraphInliner::add_iteration(NodeId id, Expansion& expansion, std::int64_t iteration,
                                      const std::string& suffix, std::vector<NodeId>& next) {
  Result<ValueId> counter = graph_.add_constant(graph_.node(id).id + ".iteration", DataType::s64, Shape{},
                                                std::as_bytes(std::span(&iteration, 1)));
  if (!counter) return std::move(counter).error();
  std::vector<ValueId> arguments{*counter, expansion.condition};
  arguments.insert(arguments.end(), expansion.carried.begin(), expansion.carried.end());
  const std::string instance(graph_.node(id).attributes.string("instance"));
  return add_body(id, expansion, std::move(arguments), instance + suffix, next);
}

// Operands: what is carried, what is scanned. The body takes the former and a slice of each of the latter,
// and gives the former and scan outputs.
Status SubgraphInliner::begin_scan(NodeId id, Expansion& expansion) {
  if (Status status = begin(id, 0, expansion); !status) return status;
  const Node& node = graph_.node(id);
  const std::size_t operands = node.inputs.size() - expansion.captures.size();
  const std::size_t carried = operands - scan_inputs(node);
  expansion.carried.assign(node.inputs.begin(), node.inputs.begin() + static_cast<std::ptrdiff_t>(carried));
  expansion.scanned.resize(expansion.body->graph.outputs.size() - carried);
  for (std::size_t i = carried; i < operands; ++i) {
    const Shape& shape = *graph_.value(node.inputs[i]).shape;
    std::int64_t axis = entry(node, "scan_input_axes", i - carried);
    if (axis < 0) axis += shape.rank();
    if (axis < 0 || axis >= shape.rank()) return problem(id, "a scan axis lies outside its input");
    const std::int64_t extent = shape[static_cast<int>(axis)];
    if (expansion.trips && *expansion.trips != extent) return problem(id, "the scan inputs differ in length");
    expansion.trips = extent;
  }
  return {};
}

Status SubgraphInliner::advance_scan(NodeId id, Expansion& expansion, std::vector<NodeId>& next) {
  if (!expansion.body) {
    const std::size_t problems = context_.problems.size();
    if (Status status = begin_scan(id, expansion); !status) return status;
    if (context_.problems.size() > problems) return {};
  } else if (expansion.probed) {
    return finish(id, expansion, next);
  } else {
    collect(expansion, 0);
  }
  if (expansion.iteration >= *expansion.trips) return end(id, expansion, next);
  std::vector<ValueId> arguments = expansion.carried;
  const std::size_t slices = scan_inputs(graph_.node(id));
  for (std::size_t i = 0; i < slices; ++i) {
    if (Status status = slice(id, i, expansion, arguments, next); !status) return status;
  }
  const std::int64_t iteration = expansion.iteration++;
  const std::string instance(graph_.node(id).attributes.string("instance"));
  return add_body(id, expansion, std::move(arguments), instance + "." + std::to_string(iteration), next);
}

// What this iteration gets of scan input `input`.
Status SubgraphInliner::slice(NodeId id, std::size_t input, const Expansion& expansion,
                              std::vector<ValueId>& arguments, std::vector<NodeId>& next) {
  const Node& node = graph_.node(id);
  if (Status status = charge(node.id, 2); !status) return status;
  const bool backwards = entry(node, "scan_input_directions", input) != 0;
  const std::int64_t at = backwards ? *expansion.trips - 1 - expansion.iteration : expansion.iteration;
  const std::vector<std::int64_t> axes{entry(node, "scan_input_axes", input)};
  const std::string name =
      node.id + ".slice" + std::to_string(input) + "." + std::to_string(expansion.iteration);
  Node piece{Op::slice, name, {}, {}, {node.inputs[expansion.carried.size() + input]}, {}};
  piece.attributes.set("starts", std::vector<std::int64_t>{at});
  piece.attributes.set("ends", std::vector<std::int64_t>{at + 1});
  piece.attributes.set("axes", axes);
  piece.attributes.set("steps", std::vector<std::int64_t>{1});
  Node squeeze{Op::squeeze, name + ".squeeze", {}, {}, {add(std::move(piece), kNoValue, next)}, {}};
  squeeze.attributes.set("axes", axes);
  arguments.push_back(add(std::move(squeeze), kNoValue, next));
  return {};
}

Status SubgraphInliner::end(NodeId id, Expansion& expansion, std::vector<NodeId>& next) {
  if (expansion.iteration > 0 || knows_scan_results(id, expansion)) return finish(id, expansion, next);
  return probe(id, expansion, next);
}

// One element of scan output `output`: as an iteration gives it.
std::optional<Subgraph::Declared> SubgraphInliner::scan_result(const Expansion& expansion,
                                                               std::size_t output) const {
  const std::size_t first = expansion.body->graph.outputs.size() - expansion.scanned.size();
  if (const auto& declared = expansion.body->declared; first + output < declared.size()) {
    if (declared[first + output]) return declared[first + output];
  }
  if (!expansion.probed) return std::nullopt;
  const Value& value = graph_.value(expansion.results[first + output]);
  if (!value.shape || value.type == DataType::undefined) return std::nullopt;
  return Subgraph::Declared{value.type, *value.shape};
}

bool SubgraphInliner::knows_scan_results(NodeId id, const Expansion& expansion) const {
  const std::vector<ValueId>& outputs = graph_.node(id).outputs;
  for (std::size_t i = expansion.carried.size(); i < outputs.size(); ++i) {
    if (outputs[i] != kNoValue && !scan_result(expansion, i - expansion.carried.size())) return false;
  }
  return true;
}

// Adds an iteration for the shapes of its results. Nothing uses these, so that its nodes are removed.
Status SubgraphInliner::probe(NodeId id, Expansion& expansion, std::vector<NodeId>& next) {
  expansion.probed = true;
  const std::string suffix = ".none";
  if (graph_.node(id).op == Op::loop) return add_iteration(id, expansion, 0, suffix, next);
  std::vector<ValueId> arguments = expansion.carried;
  const std::size_t slices = scan_inputs(graph_.node(id));
  for (std::size_t i = 0; i < slices; ++i) {
    const Value& scanned = graph_.value(graph_.node(id).inputs[expansion.carried.size() + i]);
    std::int64_t without = entry(graph_.node(id), "scan_input_axes", i);
    if (without < 0) without += scanned.shape->rank();
    Shape shape;
    for (int axis = 0; axis < scanned.shape->rank(); ++axis) {
      if (axis != without) shape.push_back((*scanned.shape)[axis]);
    }
    const DataType type = scanned.type;
    arguments.push_back(new_value(graph_.node(id).id));
    graph_.value(arguments.back()).type = type;
    graph_.value(arguments.back()).shape = shape;
  }
  const std::string instance(graph_.node(id).attributes.string("instance"));
  return add_body(id, expansion, std::move(arguments), instance + suffix, next);
}

// The shape with an extent of 0 where the iterations would be stacked; nothing where there is no such axis.
std::optional<Shape> SubgraphInliner::shape_of_none(const Node& node, std::size_t output,
                                                    const Shape& shape) const {
  std::int64_t axis = entry(node, "scan_output_axes", output);
  if (axis < 0) axis += shape.rank() + 1;
  if (axis < 0 || axis > shape.rank() || shape.rank() >= kMaxRank) return std::nullopt;
  Shape result(shape.dims().first(static_cast<std::size_t>(axis)));
  result.push_back(0);
  for (const std::int64_t extent : shape.dims().subspan(static_cast<std::size_t>(axis)))
    result.push_back(extent);
  return result;
}

Status SubgraphInliner::finish_none(NodeId id, const Expansion& expansion) {
  const Node& node = graph_.node(id);
  for (std::size_t i = expansion.carried.size(); i < node.outputs.size(); ++i) {
    if (node.outputs[i] == kNoValue) continue;
    const std::size_t output = i - expansion.carried.size();
    const auto result = scan_result(expansion, output);
    if (!result) return problem(id, "it has no iterations, and its scan outputs have no known shape");
    const auto shape = shape_of_none(node, output, result->shape);
    if (!shape)
      return problem(id, "a scan axis lies outside its output, or the output has more than 8 dimensions");
    Value& value = graph_.value(node.outputs[i]);
    value.type = result->type;
    value.shape = shape;
  }
  return {};
}

// The body's nodes, with these values as its inputs before the captures.
Status SubgraphInliner::add_body(NodeId id, Expansion& expansion, std::vector<ValueId> arguments,
                                 const std::string& suffix, std::vector<NodeId>& next) {
  const Subgraph& body = *expansion.body;
  if (Status status = charge(graph_.node(id).id, expansion.cost); !status) return status;
  // The nodes that they are about are not in the body; the others may have problems of their own.
  context_.problems.insert(context_.problems.end(), body.problems.begin(), body.problems.end());
  arguments.insert(arguments.end(), expansion.captures.begin(), expansion.captures.end());
  std::vector<ValueId> copies(body.graph.value_count(), kNoValue);
  for (std::size_t i = 0; i < arguments.size(); ++i)
    copies[static_cast<std::size_t>(body.graph.inputs[i])] = arguments[i];
  for (NodeId from : expansion.order) {
    Node node = body.graph.node(from);
    node.id = context_.ids(graph_).take(node.id + suffix);
    if (!node.bodies.empty()) node.attributes.set("instance", suffix);
    for (ValueId& input : node.inputs) input = mapped(input, expansion, copies);
    for (ValueId& output : node.outputs) {
      if (output == kNoValue) continue;
      ValueId& copy = copies[static_cast<std::size_t>(output)];
      copy = new_value(body.graph.value(output).name);
      output = copy;
    }
    next.push_back(graph_.add_node(std::move(node)));
  }
  expansion.results.clear();
  for (ValueId output : body.graph.outputs) expansion.results.push_back(mapped(output, expansion, copies));
  next.push_back(id);
  return {};
}

// The body's value in the graph. Its constants come along when they are used, once for all iterations.
ValueId SubgraphInliner::mapped(ValueId value, Expansion& expansion, const std::vector<ValueId>& copies) {
  if (value == kNoValue) return kNoValue;
  if (const ValueId copy = copies[static_cast<std::size_t>(value)]; copy != kNoValue) return copy;
  const auto [at, fresh] = expansion.constants.try_emplace(value, kNoValue);
  if (fresh) {
    const Value& constant = expansion.body->graph.value(value);
    at->second = new_value(constant.name);
    graph_.value(at->second).type = constant.type;
    graph_.value(at->second).shape = constant.shape;
    graph_.value(at->second).constant = constant.constant;
  }
  return at->second;
}

// The node goes; what was carried and the scan outputs become its results.
Status SubgraphInliner::finish(NodeId id, Expansion& expansion, std::vector<NodeId>& next) {
  const Node node = graph_.node(id);
  const std::size_t carried = expansion.carried.size();
  if (expansion.iteration == 0) {
    const std::size_t problems = context_.problems.size();
    if (Status status = finish_none(id, expansion); !status) return status;
    if (context_.problems.size() > problems) return {};
  }
  const bool cuts = ends_computed(expansion) && node.outputs.size() > carried;
  if (cuts) {
    const std::size_t problems = context_.problems.size();
    if (Status status = keep_pieces(id, expansion, next); !status) return status;
    if (context_.problems.size() > problems) return {};
  }
  graph_.remove_node(id);
  context_.ids(graph_).release(node.id);
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    const ValueId to = node.outputs[i];
    if (to == kNoValue) continue;
    if (i < carried) {
      add_result(node.id, expansion.carried[i], to, next);
      continue;
    }
    if (expansion.iteration == 0) {
      become_empty_constant(graph_.value(to));
      continue;
    }
    const ValueId all = cuts ? new_value(node.id) : to;
    if (Status status = stack(node, i - carried, expansion.scanned[i - carried], all, next); !status)
      return status;
    if (!cuts) continue;
    const std::int64_t axis = entry(node, "scan_output_axes", i - carried);
    if (Status status = cut_to_count(node, expansion, axis, all, to, next); !status) return status;
  }
  expansions_.erase(id);
  return {};
}

void SubgraphInliner::add_result(const std::string& id, ValueId from, ValueId to, std::vector<NodeId>& next) {
  if (!graph_.is_constant(from)) {
    add({Op::identity, id, {}, {}, {from}, {}}, to, next);
    return;
  }
  Value& target = graph_.value(to);
  const Value& source = graph_.value(from);
  target.type = source.type;
  target.shape = source.shape;
  target.constant = source.constant;
}

Status SubgraphInliner::stack(const Node& node, std::size_t output, std::vector<ValueId> pieces, ValueId to,
                              std::vector<NodeId>& next) {
  if (Status status = charge(node.id, pieces.size() + 1); !status) return status;
  if (entry(node, "scan_output_directions", output) != 0) std::reverse(pieces.begin(), pieces.end());
  const std::int64_t axis = entry(node, "scan_output_axes", output);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    Node unsqueeze{Op::unsqueeze, node.id + ".unsqueeze" + std::to_string(i), {}, {}, {pieces[i]}, {}};
    unsqueeze.attributes.set("axes", std::vector<std::int64_t>{axis});
    pieces[i] = add(std::move(unsqueeze), kNoValue, next);
  }
  Node concat{Op::concat, node.id, {}, {}, std::move(pieces), {}};
  concat.attributes.set("axis", axis);
  add(std::move(concat), to, next);
  return {};
}

Status SubgraphInliner::problem(NodeId id, std::string reason) {
  const Node& node = graph_.node(id);
  context_.problems.push_back({node.id, std::string(onnx_name(node.op)), std::move(reason)});
  return {};
}

Status SubgraphInliner::charge(const std::string& id, std::size_t nodes) {
  nodes_ += nodes;
  if (nodes_ <= context_.limits.nodes) return {};
  return Error(ErrorCode::kLimitExceeded,
               graph_.name + ": with the subgraphs of " + id + " in its place there are more than " +
                   std::to_string(context_.limits.nodes) + " nodes",
               "raise ModelLimits::nodes if you trust the file, or export with fewer iterations");
}

ValueId SubgraphInliner::add(Node node, ValueId to, std::vector<NodeId>& next) {
  const ValueId result = to == kNoValue ? new_value(node.id) : to;
  node.id = context_.ids(graph_).take(node.id);
  node.outputs = {result};
  next.push_back(graph_.add_node(std::move(node)));
  return result;
}

ValueId SubgraphInliner::new_value(const std::string& name) {
  Value value;
  value.name = name + "#" + std::to_string(graph_.value_count());
  return graph_.add_value(std::move(value));
}

}  // namespace fettle::graph
