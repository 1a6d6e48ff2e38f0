// SPDX-License-Identifier: Apache-2.0
//
// Models to ONNX files. In a file of its own, so that programs that only read models link nothing that
// writes them.
#include <fettle/model.h>

#include "lib/base/guard.h"
#include "lib/model/model_state.h"

#if FETTLE_WITH_ONNX
#include "lib/onnx/writer.h"
#endif

#include <string>
#include <vector>

namespace fettle {

Result<std::string> Model::onnx() const {
#if FETTLE_WITH_ONNX
  return guard_allocation([&] {
    std::vector<std::string> names;
    for (const TensorInfo& output : state_->outputs) names.push_back(output.name);
    return onnx_export::write(*state_->graph, names);
  });
#else
  return Error(ErrorCode::kNotCompiledIn, name() + ": this build cannot write ONNX files",
               "build with FETTLE_ONNX=ON");
#endif
}

}  // namespace fettle
