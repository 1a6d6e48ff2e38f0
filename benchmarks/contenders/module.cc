// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/contenders/module.h"

#include <dlfcn.h>

namespace fettle::benchmarks {
namespace {

std::filesystem::path module_path(const std::string& name) {
  std::error_code failed;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", failed);
  return program.parent_path() / ("fettle_rival_" + name + ".so");
}

}  // namespace

Result<std::unique_ptr<Contender>> open_module(const std::string& name, const Task& task) {
  void* library = dlopen(module_path(name).c_str(), RTLD_NOW | RTLD_LOCAL);
  const auto open = library == nullptr ? nullptr : reinterpret_cast<OpenRival>(dlsym(library, kOpenRival));
  if (open == nullptr) {
    return Error(ErrorCode::kNotCompiledIn, name + " cannot be opened: " + dlerror(),
                 "docs/performance.md says what it takes to build it");
  }
  std::string problem;
  std::unique_ptr<Contender> contender(open(task, problem));
  if (contender == nullptr) return Error(ErrorCode::kKernelFailed, problem);
  return contender;
}

}  // namespace fettle::benchmarks
