// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/compare/probe.h"

#include <malloc.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <utility>

namespace fettle::benchmarks {
namespace {

double microseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
}

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

// Gives freed memory back and lets the system count the peak anew.
void reset_peak() {
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";
}

std::size_t peak_bytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  std::size_t kilobytes = 0;
  while (status >> word) {
    if (word == "VmHWM:") status >> kilobytes;
  }
  return kilobytes * 1024;
}

// The child's answer is a line that begins so; whatever else rivals print is not of interest.
constexpr std::string_view kNumbers = "fettle_probe ";
constexpr std::string_view kProblem = "fettle_problem ";

Result<Probe> measure(const std::string& name, Task task) {
  // The input is made first, from a model that is gone before the clock starts.
  std::vector<Values> inputs;
  {
    Result<Model> model = Model::load(task.model_path);
    if (!model) return std::move(model).error();
    Result<std::vector<Values>> values = random_inputs(*model);
    if (!values) return std::move(values).error();
    inputs = *std::move(values);
    task.inputs.assign(model->inputs().begin(), model->inputs().end());
    task.outputs.assign(model->outputs().begin(), model->outputs().end());
  }
  reset_peak();
  Probe result;
  const auto start = std::chrono::steady_clock::now();
  Result<std::unique_ptr<Contender>> contender = make_contender(name, task);
  if (!contender) return std::move(contender).error();
  result.load_us = microseconds_since(start);
  if (Status status = (*contender)->set_inputs(inputs); !status) return std::move(status).error();
  const auto first = std::chrono::steady_clock::now();
  if (Status status = (*contender)->run(); !status) return std::move(status).error();
  result.first_run_us = microseconds_since(first);
  for (int i = 0; i < 10; ++i) {
    if (Status status = (*contender)->run(); !status) return std::move(status).error();
  }
  result.peak_bytes = peak_bytes();
  return result;
}

std::optional<std::string> next_line(std::FILE* file) {
  std::string line;
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) {
    if (c == '\n') return line;
    line += static_cast<char>(c);
  }
  return std::nullopt;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

Result<Probe> probe(const std::string& contender, const Task& task) {
  std::error_code failed;
  const std::string program = std::filesystem::read_symlink("/proc/self/exe", failed);
  std::string command = quoted(program) + " " + quoted(task.model_path) + " --probe " + contender +
                        " --threads " + std::to_string(task.threads);
  if (contender == "plan") command += " --plan " + quoted(task.plan_path);
  if (!task.rival_library.empty()) command += " --onnxruntime " + quoted(task.rival_library);
  if (!task.converted.empty()) command += " --converted " + quoted(task.converted);
  std::FILE* child = popen(command.c_str(), "r");
  if (child == nullptr) return Error(ErrorCode::kKernelFailed, "no process of its own can be started");
  std::optional<Probe> result;
  std::string problem;
  while (const std::optional<std::string> line = next_line(child)) {
    Probe numbers;
    if (line->starts_with(kProblem)) problem = line->substr(kProblem.size());
    if (line->starts_with(kNumbers) &&
        std::sscanf(line->c_str() + kNumbers.size(), "%lf %lf %zu", &numbers.load_us, &numbers.first_run_us,
                    &numbers.peak_bytes) == 3)
      result = numbers;
  }
  const int status = pclose(child);
  if (status == 0 && result) return *result;
  if (problem.empty()) problem = "its process ends with status " + std::to_string(WEXITSTATUS(status));
  return Error(ErrorCode::kKernelFailed, problem);
}

int answer_probe(const std::string& contender, const Task& task) {
  Result<Probe> result = measure(contender, task);
  if (!result) {
    std::printf("\n%s%s\n", kProblem.data(), first_line(result.error().message()).c_str());
    return 1;
  }
  std::printf("\n%s%.1f %.1f %zu\n", kNumbers.data(), result->load_us, result->first_run_us,
              result->peak_bytes);
  return 0;
}

}  // namespace fettle::benchmarks
