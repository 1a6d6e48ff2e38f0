// SPDX-License-Identifier: Apache-2.0
//
// What the commands of `fettle` share: exit codes, error printing, options that several commands have.
#pragma once

#include <fettle/fettle.h>
#include <fettle/files.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace fettle::cli {

/// Documented in docs/command-line.md. Errors of the library give 2 to 9 by their group.
enum ExitCode : int {
  kSuccess = 0,
  kDifferent = 1,  ///< the command worked, and its answer is no: outputs differ, a plan does not fit
  kUsage = 2,      ///< bad arguments
  kFile = 3,
  kModel = 4,
  kPlan = 5,
  kResources = 6,
  kDevice = 7,
  kInternal = 9,
};

/// Prints the error with its hint to stderr and gives the exit code of its group.
int fail(const Error& error);

/// Writes text to stdout. main() finds out whether it arrived.
void print(const std::string& text);

/// ", covers ID, ID" of a variant of a region; else empty.
std::string covers_text(const Variant& variant);

/// A file that the command is going to write.
struct Output {
  std::string path;
  OutputMode mode = OutputMode::replace;
};

/// Every one of `outputs` can be written, and is none of the files that the command reads, nor written twice,
/// nor where stdout or stderr go. Found out before time is spent and files are lost, not after. Empty paths
/// stand for options not given: file_name() refuses those that are given.
Status check_outputs(const std::vector<Output>& outputs, const std::vector<std::string>& inputs);

/// Refuses a path without any text, which would look like an option that is not given.
CLI::Validator file_name();
/// Refuses what is no number, NaN, and numbers outside of 0 to `most`.
CLI::Validator number_up_to(double most);
/// Longer times are mistakes: 11 days.
inline constexpr double kMostSeconds = 1e6;
/// Of differences relative to the largest value: everything that is finite is well within it.
inline constexpr double kMostTolerance = 1e9;

/// Keys in the order in which they were put in, for output that people read too.
using Json = nlohmann::ordered_json;

/// Options of every command that loads a model.
struct ModelArguments {
  std::string model;
  std::string plan;
  std::vector<std::string> shapes;  ///< NAME=1x3x224x224
  std::vector<std::string> bound;   ///< NAME=1,3,224 or NAME=0.5
  int threads = 0;
  std::string nonfinite{to_string(NonFinite::spreads_in_tile)};
  bool keep_subnormals = false;

  void add_to(CLI::App& app, bool with_plan = true);
  Result<LoadOptions> load_options() const;
};

/// Model, plan and program, loaded as the arguments say. The model has the integer layers of the plan.
struct Loaded {
  Model model;
  std::optional<Plan> plan;
  Program program;
  LoadOptions options;
};
/// The model alone. Prints to stderr what was assumed of it.
Result<Model> load_model(const ModelArguments& arguments, const ModelOptions& options);
Result<Loaded> load(const ModelArguments& arguments, const LoadOptions& options);
Result<Loaded> load(Model model, const ModelArguments& arguments, const LoadOptions& options);

/// "1x3x224x224" as a shape.
Result<Shape> parse_shape(const std::string& text);
/// "104,117,123" as numbers.
Result<std::vector<float>> parse_floats(const std::string& text, const std::string& option);
/// Prints to stderr what fell back.
void print_report(std::span<const ReportEntry> report);

// The commands. Each adds its subcommand to `app`; the callback leaves its exit code in `exit_code`.
void add_inspect(CLI::App& app, int& exit_code);
void add_variants(CLI::App& app, int& exit_code);
void add_run(CLI::App& app, int& exit_code);
void add_bench(CLI::App& app, int& exit_code);
void add_verify(CLI::App& app, int& exit_code);
void add_tune(CLI::App& app, int& exit_code);
void add_explain(CLI::App& app, int& exit_code);
void add_plan(CLI::App& app, int& exit_code);
void add_quantize(CLI::App& app, int& exit_code);
void add_kernels(CLI::App& app, int& exit_code);

}  // namespace fettle::cli
