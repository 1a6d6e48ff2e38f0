// SPDX-License-Identifier: Apache-2.0
//
// fettle plan show, check, diff: plans without running anything.
#include "tuner/cli/command.h"

#include <fmt/format.h>

#include <iterator>
#include <memory>
#include <set>

namespace fettle::cli {
namespace {

std::string choice_text(const PlanLayer& layer) {
  return layer.variant.text() + (layer.pinned ? ", pinned" : "");
}

int show(const std::string& path, bool json) {
  Result<Plan> plan = Plan::load(path);
  if (!plan) return fail(plan.error());
  if (json) {
    print(plan->json());
    return kSuccess;
  }
  std::string text = fmt::format("model   {}\ngraph   {}\nweights {}\nlibrary {}\n", plan->model.name,
                                 plan->model.graph, plan->model.weights, plan->device.library);
  const auto out = std::back_inserter(text);
  if (plan->expected) {
    const PlanLatency& us = plan->expected->latency_us;
    fmt::format_to(out, "expected {:.1f} us ({:.1f} to {:.1f}), default {:.1f} us, arena {} bytes\n",
                   us.median, us.low, us.high, plan->expected->default_latency_us,
                   plan->expected->arena_bytes);
  }
  for (const PlanPoint& point : plan->points) {
    fmt::format_to(out, "point with {} thread{}\n", point.threads, point.threads == 1 ? "" : "s");
    for (const auto& [name, shape] : point.shapes) fmt::format_to(out, "  input {} {}\n", name, shape.text());
    for (const auto& [id, layer] : point.layers) fmt::format_to(out, "  {:<32} {}\n", id, choice_text(layer));
  }
  print(text);
  return kSuccess;
}

// Says before deployment what would fall back here.
int check(const ModelArguments& arguments, bool json) {
  Result<LoadOptions> options = arguments.load_options();
  if (!options) return fail(options.error());
  Result<Loaded> loaded = load(arguments, *options);
  if (!loaded) return fail(loaded.error());
  const std::span<const ReportEntry> report = loaded->program.report();
  if (json) {
    Json list = Json::array();
    for (const ReportEntry& entry : report) list.push_back({{"layer", entry.layer}, {"what", entry.what}});
    print(list.dump(2) + "\n");
  } else {
    for (const ReportEntry& entry : report)
      print(fmt::format("{}{}{}\n", entry.layer, entry.layer.empty() ? "" : ": ", entry.what));
    print(report.empty()
              ? "the plan is followed in full\n"
              : fmt::format("{} thing{} fall back\n", report.size(), report.size() == 1 ? "" : "s"));
  }
  return report.empty() ? kSuccess : kDifferent;
}

int diff(const std::string& left_path, const std::string& right_path) {
  Result<Plan> left = Plan::load(left_path);
  if (!left) return fail(left.error());
  Result<Plan> right = Plan::load(right_path);
  if (!right) return fail(right.error());
  std::string text;
  const auto out = std::back_inserter(text);
  if (left->model.graph != right->model.graph)
    fmt::format_to(out, "other graph: {} and {}\n", left->model.graph, right->model.graph);
  if (left->points.size() != right->points.size())
    fmt::format_to(out, "{} and {} operating points\n", left->points.size(), right->points.size());
  for (std::size_t i = 0; i < std::min(left->points.size(), right->points.size()); ++i) {
    const auto& a = left->points[i].layers;
    const auto& b = right->points[i].layers;
    std::set<std::string> ids;
    for (const auto& [id, layer] : a) ids.insert(id);
    for (const auto& [id, layer] : b) ids.insert(id);
    for (const std::string& id : ids) {
      const auto x = a.find(id);
      const auto y = b.find(id);
      const std::string before = x == a.end() ? "default" : choice_text(x->second);
      const std::string after = y == b.end() ? "default" : choice_text(y->second);
      if (before != after) fmt::format_to(out, "{:<32} {} -> {}\n", id, before, after);
    }
  }
  print(text.empty() ? "no difference\n" : text);
  return text.empty() ? kSuccess : kDifferent;
}

}  // namespace

void add_plan(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("plan", "Show, check and compare plans");
  command->require_subcommand(1);
  auto first = std::make_shared<std::string>();
  auto second = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  auto arguments = std::make_shared<ModelArguments>();

  CLI::App* show_command = command->add_subcommand("show", "Print a plan");
  show_command->add_option("plan", *first, "plan file")->required()->check(file_name());
  show_command->add_flag("--json", *json, "print JSON");
  show_command->callback([=, &exit_code] { exit_code = show(*first, *json); });

  CLI::App* check_command =
      command->add_subcommand("check", "Say what of a plan would fall back here; exit 1 when anything does");
  arguments->add_to(*check_command);
  check_command->get_option("--plan")->required();
  check_command->add_flag("--json", *json, "print JSON");
  check_command->callback([=, &exit_code] { exit_code = check(*arguments, *json); });

  CLI::App* diff_command =
      command->add_subcommand("diff", "Compare two plans layer by layer; exit 1 when they differ");
  diff_command->add_option("first", *first, "plan file")->required()->check(file_name());
  diff_command->add_option("second", *second, "plan file")->required()->check(file_name());
  diff_command->callback([=, &exit_code] { exit_code = diff(*first, *second); });
}

}  // namespace fettle::cli
