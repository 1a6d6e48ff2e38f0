// SPDX-License-Identifier: Apache-2.0
//
// fettle kernels: what a build must hold to run a model, for FETTLE_KERNELS in CMake.
#include "tuner/cli/command.h"

#include <fettle/kernel.h>

#include <fmt/format.h>

#include <memory>
#include <set>

namespace fettle::cli {
namespace {

int list(const ModelArguments& arguments) {
  Result<LoadOptions> options = arguments.load_options();
  if (!options) return fail(options.error());
  Result<Loaded> loaded = load(arguments, *options);
  if (!loaded) return fail(loaded.error());
  print_report(loaded->program.report());
  std::set<std::string> names;
  for (const StepInfo& step : loaded->program.steps()) {
    if (const Kernel* kernel = find_builtin_kernel(step.kernel))
      names.insert(name_with_epilogue(*kernel, step.desc));
  }
  for (std::string_view name : loaded->model.folding_kernels()) names.insert(std::string(name));
  std::string text =
      fmt::format("# {}{}{}\n", arguments.model, arguments.plan.empty() ? "" : " with ", arguments.plan);
  for (const std::string& name : names) text += name + "\n";
  print(text);
  return kSuccess;
}

}  // namespace

void add_kernels(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "kernels", "List the kernels and epilogues that a model runs with: all that a build must hold");
  auto arguments = std::make_shared<ModelArguments>();
  arguments->add_to(*command);
  command->callback([=, &exit_code] { exit_code = list(*arguments); });
}

}  // namespace fettle::cli
