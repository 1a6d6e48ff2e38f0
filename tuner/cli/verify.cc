// SPDX-License-Identifier: Apache-2.0
//
// fettle verify: does a model, with a plan, give the outputs that a reference file holds, and how accurate is
// it on real data?
#include "tuner/cli/accuracy_report.h"
#include "tuner/cli/command.h"
#include "tuner/cli/dataset.h"
#include "tuner/cli/difference.h"
#include "tuner/cli/layer_compare.h"
#include "tuner/io/npy.h"

#include <fmt/format.h>

#include <iterator>
#include <map>
#include <memory>

namespace fettle::cli {
namespace {

struct VerifyArguments {
  ModelArguments model;
  std::string reference;
  double tolerance = 1e-4;
  bool layers = false;
  bool json = false;
  DataArguments data;
  std::string against;
  std::string most_drop;
  bool strict = false;
};

using Arrays = std::map<std::string, io::Array>;

// An input is "input:<name>"; a network with a single input may call it "input".
const io::Array* find_input(const Arrays& arrays, const Runtime& runtime, const std::string& name) {
  auto found = arrays.find("input:" + name);
  if (found == arrays.end() && runtime.input_count() == 1) found = arrays.find("input");
  return found == arrays.end() ? nullptr : &found->second;
}

Status set_inputs(Runtime& runtime, const Arrays& arrays, const std::string& file) {
  for (std::size_t i = 0; i < runtime.input_count(); ++i) {
    const TensorView view = runtime.input(i);
    const io::Array* array = find_input(arrays, runtime, view.info().name);
    if (array == nullptr) {
      return Error(ErrorCode::kUnknownName, file + " has no array for input " + view.info().name,
                   "name it input:" + view.info().name);
    }
    if (array->type != view.type()) {
      return Error(ErrorCode::kWrongType,
                   file + ": input " + view.info().name + " is " + std::string(to_string(array->type)) +
                       ", the model wants " + std::string(to_string(view.type())),
                   "convert the array with astype");
    }
    if (!array->has_shape(view.shape())) {
      return Error(ErrorCode::kWrongShape,
                   file + ": input " + view.info().name + " is " + array->shape_text() +
                       ", the model wants " + view.shape().text(),
                   "write the reference with this shape, or give the model another one with --shape");
    }
    if (Status status = view.copy_from(std::span<const std::byte>(array->bytes)); !status) return status;
  }
  return {};
}

// An input or output that the model does not have is a name misspelt, or the reference of another model.
Status check_names(const Runtime& runtime, const Arrays& arrays, const std::string& file) {
  for (const auto& [name, array] : arrays) {
    bool known = !name.starts_with("input:") && !name.starts_with("output:");
    for (std::size_t i = 0; i < runtime.input_count(); ++i)
      known = known || name == "input:" + runtime.program().inputs()[i].name;
    for (std::size_t i = 0; i < runtime.output_count(); ++i)
      known = known || name == "output:" + runtime.program().outputs()[i].name;
    if (!known) {
      return Error(
          ErrorCode::kUnknownName, fmt::format("{}: the model has nothing for the array {}", file, name),
          "`fettle inspect` lists the inputs and outputs; arrays are input:<name> and output:<name>");
    }
  }
  return {};
}

struct Comparison {
  std::string output;
  double relative_error = 0;
  bool match = false;
};

Result<std::vector<Comparison>> compare_outputs(Runtime& runtime, const Arrays& arrays,
                                                const VerifyArguments& arguments) {
  std::vector<Comparison> comparisons;
  for (std::size_t i = 0; i < runtime.output_count(); ++i) {
    const TensorView view = runtime.output(i);
    const auto found = arrays.find("output:" + view.info().name);
    if (found == arrays.end()) {
      return Error(ErrorCode::kUnknownName,
                   arguments.reference + " has no array for output " + view.info().name,
                   "name it output:" + view.info().name);
    }
    const io::Array& expected = found->second;
    if (expected.type != view.type() || !expected.has_shape(view.shape())) {
      return Error(ErrorCode::kWrongShape,
                   arguments.reference + ": output " + view.info().name + " is " +
                       std::string(to_string(expected.type)) + " " + expected.shape_text() +
                       ", the model gives " + std::string(to_string(view.type())) + " " + view.shape().text(),
                   "write the reference with the model's type and shape");
    }
    Comparison comparison{view.info().name, 0, false};
    comparison.relative_error = relative_error(view.type(), view.bytes(), expected.bytes);
    comparison.match = comparison.relative_error <= arguments.tolerance;
    comparisons.push_back(comparison);
  }
  return comparisons;
}

int report(const std::vector<Comparison>& comparisons, const std::vector<LayerComparison>& layers,
           const VerifyArguments& arguments) {
  double worst = 0;
  bool match = true;
  Json json;
  std::string text;
  const auto out = std::back_inserter(text);
  for (const Comparison& comparison : comparisons) {
    worst = std::max(worst, comparison.relative_error);
    match = match && comparison.match;
    fmt::format_to(out, "output {}: largest relative error {:.3g} {}\n", comparison.output,
                   comparison.relative_error, comparison.match ? "ok" : "DIFFERS");
    json["outputs"].push_back({{"name", comparison.output},
                               {"relative_error", comparison.relative_error},
                               {"match", comparison.match}});
  }
  std::size_t id_width = 0, kernel_width = 0;
  for (const LayerComparison& layer : layers) {
    id_width = std::max(id_width, layer.layer.size());
    kernel_width = std::max(kernel_width, layer.kernel.size());
  }
  const LayerComparison* first = nullptr;
  for (const LayerComparison& layer : layers) {
    const bool differs = !(layer.relative_error <= arguments.tolerance);
    if (differs && first == nullptr) first = &layer;
    fmt::format_to(out, "  {:<{}}  {:<{}}  {:.3g}{}\n", layer.layer, id_width, layer.kernel, kernel_width,
                   layer.relative_error, differs ? " DIFFERS" : "");
    json["layers"].push_back(
        {{"layer", layer.layer}, {"kernel", layer.kernel}, {"relative_error", layer.relative_error}});
  }
  if (first != nullptr)
    fmt::format_to(out, "first layer that diverges from the reference kernels: {} ({}): {}\n", first->layer,
                   first->kernel, first->desc);
  match = match && first == nullptr;
  json["first_divergent_layer"] = first == nullptr ? Json() : Json(first->layer);
  json["largest_relative_error"] = worst;
  json["match"] = match;
  fmt::format_to(out, "largest relative error {:.3g}, tolerance {:.3g}: {}\n", worst, arguments.tolerance,
                 match ? "match" : "DIFFERENT");
  print(arguments.json ? json.dump(2) + "\n" : text);
  return match ? kSuccess : kDifferent;
}

// The network that the loss is against: another file, or the model itself without the plan.
Result<Program> reference_program(const Model& model, const VerifyArguments& arguments,
                                  const LoadOptions& options) {
  if (arguments.against.empty()) return Program::compile(model, nullptr, options.compile);
  ModelArguments other = arguments.model;
  other.model = arguments.against;
  other.plan.clear();
  Result<Model> loaded = load_model(other, options.model);
  if (!loaded) return std::move(loaded).error();
  return Program::compile(*loaded, nullptr, options.compile);
}

int verify_accuracy(const VerifyArguments& arguments) {
  Result<LoadOptions> options = arguments.model.load_options();
  if (!options) return fail(options.error());
  const Result<double> most = arguments.most_drop.empty()
                                  ? Result<double>(1.0)
                                  : parse_points(arguments.most_drop, "--max-accuracy-drop");
  if (!most) return fail(most.error());
  Result<Model> model = load_model(arguments.model, options->model);
  if (!model) return fail(model.error());
  const Result<Dataset> data = Dataset::open(*model, arguments.data);
  if (!data) return fail(data.error());
  const Result<Program> reference = reference_program(*model, arguments, *options);
  if (!reference) return fail(reference.error());
  const Result<Loaded> loaded = load(*model, arguments.model, *options);
  if (!loaded) return fail(loaded.error());
  print_report(loaded->program.report());
  const Result<AccuracyResult> result = measure_on(*reference, loaded->program, *data);
  if (!result) return fail(result.error());
  const PairedDifference loss = loss_of(*result);
  const bool within = (arguments.strict ? loss.high : loss.value) <= *most;
  Json json = accuracy_json(*result);
  std::string text = accuracy_text(*result);
  if (!arguments.most_drop.empty()) {
    json["within"] = within;
    text += fmt::format("{} of {:.2f} points is {} the bound of {:.2f}\n",
                        result->metrics.empty() ? "the share of changed decisions" : "the drop",
                        (arguments.strict ? loss.high : loss.value) * 100, within ? "within" : "ABOVE",
                        *most * 100);
  }
  print(arguments.json ? json.dump(2) + "\n" : text);
  return within ? kSuccess : kDifferent;
}

int verify(const VerifyArguments& arguments) {
  const bool by_data = !arguments.data.data.empty();
  if (by_data == !arguments.reference.empty()) {
    return fail(
        Error(ErrorCode::kInvalidArgument,
              by_data ? "--data and --reference are two ways to verify" : "there is nothing to verify with",
              "give --data DIR (and --labels CSV) for accuracy, or --reference FILE.npz for outputs"));
  }
  if (by_data) return verify_accuracy(arguments);
  Result<LoadOptions> options = arguments.model.load_options();
  if (!options) return fail(options.error());
  Result<Arrays> arrays = io::load_npz(arguments.reference);
  if (!arrays) return fail(arrays.error());
  Result<Loaded> loaded = load(arguments.model, *options);
  if (!loaded) return fail(loaded.error());
  print_report(loaded->program.report());
  Result<Runtime> runtime = Runtime::create(loaded->program, options->runtime);
  if (!runtime) return fail(runtime.error());
  if (Status status = check_names(*runtime, *arrays, arguments.reference); !status)
    return fail(status.error());
  if (Status status = set_inputs(*runtime, *arrays, arguments.reference); !status)
    return fail(status.error());
  std::vector<LayerComparison> layers;
  if (arguments.layers) {
    Result<std::vector<LayerComparison>> compared = compare_layers(loaded->model, *runtime, options->compile);
    if (!compared) return fail(compared.error());
    layers = *std::move(compared);
  } else if (Status status = runtime->run(); !status) {
    return fail(status.error());
  }
  Result<std::vector<Comparison>> comparisons = compare_outputs(*runtime, *arrays, arguments);
  if (!comparisons) return fail(comparisons.error());
  return report(*comparisons, layers, arguments);
}

}  // namespace

void add_verify(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "verify", "Compare a network's outputs with a reference file, or measure its accuracy on data");
  auto arguments = std::make_shared<VerifyArguments>();
  arguments->model.add_to(*command);
  command
      ->add_option("--reference", arguments->reference, ".npz with input (or input:<name>) and output:<name>")
      ->check(file_name());
  arguments->data.add_to(*command, false);
  command
      ->add_option("--against", arguments->against,
                   "with --data: ONNX file of the network in floats; without it the model without its plan")
      ->check(file_name());
  command->add_option(
      "--max-accuracy-drop", arguments->most_drop,
      "with --data: exit status 1 if the accuracy drops by more percentage points, such as 0.5%");
  command->add_flag("--strict", arguments->strict, "judge by the upper end of the drop's 95 % interval");
  command
      ->add_option("--tolerance", arguments->tolerance,
                   "largest error allowed, relative to the largest reference value")
      ->check(number_up_to(kMostTolerance));
  command->add_flag("--layers", arguments->layers, "also compare every layer with the reference kernels");
  command->add_flag("--json", arguments->json, "print JSON");
  command->callback([=, &exit_code] { exit_code = verify(*arguments); });
}

}  // namespace fettle::cli
