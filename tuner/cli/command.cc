// SPDX-License-Identifier: Apache-2.0
#include "tuner/cli/command.h"

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace fettle::cli {
namespace {

constexpr NonFinite kNonFinite[] = {NonFinite::exact, NonFinite::spreads_in_tile, NonFinite::loses_nan};

// Whether a path leads to the file that stdout or stderr is redirected to. Terminals and pipes take both.
bool is_own_stream(const std::string& path) {
  struct stat file {};
  if (stat(path.c_str(), &file) != 0 || !S_ISREG(file.st_mode)) return false;
  const auto leads_there = [&](int stream) {
    struct stat info {};
    return fstat(stream, &info) == 0 && info.st_dev == file.st_dev && info.st_ino == file.st_ino;
  };
  return leads_there(STDOUT_FILENO) || leads_there(STDERR_FILENO);
}

}  // namespace

int fail(const Error& error) {
  fmt::print(stderr, "fettle: {}\n", error.text());
  switch (static_cast<int>(error.code()) / 100) {
    case 1:
      return kUsage;
    case 2:
      return kFile;
    case 3:
      return kModel;
    case 4:
      return kPlan;
    case 5:
      return kResources;
    case 6:
      return kDevice;
    default:
      return kInternal;
  }
}

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

std::string covers_text(const Variant& variant) {
  std::string text;
  for (const std::string& id : variant.covers) text.append(text.empty() ? ", covers " : ", ").append(id);
  return text;
}

Status check_outputs(const std::vector<Output>& outputs, const std::vector<std::string>& inputs) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto& [path, mode] = outputs[i];
    if (path.empty()) continue;
    for (const std::string& input : inputs) {
      if (!input.empty() && same_file(path, input)) {
        return Error(ErrorCode::kInvalidArgument, path + " would be overwritten: the command reads it",
                     "give another name for the output");
      }
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (!outputs[j].path.empty() && same_file(path, outputs[j].path)) {
        return Error(ErrorCode::kInvalidArgument, path + " would be written twice",
                     "give each output a name of its own");
      }
    }
    if (is_own_stream(path)) {
      return Error(ErrorCode::kInvalidArgument, path + " would be written twice: stdout or stderr goes there",
                   "give another name for the output");
    }
    if (Status status = check_output_file(path, mode); !status) return status;
  }
  return {};
}

CLI::Validator file_name() {
  return CLI::Validator(
      [](const std::string& text) { return text.empty() ? "the name of a file is missing" : std::string(); },
      "FILE");
}

CLI::Validator number_up_to(double most) {
  return CLI::Validator(
      [most](const std::string& text) {
        char* end = nullptr;
        const double number = std::strtod(text.c_str(), &end);
        const bool good = end != text.c_str() && *end == '\0' && number >= 0 && number <= most;
        return good ? std::string() : fmt::format("{} is not a number of 0 to {:g}", text, most);
      },
      fmt::format("NUMBER in 0 to {:g}", most));
}

namespace {

// "1,3,224" as integers, "0.5,2e-3" as real numbers.
Result<BoundInput> parse_numbers(const std::string& text) {
  BoundInput numbers;
  bool integers = true;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (;;) {
    const char* const next = std::find(at, end, ',');
    std::int64_t integer = 0;
    double real = 0;
    const auto [behind, error] = std::from_chars(at, next, integer);
    const auto [behind_real, no_real] = std::from_chars(at, next, real);
    integers = integers && error == std::errc() && behind == next;
    if (no_real != std::errc() || behind_real != next)
      return Error(ErrorCode::kInvalidArgument, fmt::format("\"{}\" is not a list of numbers", text),
                   "write for example 1,3,224 or -1 or 0.5");
    numbers.integers.push_back(integer);
    numbers.reals.push_back(real);
    if (next == end) break;
    at = next + 1;
  }
  if (integers)
    numbers.reals.clear();
  else
    numbers.integers.clear();
  return numbers;
}

}  // namespace

void ModelArguments::add_to(CLI::App& app, bool with_plan) {
  app.add_option("model", model, "ONNX file")->required()->check(file_name());
  if (with_plan) app.add_option("--plan", plan, "plan file, written by `fettle tune`")->check(file_name());
  app.add_option("--shape", shapes, "fix an input's shape: NAME=1x3x224x224 (repeatable)");
  app.add_option("--bind", bound, "make an input a constant: NAME=1,3,224 or NAME=0.5 (repeatable)");
  app.add_option("--threads", threads, "the most threads any layer may use")
      ->check(CLI::Range(1, kMaxThreads));
  std::vector<std::string> words;
  for (const NonFinite value : kNonFinite) words.emplace_back(to_string(value));
  app.add_option("--nonfinite", nonfinite, "the weakest that kernels may be with NaN and infinities")
      ->check(CLI::IsMember(words))
      ->capture_default_str();
  app.add_flag(
      "--keep-subnormals", keep_subnormals,
      "count numbers below the smallest normal one in every layer, which may take many times as long");
}

Result<LoadOptions> ModelArguments::load_options() const {
  LoadOptions options;
  options.compile.threads = threads;
  for (const NonFinite value : kNonFinite) {
    if (nonfinite == to_string(value)) options.compile.nonfinite = value;
  }
  options.model.keep_subnormals = keep_subnormals;
  for (const std::string& text : shapes) {
    const std::size_t equals = text.rfind('=');
    if (equals == std::string::npos || equals == 0)
      return Error(ErrorCode::kInvalidArgument, "--shape " + text, "write NAME=1x3x224x224");
    Result<Shape> shape = parse_shape(text.substr(equals + 1));
    if (!shape) return std::move(shape).error();
    options.model.shapes[text.substr(0, equals)] = *shape;
  }
  for (const std::string& text : bound) {
    const std::size_t equals = text.rfind('=');
    if (equals == std::string::npos || equals == 0)
      return Error(ErrorCode::kInvalidArgument, "--bind " + text, "write NAME=1,3,224 or NAME=0.5");
    Result<BoundInput> numbers = parse_numbers(text.substr(equals + 1));
    if (!numbers) return std::move(numbers).error();
    options.model.constants[text.substr(0, equals)] = *std::move(numbers);
  }
  return options;
}

Result<Model> load_model(const ModelArguments& arguments, const ModelOptions& options) {
  Result<Model> model = Model::load(arguments.model, options);
  if (!model) return model;
  for (const std::string& note : model->notes())
    fmt::print(stderr, "fettle: note: {}; --shape gives another extent\n", note);
  return model;
}

Result<Loaded> load(const ModelArguments& arguments, const LoadOptions& options) {
  Result<Model> model = load_model(arguments, options.model);
  if (!model) return std::move(model).error();
  return load(*std::move(model), arguments, options);
}

Result<Loaded> load(Model model, const ModelArguments& arguments, const LoadOptions& options) {
  std::optional<Plan> plan;
  if (!arguments.plan.empty()) {
    Result<Plan> read = Plan::load(arguments.plan);
    if (!read) return std::move(read).error();
    plan = *std::move(read);
  }
  Result<Program> program = Program::compile(model, plan ? &*plan : nullptr, options.compile);
  if (!program) return std::move(program).error();
  // Layers that a plan makes compute with integers are in the program's model.
  if (program->model() != nullptr) model = *program->model();
  return Loaded{std::move(model), std::move(plan), *std::move(program), options};
}

Result<Shape> parse_shape(const std::string& text) {
  Shape shape;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    std::int64_t extent = 0;
    const auto [next, error] = std::from_chars(at, end, extent);
    if (error != std::errc() || extent < 1 || shape.rank() == kMaxRank || (next < end && *next != 'x') ||
        next + 1 == end) {
      return Error(ErrorCode::kInvalidArgument, "\"" + text + "\" is not a shape",
                   "write up to 8 positive extents, such as 1x3x224x224");
    }
    shape.push_back(extent);
    at = next + 1;
  }
  if (shape.rank() == 0)
    return Error(ErrorCode::kInvalidArgument, "an empty shape", "write extents, such as 1x3x224x224");
  return shape;
}

Result<std::vector<float>> parse_floats(const std::string& text, const std::string& option) {
  std::vector<float> numbers;
  std::size_t at = 0;
  while (at <= text.size() && !text.empty()) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    float number = 0;
    const auto [next, error] = std::from_chars(text.data() + at, text.data() + comma, number);
    if (error != std::errc() || next != text.data() + comma || !std::isfinite(number)) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("{} {} is not a list of numbers", option, text),
                   "write for example 127.5 or 104,117,123");
    }
    numbers.push_back(number);
    at = comma + 1;
  }
  return numbers;
}

void print_report(std::span<const ReportEntry> report) {
  for (const ReportEntry& entry : report) {
    fmt::print(stderr, "fettle: note: {}{}{}\n", entry.layer, entry.layer.empty() ? "" : ": ", entry.what);
  }
}

}  // namespace fettle::cli
