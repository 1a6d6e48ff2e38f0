// SPDX-License-Identifier: Apache-2.0
//
// fettle variants: the kernels of this build, or what a model's layers could use here and why not.
#include "tuner/cli/command.h"

#include <fmt/format.h>

#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace fettle::cli {
namespace {

// The epilogues as name_with_epilogue has them: "+add", "+hard_swish".
std::vector<std::string> epilogue_texts(const Kernel& kernel) {
  std::vector<std::string> texts;
  for (const std::span<const Op> epilogue : kernel.epilogues) {
    std::string& text = texts.emplace_back();
    for (const Op op : epilogue) text.append("+").append(to_string(op));
  }
  return texts;
}

std::string all_formats_text(const Kernel& kernel) {
  std::string text;
  for (const Signature& signature : kernel.signatures)
    text.append(text.empty() ? "" : ", ").append(signature.text());
  return text;
}

int list_kernels(bool json) {
  const Isa have = this_cpu().isa;
  if (json) {
    Json list = Json::array();
    for (const Kernel* kernel : builtin_kernels()) {
      list.push_back({{"kernel", kernel->name},
                      {"revision", kernel->revision},
                      {"isa", isa_text(kernel->isa)},
                      {"formats", all_formats_text(*kernel)},
                      {"epilogues", epilogue_texts(*kernel)},
                      {"threads", kernel->threaded},
                      {"nonfinite", to_string(kernel->nonfinite)},
                      {"runs_here", has_all(have, kernel->isa)}});
    }
    print(list.dump(2) + "\n");
    return kSuccess;
  }
  std::string text =
      fmt::format("this CPU: {}\n{:<40} {:>3}  {:<16} {:<32} {:<8} {:<16} {:<4}  {}\n", isa_text(have),
                  "kernel", "rev", "isa", "formats", "threads", "nonfinite", "here", "epilogues");
  for (const Kernel* kernel : builtin_kernels()) {
    const std::vector<std::string> epilogues = epilogue_texts(*kernel);
    fmt::format_to(std::back_inserter(text), "{:<40} {:>3}  {:<16} {:<32} {:<8} {:<16} {:<4}{}{}\n",
                   kernel->name, kernel->revision, isa_text(kernel->isa), all_formats_text(*kernel),
                   kernel->threaded ? "many" : "one", to_string(kernel->nonfinite),
                   has_all(have, kernel->isa) ? "yes" : "no", epilogues.empty() ? "" : "  ",
                   fmt::join(epilogues, " "));
  }
  print(text);
  return kSuccess;
}

int list_layers(const ModelArguments& arguments, bool json) {
  Result<LoadOptions> options = arguments.load_options();
  if (!options) return fail(options.error());
  Result<Model> model = load_model(arguments, options->model);
  if (!model) return fail(model.error());
  Json list = Json::array();
  std::string text;
  for (const LayerVariants& layer : enumerate_variants(*model, options->compile)) {
    fmt::format_to(std::back_inserter(text), "{}\n", layer.layer);
    Json variants = Json::array();
    for (const VariantInfo& variant : layer.variants) {
      const std::string_view answer = variant.refusal == Refusal::none
                                          ? (variant.is_default ? "default" : "yes")
                                          : to_string(variant.refusal);
      fmt::format_to(std::back_inserter(text), "  {:<40} {:<20} {}{}{}\n", variant.kernel->name,
                     variant.variant.signature.text(),
                     variant.refusal == Refusal::none ? "" : "refused: ", answer,
                     covers_text(variant.variant));
      variants.push_back(
          {{"kernel", variant.kernel->name},
           {"formats", variant.variant.signature.text()},
           {"covers", variant.variant.covers},
           {"refusal", variant.refusal == Refusal::none ? Json() : Json(to_string(variant.refusal))},
           {"default", variant.is_default}});
    }
    list.push_back({{"layer", layer.layer}, {"variants", variants}});
  }
  print(json ? list.dump(2) + "\n" : text);
  return kSuccess;
}

}  // namespace

void add_variants(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("variants", "List the kernels of this build, or those of each layer of a model");
  auto arguments = std::make_shared<ModelArguments>();
  auto json = std::make_shared<bool>(false);
  arguments->add_to(*command, false);
  command->get_option("model")->required(false);
  command->add_flag("--json", *json, "print JSON");
  command->callback([=, &exit_code] {
    exit_code = arguments->model.empty() ? list_kernels(*json) : list_layers(*arguments, *json);
  });
}

}  // namespace fettle::cli
