// SPDX-License-Identifier: Apache-2.0
//
// fettle quantize: from a network in floats and some data to one that computes with 8-bit integers.
#include "tuner/cli/accuracy_report.h"
#include "tuner/cli/command.h"
#include "tuner/cli/dataset.h"
#include "tuner/cli/progress.h"

#include <fettle/quantiser.h>

#include <fmt/format.h>

#include <iterator>
#include <map>
#include <memory>

namespace fettle::cli {
namespace {

constexpr RangeMethod kMethods[] = {RangeMethod::automatic, RangeMethod::min_max, RangeMethod::percentile,
                                    RangeMethod::kl, RangeMethod::mse};
constexpr std::size_t kMostCalibration = 256;
constexpr std::size_t kFewSamples = 20;  // too few to leave some out

struct QuantizeArguments {
  ModelArguments model;
  DataArguments data;
  std::string output;
  std::string method{to_string(RangeMethod::automatic)};
  std::string type = "s8";
  std::vector<std::string> keep;
  int calibration = 0;
  int rounded = 1000;
  std::string real_work = "10%";
  bool no_equalise = false;
  bool no_biases = false;
  std::string most_drop;
  bool strict = false;
  bool json = false;
};

QuantiseOptions options_of(const QuantizeArguments& arguments) {
  QuantiseOptions options;
  for (const RangeMethod method : kMethods) {
    if (arguments.method == to_string(method)) options.method = method;
  }
  options.type = data_type_from_string(arguments.type);
  options.keep_real = arguments.keep;
  options.equalise = !arguments.no_equalise;
  options.correct_biases = !arguments.no_biases;
  options.real_work = *parse_points(arguments.real_work, "--float-work");
  options.rounded_layers = arguments.output.ends_with(".onnx") ? arguments.rounded : 0;
  return options;
}

// The plan says how layers compute and leaves their kernels to the device.
Plan plan_of(const Program& quantised) {
  Plan plan = quantised.effective_plan();
  for (PlanPoint& point : plan.points) {
    point.threads = 1;
    point.layers.clear();
  }
  return plan;
}

Status save(const std::string& path, const Model& quantised, const Program& program) {
  if (path.ends_with(".plan")) return plan_of(program).save(path);
  const Result<std::string> bytes = quantised.onnx();
  return bytes ? write_file(path, *bytes) : Status(bytes.error());
}

std::string summary(const QuantizeArguments& arguments, const QuantiseResult& result,
                    const AccuracyResult& accuracy, const Model& real, const Model& quantised, bool same_data,
                    std::size_t calibrated) {
  std::string text;
  const auto out = std::back_inserter(text);
  std::map<std::string_view, int> methods;
  for (const QuantisedValue& value : result.values) ++methods[to_string(value.method)];
  fmt::format_to(out, "{} of {} layers compute with {}; constants {:.2f} MB (in floats {:.2f} MB)\n",
                 result.quantisation.layers.size(), real.layers().size(), arguments.type,
                 static_cast<double>(quantised.constant_bytes()) * 1e-6,
                 static_cast<double>(real.constant_bytes()) * 1e-6);
  fmt::format_to(out, "calibrated on {} samples; ranges by", calibrated);
  for (const auto& [method, count] : methods) fmt::format_to(out, " {} {}", method, count);
  fmt::format_to(out, "{}\n",
                 result.quantisation.equalised.empty()
                     ? ""
                     : fmt::format("; {} pairs of layers equalised", result.quantisation.equalised.size()));
  constexpr std::size_t kShown = 5;
  if (!result.layers.empty())
    fmt::format_to(out, "most sensitive layers (noise of the outputs by that layer alone):\n");
  for (std::size_t i = 0; i < std::min(kShown, result.layers.size()); ++i) {
    const LayerSensitivity& layer = result.layers[i];
    fmt::format_to(out, "  {:<40} {:.3g}  KL {:.3g}\n", layer.layer, layer.noise, layer.kl);
  }
  fmt::format_to(out, "on {}:\n", same_data ? "the same samples, since there are few" : "the other samples");
  text += accuracy_text(accuracy);
  const PairedDifference loss = loss_of(accuracy);
  fmt::format_to(out, "expected loss {}{:.2f} points, with 95 % confidence at most {:.2f}\n",
                 accuracy.metrics.empty() ? "(decisions that change, no accuracy can lose more) " : "",
                 loss.value * 100, loss.high * 100);
  for (const std::string& note : result.notes) fmt::format_to(out, "note: {}\n", note);
  return text;
}

Json json_of(const QuantizeArguments& arguments, const QuantiseResult& result, const AccuracyResult& accuracy,
             const Model& real, const Model& quantised, bool same_data, std::size_t calibrated) {
  Json json{{"output", arguments.output},
            {"layers", result.quantisation.layers.size()},
            {"all_layers", real.layers().size()},
            {"real_layers", result.real_layers},
            {"constant_bytes", quantised.constant_bytes()},
            {"real_constant_bytes", real.constant_bytes()},
            {"calibration_samples", calibrated},
            {"measured_on_calibration_samples", same_data},
            {"equalised_pairs", result.quantisation.equalised.size()},
            {"noise", result.noise},
            {"expected_noise", result.expected_noise},
            {"accuracy", accuracy_json(accuracy)},
            {"notes", result.notes}};
  for (const QuantisedValue& value : result.values) {
    json["values"].push_back({{"name", value.name},
                              {"method", to_string(value.method)},
                              {"low", value.low},
                              {"high", value.high},
                              {"scale", value.form.scale},
                              {"zero_point", value.form.zero_point}});
  }
  for (const LayerSensitivity& layer : result.layers)
    json["sensitivity"].push_back({{"layer", layer.layer}, {"noise", layer.noise}, {"kl", layer.kl}});
  return json;
}

int quantize(const QuantizeArguments& arguments) {
  Result<LoadOptions> options = arguments.model.load_options();
  if (!options) return fail(options.error());
  const Result<double> most = arguments.most_drop.empty()
                                  ? Result<double>(1.0)
                                  : parse_points(arguments.most_drop, "--max-accuracy-drop");
  if (!most) return fail(most.error());
  if (const Result<double> work = parse_points(arguments.real_work, "--float-work"); !work)
    return fail(work.error());
  if (!arguments.output.ends_with(".plan") && !arguments.output.ends_with(".onnx")) {
    return fail(Error(ErrorCode::kInvalidArgument, "--output " + arguments.output + ": what kind of file?",
                      "name it .plan, to be used with the model, or .onnx, a model of its own"));
  }
  std::vector<std::string> read = arguments.data.files();
  read.push_back(arguments.model.model);
  if (Status status = check_outputs({{arguments.output}}, read); !status) return fail(status.error());
  Result<Model> model = load_model(arguments.model, options->model);
  if (!model) return fail(model.error());
  const Result<Dataset> data = Dataset::open(*model, arguments.data);
  if (!data) return fail(data.error());
  const bool same_data = data->size() < kFewSamples;
  const std::size_t wanted = arguments.calibration > 0 ? static_cast<std::size_t>(arguments.calibration)
                                                       : std::min(kMostCalibration, data->size() / 2);
  const std::size_t count = same_data ? data->size() : std::min(wanted, data->size() - 1);
  const std::pair<Dataset, Dataset> parts = data->split(count);
  const Dataset& calibration = parts.first;
  const Dataset& judged = same_data ? parts.first : parts.second;

  PhaseLine line;
  QuantiseOptions quantise_options = options_of(arguments);
  quantise_options.progress = [&](const QuantiseProgress& progress) {
    line.show(progress.phase, progress.done, progress.total);
  };
  const Result<Program> before = Program::compile(*model, nullptr, options->compile);
  if (!before) return fail(before.error());
  if (!arguments.most_drop.empty()) {
    quantise_options.accept = [&](const Model& candidate) -> Result<bool> {
      const Result<Program> program = Program::compile(candidate, nullptr, options->compile);
      if (!program) return program.error();
      const Result<AccuracyResult> accuracy = measure_on(*before, *program, calibration);
      if (!accuracy) return accuracy.error();
      const PairedDifference loss = loss_of(*accuracy);
      return (arguments.strict ? loss.high : loss.value) <= *most;
    };
  }
  const Result<QuantiseResult> result = quantise(*model, calibration.samples(), quantise_options);
  line.end();
  if (!result) return fail(result.error());
  const Result<Model> quantised = model->quantised(result->quantisation);
  if (!quantised) return fail(quantised.error());
  const Result<Program> after = Program::compile(*quantised, nullptr, options->compile);
  if (!after) return fail(after.error());
  const Result<AccuracyResult> accuracy = measure_on(*before, *after, judged);
  if (!accuracy) return fail(accuracy.error());
  if (Status status = save(arguments.output, *quantised, *after); !status) return fail(status.error());
  const PairedDifference loss = loss_of(*accuracy);
  const bool within = (arguments.strict ? loss.high : loss.value) <= *most;
  if (arguments.json) {
    Json json = json_of(arguments, *result, *accuracy, *model, *quantised, same_data, calibration.size());
    json["within"] = within;
    print(json.dump(2) + "\n");
  } else {
    print(summary(arguments, *result, *accuracy, *model, *quantised, same_data, calibration.size()));
  }
  return within ? kSuccess : kDifferent;
}

}  // namespace

void add_quantize(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("quantize", "Make a network compute with 8-bit integers, and say what that costs");
  auto arguments = std::make_shared<QuantizeArguments>();
  arguments->model.add_to(*command, false);
  arguments->data.add_to(*command, true);
  command
      ->add_option(
          "-o,--output", arguments->output,
          "NAME.plan: how the model's layers compute, to be used with it; NAME.onnx: a model of its own")
      ->required()
      ->check(file_name());
  std::vector<std::string> methods;
  for (const RangeMethod method : kMethods) methods.emplace_back(to_string(method));
  command->add_option("--method", arguments->method, "how ranges of activations are found")
      ->check(CLI::IsMember(methods))
      ->capture_default_str();
  command->add_option("--type", arguments->type, "of activations")
      ->check(CLI::IsMember({"s8", "u8"}))
      ->capture_default_str();
  command->add_option("--keep-float", arguments->keep, "id of a layer that stays in floats (repeatable)");
  command
      ->add_option(
          "--float-work", arguments->real_work,
          "where outputs are noisy, layers that cost the most stay in floats, up to this share of the work")
      ->capture_default_str();
  command
      ->add_option("--calibrate", arguments->calibration,
                   "samples to calibrate on; the loss is measured on the others (default: half, 256 at most)")
      ->check(CLI::Range(2, 1000000));
  command
      ->add_option(
          "--round-layers", arguments->rounded,
          "to NAME.onnx: for so many layers, the most sensitive ones, weights that are rounded so that their "
          "result is best, not to nearest")
      ->check(CLI::Range(0, 1000000))
      ->capture_default_str();
  command->add_flag("--no-equalise", arguments->no_equalise, "do not try cross-layer equalisation");
  command->add_flag("--no-bias-correction", arguments->no_biases, "leave biases as they are");
  command->add_option(
      "--max-accuracy-drop", arguments->most_drop,
      "leave layers in floats until the accuracy drops by no more percentage points than this, such as 0.5%, "
      "on the samples for calibration; exit status 1 if it does on the others");
  command->add_flag("--strict", arguments->strict, "judge by the upper end of the drop's 95 % interval");
  command->add_flag("--json", arguments->json, "print JSON");
  command->callback([=, &exit_code] { exit_code = quantize(*arguments); });
}

}  // namespace fettle::cli
