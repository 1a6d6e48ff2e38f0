// SPDX-License-Identifier: Apache-2.0
//
// Rivals with C++ interfaces are modules, opened when they take part: what they bring along (thread pools,
// other libraries) stays out of the processes that measure the memory of the others.
#pragma once

#include "benchmarks/contenders/contender.h"

#include <filesystem>

namespace fettle::benchmarks {

/// A contender of the module fettle_rival_NAME.so, which lies beside the program.
Result<std::unique_ptr<Contender>> open_module(const std::string& name, const Task& task);

/// The one function of a module, called `kOpenRival`: a contender that the caller owns, or null and why.
using OpenRival = Contender* (*)(const Task& task, std::string& problem);
inline constexpr char kOpenRival[] = "fettle_open_rival";

/// Makes that function's result of a class with `Status open(const Task&)`.
template <typename Rival>
Contender* open_rival(const Task& task, std::string& problem) {
  auto rival = std::make_unique<Rival>();
  Status status = rival->open(task);
  if (status) return rival.release();
  problem = status.error().message();
  return nullptr;
}

/// The network in another format: a file of the same name in the folder of such files, or beside the model.
inline std::filesystem::path converted_file(const Task& task, const std::string& extension) {
  const std::filesystem::path model = task.model_path;
  const std::filesystem::path name = model.filename().replace_extension(extension);
  return (task.converted.empty() ? model.parent_path() : std::filesystem::path(task.converted)) / name;
}

}  // namespace fettle::benchmarks

#define FETTLE_RIVAL(Class)                                                                           \
  extern "C" __attribute__((visibility("default"))) fettle::benchmarks::Contender* fettle_open_rival( \
      const fettle::benchmarks::Task& task, std::string& problem) {                                   \
    return fettle::benchmarks::open_rival<Class>(task, problem);                                      \
  }
