// SPDX-License-Identifier: Apache-2.0
//
// From files to a runtime in one call.
#include "lib/base/guard.h"

#include <fettle/model.h>
#include <fettle/plan.h>
#include <fettle/program.h>
#include <fettle/runtime.h>

#include <optional>
#include <string>
#include <utility>

namespace fettle {
namespace {

Result<Runtime> load_all(const std::string& model_path, const std::string& plan_path,
                         const LoadOptions& options) {
  Result<Model> model = Model::load(model_path, options.model);
  if (!model) return std::move(model).error();
  std::optional<Plan> plan;
  if (!plan_path.empty()) {
    Result<Plan> read = Plan::load(plan_path);
    if (!read) return std::move(read).error();
    plan = *std::move(read);
  }
  Result<Program> program = Program::compile(*model, plan ? &*plan : nullptr, options.compile);
  if (!program) return std::move(program).error();
  return Runtime::create(*program, options.runtime);
}

}  // namespace

Result<Runtime> Runtime::load(const std::string& model_path, const std::string& plan_path,
                              const LoadOptions& options) {
  return guard_allocation([&] { return load_all(model_path, plan_path, options); });
}

}  // namespace fettle
