// SPDX-License-Identifier: Apache-2.0
//
// fettle run: a network on one or more pictures or arrays.
#include "tuner/cli/command.h"
#include "tuner/cli/run_inputs.h"
#include "tuner/io/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <memory>
#include <numeric>

namespace fettle::cli {
namespace {

struct RunArguments {
  ModelArguments model;
  std::vector<std::string> inputs;
  std::vector<std::string> carries;
  PictureArguments pictures;
  int steps = 0;
  std::string labels;
  std::string output;
  int top = 5;
  bool json = false;
};

Result<std::vector<std::string>> read_labels(const std::string& path) {
  std::vector<std::string> labels;
  if (path.empty()) return labels;
  Result<std::vector<std::byte>> bytes = read_file(path, std::size_t{64} << 20);
  if (!bytes) return std::move(bytes).error();
  std::string line;
  for (std::byte byte : *bytes) {
    const char c = static_cast<char>(byte);
    if (c == '\n')
      labels.push_back(std::exchange(line, {}));
    else if (c != '\r')
      line.push_back(c);
  }
  if (!line.empty()) labels.push_back(line);
  return labels;
}

// The best classes of each f32 output; outputs of other types are described only.
void describe_outputs(Runtime& runtime, const RunArguments& arguments, const std::vector<std::string>& labels,
                      const std::string& file, Json& json, std::string& text) {
  Json entry{{"input", file}};
  const auto out = std::back_inserter(text);
  if (!file.empty()) fmt::format_to(out, "{}\n", file);
  for (std::size_t i = 0; i < runtime.output_count(); ++i) {
    const TensorView view = runtime.output(i);
    fmt::format_to(out, "  {} {} {}\n", view.info().name, to_string(view.type()), view.shape().text());
    Json top = Json::array();
    const std::span<const float> values = view.values<float>();
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const std::size_t count = std::min(order.size(), static_cast<std::size_t>(arguments.top));
    // NaN comes last: a comparison that does not order is undefined behaviour in a sort.
    const auto better = [&](std::size_t a, std::size_t b) {
      const bool a_nan = std::isnan(values[a]);
      const bool b_nan = std::isnan(values[b]);
      if (a_nan != b_nan) return b_nan;
      return !a_nan && values[a] != values[b] ? values[a] > values[b] : a < b;
    };
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(), better);
    for (std::size_t k = 0; k < count; ++k) {
      const std::string label = order[k] < labels.size() ? labels[order[k]] : std::string();
      fmt::format_to(out, "  {:>6}  {:<12.6g} {}\n", order[k], values[order[k]], label);
      top.push_back({{"index", order[k]}, {"value", values[order[k]]}, {"label", label}});
    }
    entry["outputs"].push_back({{"name", view.info().name}, {"shape", view.shape().text()}, {"top", top}});
  }
  json.push_back(entry);
}

// Where each of the model's outputs is written.
std::vector<std::string> output_names(const std::string& path, std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count && !path.empty(); ++i)
    names.push_back(count == 1 ? path : path + "." + std::to_string(i));
  return names;
}

Status save_outputs(Runtime& runtime, const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    const TensorView view = runtime.output(i);
    const std::string array = io::format_npy(view.type(), view.shape().dims(), view.bytes());
    if (Status status = write_file(names[i], array); !status) return status;
  }
  return {};
}

// Before anything runs: names of outputs are known when the model is.
Status check(const RunArguments& arguments, std::vector<std::string> read,
             const std::vector<std::string>& names) {
  read.insert(read.end(), {arguments.model.model, arguments.model.plan, arguments.labels});
  std::vector<Output> outputs;
  for (const std::string& name : names) outputs.push_back({name});
  return check_outputs(outputs, read);
}

// All outputs are read before an input changes, whatever memory they share. `held` keeps its memory.
Status carry(Runtime& runtime, const std::vector<Carry>& carries, std::vector<std::vector<std::byte>>& held) {
  held.resize(carries.size());
  for (std::size_t i = 0; i < carries.size(); ++i) {
    const std::span<const std::byte> bytes = runtime.output(carries[i].output).bytes();
    held[i].assign(bytes.begin(), bytes.end());
  }
  for (std::size_t i = 0; i < carries.size(); ++i) {
    if (Status status = runtime.input(carries[i].input).copy_from(held[i]); !status) return status;
  }
  return {};
}

int run(const RunArguments& arguments) {
  Result<LoadOptions> options = arguments.model.load_options();
  if (!options) return fail(options.error());
  Result<Model> model = load_model(arguments.model, options->model);
  if (!model) return fail(model.error());
  const Result<std::vector<Carry>> carries = parse_carries(*model, arguments.carries);
  if (!carries) return fail(carries.error());
  const Result<RunInputs> inputs = RunInputs::parse(*model, arguments.inputs, *carries, arguments.pictures);
  if (!inputs) return fail(inputs.error());
  const std::size_t steps =
      arguments.steps > 0 ? static_cast<std::size_t>(arguments.steps) : inputs->files_of_an_input();
  if (Status status = inputs->check_steps(steps); !status) return fail(status.error());
  const std::vector<std::string> names = output_names(arguments.output, model->outputs().size());
  if (Status status = check(arguments, inputs->files(), names); !status) return fail(status.error());
  inputs->add_options(options->compile);
  Result<Loaded> loaded = load(*std::move(model), arguments.model, *options);
  if (!loaded) return fail(loaded.error());
  print_report(loaded->program.report());
  Result<Runtime> runtime = Runtime::create(loaded->program, options->runtime);
  if (!runtime) return fail(runtime.error());
  Result<std::vector<std::string>> labels = read_labels(arguments.labels);
  if (!labels) return fail(labels.error());
  Json json = Json::array();
  std::string text;
  std::vector<std::vector<std::byte>> carried;
  for (std::size_t step = 0; step < steps; ++step) {
    Status status = inputs->load(*runtime, step);
    if (status) status = runtime->run();
    if (status && (arguments.steps == 0 || step + 1 == steps))
      describe_outputs(*runtime, arguments, *labels, inputs->text(step), json, text);
    if (status && step + 1 < steps) status = carry(*runtime, *carries, carried);
    if (!status) return fail(status.error());
  }
  if (Status status = save_outputs(*runtime, names); !status) return fail(status.error());
  print(arguments.json ? json.dump(2) + "\n" : text);
  return kSuccess;
}

}  // namespace

void add_run(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("run", "Run a network on pictures or arrays");
  auto arguments = std::make_shared<RunArguments>();
  arguments->model.add_to(*command);
  command
      ->add_option(
          "--input", arguments->inputs,
          "JPEG, PNG, .npy or raw files (the input's bytes); NAME=FILE where there are several inputs")
      ->check(file_name());
  command->add_option("--steps", arguments->steps, "run so many times, and print the last")
      ->check(CLI::Range(1, 100000000));
  command->add_option("--carry", arguments->carries,
                      "OUTPUT=INPUT: what the next step gets from this one; zeros at first (repeatable)");
  arguments->pictures.add_to(*command);
  command->add_option("--labels", arguments->labels, "text file with one class name a line")
      ->check(file_name());
  command->add_option("--top", arguments->top, "how many classes to print")->check(CLI::Range(1, 1000000));
  command
      ->add_option("-o,--output", arguments->output,
                   "write the (last) outputs as .npy; several as FILE.0, FILE.1, ...")
      ->check(file_name());
  command->add_flag("--json", arguments->json, "print JSON");
  command->callback([=, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace fettle::cli
