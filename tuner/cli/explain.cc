// SPDX-License-Identifier: Apache-2.0
//
// fettle explain: for each layer what was tried, what it cost or why it was refused, and what the plan chose.
#include "tuner/cli/command.h"

#include <fettle/tuner.h>

#include <fmt/format.h>

#include <iterator>
#include <memory>

namespace fettle::cli {
namespace {

struct ExplainArguments {
  ModelArguments model;
  std::string records;
  std::string layer;
  bool json = false;
};

std::string cost_text(const VariantCost& cost) {
  if (cost.refusal != Refusal::none) return fmt::format("refused: {}", to_string(cost.refusal));
  if (!cost.left_out.empty()) return "left out: " + cost.left_out;
  if (cost.samples == 0) return "not measured";
  return fmt::format("{:>9.2f} us (median {:.2f}, {:.2f} to {:.2f}, {} samples)", cost.quiet_us,
                     cost.us.median, cost.us.low, cost.us.high, cost.samples);
}

std::string as_text(const LayerExplanation& layer) {
  std::string text = fmt::format("{}\n  {}\n", layer.layer, layer.desc);
  const auto out = std::back_inserter(text);
  for (const VariantCost& cost : layer.variants) {
    fmt::format_to(out, "  {} {:<38} {:<18} x{} {}{}{}\n", cost.chosen ? "*" : " ", cost.shown_name(),
                   cost.variant.signature.text(), cost.variant.threads, cost_text(cost),
                   cost.is_default ? "  default" : "",
                   cost.covered_by.empty() ? covers_text(cost.variant) : std::string());
  }
  if (layer.conversions_us > 0)
    fmt::format_to(out, "    conversions into this layer: {:.2f} us\n", layer.conversions_us);
  return text;
}

Json as_json(const LayerExplanation& layer) {
  Json variants = Json::array();
  for (const VariantCost& cost : layer.variants) {
    variants.push_back({{"kernel", cost.shown_name()},
                        {"formats", cost.variant.signature.text()},
                        {"threads", cost.variant.threads},
                        {"covers", cost.covered_by.empty() ? Json(cost.variant.covers) : Json::array()},
                        {"refusal", cost.refusal == Refusal::none ? Json() : Json(to_string(cost.refusal))},
                        {"left_out", cost.left_out.empty() ? Json() : Json(cost.left_out)},
                        {"samples", cost.samples},
                        {"quiet_us", cost.quiet_us},
                        {"median_us", cost.us.median},
                        {"low_us", cost.us.low},
                        {"high_us", cost.us.high},
                        {"chosen", cost.chosen},
                        {"default", cost.is_default}});
  }
  return {{"layer", layer.layer},
          {"desc", layer.desc},
          {"conversions_us", layer.conversions_us},
          {"variants", variants}};
}

int explain_command(const ExplainArguments& arguments) {
  Result<LoadOptions> load = arguments.model.load_options();
  if (!load) return fail(load.error());
  Result<Model> model = load_model(arguments.model, load->model);
  if (!model) return fail(model.error());
  Result<Plan> plan = Plan::load(arguments.model.plan);
  if (!plan) return fail(plan.error());
  Result<std::vector<LayerExplanation>> layers = explain(*model, *plan, arguments.records, load->compile);
  if (!layers) return fail(layers.error());
  std::string text;
  Json json = Json::array();
  bool found = arguments.layer.empty();
  for (const LayerExplanation& layer : *layers) {
    if (!arguments.layer.empty() && layer.layer != arguments.layer) continue;
    found = true;
    text += as_text(layer);
    json.push_back(as_json(layer));
  }
  if (!found)
    return fail(Error(ErrorCode::kUnknownName, "the model has no layer " + arguments.layer,
                      "`fettle inspect` lists the layers"));
  print(arguments.json ? json.dump(2) + "\n" : text);
  return kSuccess;
}

}  // namespace

void add_explain(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("explain", "Say for each layer what was tried and why the plan chose what it chose");
  auto arguments = std::make_shared<ExplainArguments>();
  arguments->model.add_to(*command);
  command->get_option("--plan")->required();
  command->add_option("--records", arguments->records, "the records that `fettle tune --records` wrote")
      ->check(file_name());
  command->add_option("--layer", arguments->layer, "one layer only");
  command->add_flag("--json", arguments->json, "print JSON");
  command->callback([=, &exit_code] { exit_code = explain_command(*arguments); });
}

}  // namespace fettle::cli
