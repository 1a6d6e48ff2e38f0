// SPDX-License-Identifier: Apache-2.0
//
// fettle inspect: what a model is, layer by layer, and what it will need here.
#include "tuner/cli/command.h"
#include "tuner/cli/reference_json.h"
#include "tuner/reference_share.h"

#include <fmt/format.h>

#include <iterator>
#include <memory>

namespace fettle::cli {
namespace {

Json describe(const TensorInfo& info) {
  Json shape = Json::array();
  for (std::int64_t extent : info.shape) shape.push_back(extent);
  return {{"name", info.name},
          {"type", to_string(info.type)},
          {"shape", shape},
          {"bytes", info.bytes},
          {"bounded", info.bounded}};
}

Json as_json(const Loaded& loaded) {
  Json json;
  json["name"] = loaded.model.name();
  json["opset"] = loaded.model.opset();
  json["graph"] = loaded.model.graph_hash();
  json["weights"] = loaded.model.weights_hash();
  json["nodes"] = loaded.model.imported_nodes();
  for (const TensorInfo& info : loaded.model.inputs()) json["inputs"].push_back(describe(info));
  for (const TensorInfo& info : loaded.model.outputs()) json["outputs"].push_back(describe(info));
  for (const LayerInfo& layer : loaded.model.layers()) {
    json["layers"].push_back({{"id", layer.id},
                              {"desc", layer.desc.text()},
                              {"macs", layer.macs},
                              {"operations", layer.operations}});
  }
  const ArenaInfo& arena = loaded.program.arena();
  json["constant_bytes"] = loaded.model.constant_bytes();
  json["arena_bytes"] = arena.bytes;
  json["largest_live_set"] = arena.largest_live_set;
  json["largest_live_values"] = arena.largest_live_values;
  json["sum_of_activations"] = arena.sum_of_activations;
  json["weight_bytes"] = loaded.program.weight_bytes();
  const tuner::ReferenceShare reference = tuner::reference_work(loaded.program.steps());
  json["reference_layers"] = reference.layers;
  json["reference_share_of_operations"] = reference.share();
  json["on_reference_kernels"] = layers_json(reference);
  return json;
}

std::string as_text(const Loaded& loaded) {
  std::string text =
      fmt::format("{}: opset {}, {} nodes, {} layers\ngraph   {}\nweights {}\n", loaded.model.name(),
                  loaded.model.opset(), loaded.model.imported_nodes(), loaded.model.layers().size(),
                  loaded.model.graph_hash(), loaded.model.weights_hash());
  auto out = std::back_inserter(text);
  for (const TensorInfo& info : loaded.model.inputs())
    fmt::format_to(out, "input   {} {} {}\n", info.name, to_string(info.type), info.shape.text());
  for (const TensorInfo& info : loaded.model.outputs())
    fmt::format_to(out, "output  {} {} {}{}\n", info.name, to_string(info.type),
                   info.bounded ? "at most " : "", info.shape.text());
  double macs = 0;
  double operations = 0;
  bool at_most = false;
  for (const LayerInfo& layer : loaded.model.layers()) {
    macs += static_cast<double>(layer.macs);
    operations += static_cast<double>(layer.operations);
    for (const TensorDesc& input : layer.desc.inputs) at_most = at_most || input.bounded != 0;
    fmt::format_to(out, "  {:<32} {}\n", layer.id, layer.desc.text());
  }
  const tuner::ReferenceShare reference = tuner::reference_work(loaded.program.steps());
  fmt::format_to(out, "{}{}\n", reference.text("the operations (an estimate)"), reference.names());
  const ArenaInfo& arena = loaded.program.arena();
  fmt::format_to(
      out,
      "multiply-accumulates {}{:.1f} million, operations about {:.1f} million, constants {} bytes, "
      "packed weights {} bytes\n",
      at_most ? "at most " : "", macs / 1e6, operations / 1e6, loaded.model.constant_bytes(),
      loaded.program.weight_bytes());
  fmt::format_to(
      out, "arena {} bytes ({:.3f} of the largest live set {}; live values alone {}; all activations {})\n",
      arena.bytes,
      static_cast<double>(arena.bytes) /
          static_cast<double>(std::max<std::size_t>(1, arena.largest_live_set)),
      arena.largest_live_set, arena.largest_live_values, arena.sum_of_activations);
  return text;
}

// A line for each run of a pass: how long it took and what became of the nodes.
std::string passes_text(const Model& model) {
  std::string text =
      fmt::format("{:<20} {:>5} {:>10} {:>14}  {}\n", "pass", "round", "us", "nodes", "operators");
  auto out = std::back_inserter(text);
  for (const PassInfo& pass : model.passes()) {
    const std::string nodes = pass.nodes_before == pass.nodes_after
                                  ? std::to_string(pass.nodes_after)
                                  : fmt::format("{} -> {}", pass.nodes_before, pass.nodes_after);
    std::string operators = pass.changed ? "" : "nothing changed";
    for (const auto& [op, count] : pass.operators)
      operators += fmt::format("{}{:+} {}", operators.empty() ? "" : ", ", count, to_string(op));
    if (operators.empty()) operators = "nodes rewritten";
    fmt::format_to(out, "{:<20} {:>5} {:>10.0f} {:>14}  {}\n", pass.name, pass.round, pass.us, nodes,
                   operators);
  }
  return text;
}

Json passes_json(const Model& model) {
  Json list = Json::array();
  for (const PassInfo& pass : model.passes()) {
    Json operators = Json::object();
    for (const auto& [op, count] : pass.operators) operators[std::string(to_string(op))] = count;
    list.push_back({{"name", pass.name},
                    {"round", pass.round},
                    {"us", pass.us},
                    {"changed", pass.changed},
                    {"nodes_before", pass.nodes_before},
                    {"nodes_after", pass.nodes_after},
                    {"operators", std::move(operators)}});
  }
  return list;
}

int inspect(const ModelArguments& arguments, bool passes, bool json) {
  Result<LoadOptions> options = arguments.load_options();
  if (!options) return fail(options.error());
  Result<Loaded> loaded = load(arguments, *options);
  if (!loaded) return fail(loaded.error());
  if (json) {
    Json whole = as_json(*loaded);
    if (passes) whole["passes"] = passes_json(loaded->model);
    print(whole.dump(2) + "\n");
  } else {
    print(as_text(*loaded));
    if (passes) print("\n" + passes_text(loaded->model));
  }
  print_report(loaded->program.report());
  return kSuccess;
}

}  // namespace

void add_inspect(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("inspect", "Show a model's inputs, outputs, layers and memory");
  auto arguments = std::make_shared<ModelArguments>();
  auto passes = std::make_shared<bool>(false);
  auto json = std::make_shared<bool>(false);
  arguments->add_to(*command);
  command->add_flag("--passes", *passes, "show what each pass over the graph changed and how long it took");
  command->add_flag("--json", *json, "print JSON");
  command->callback([=, &exit_code] { exit_code = inspect(*arguments, *passes, *json); });
}

}  // namespace fettle::cli
